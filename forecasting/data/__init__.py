"""Data in and out: imports from S3, artefacts that answer queries, exports to S3, and the changes of a what-if."""
