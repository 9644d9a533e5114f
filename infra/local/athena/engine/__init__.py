"""Runs translated queries: worker processes with DuckDB locked into the files of one query, and what they hand back."""
