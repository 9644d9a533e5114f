"""Amazon Athena's API: requests to answers, executions and workgroups kept in SQLite.

It runs in the gateway's process and imports neither DuckDB nor pyarrow; statements run in workers.
"""
