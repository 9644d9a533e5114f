"""The Athena API over DuckDB: a plug-in of the gateway that reads the Glue catalogue's tables out of its buckets."""
