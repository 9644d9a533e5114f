"""Vacuum: a table's files that no version within the retention needs are deleted, those of its change feed too.

Which files versions need is asked of delta-rs; what is there is listed here. Spark's VACUUM takes seconds; delta-rs's
own either lists the log as well, which has most of the objects, or leaves the change feed and forgotten files.
"""

import re

from lakehouse.errors import ContractError
from lakehouse.tables import Table
from spark_jobs.delta import Lakehouse
from spark_jobs.storage import Bucket

MOST_FILES = 10_000  # in a piece of work
RETENTION = "delta.deletedFileRetentionDuration"


def run(tables: Lakehouse, bucket: Bucket, table: Table, *, now: float) -> int:
    """Delete what is older than the table's retention of deleted files and no longer needed.

    Args:
        tables: Where the table lies.
        bucket: The bucket it lies in.
        table: The table; what reads its change feed has read it.
        now: Seconds since 1970.

    Returns:
        How many files were deleted.

    Raises:
        ContractError: The table has no retention in hours.
    """
    handle = tables.handle(table)
    retention = handle.metadata().configuration.get(RETENTION, "")
    hours = re.fullmatch(r"interval (\d+) hours?", retention)
    if not hours:
        raise ContractError(f"{table.full_name}: {RETENTION}={retention}", "interval <n> hours", "set the property")
    # all that was removed since the retention began is in delta-rs's hands: it is kept there for as long
    removed = set(handle.vacuum(0, enforce_retention_duration=False))
    recently = removed - set(handle.vacuum(int(hours[1]), enforce_retention_duration=False))
    root = tables.url(table).removeprefix(f"s3://{bucket.name}/") + "/"
    needed = {path.rpartition("/")[2] for path in (*handle.file_uris(), *recently)}
    before = now - int(hours[1]) * 3600
    doomed = [
        entry.key
        for prefix in ("part-", "_change_data/")
        for entry in bucket.entries(root + prefix)
        if (entry.modified_at or now) < before and entry.key.rpartition("/")[2] not in needed
    ][:MOST_FILES]
    bucket.delete_keys(doomed)
    return len(doomed)
