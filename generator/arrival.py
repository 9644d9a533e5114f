"""Waiting until gold shows a run to DynamoDB: its records have no offsets, so silver's rows are held against the truth.

Reads the driver's progress object and silver.order_lines at the version that gold shows.
"""

import time
from collections.abc import Callable
from typing import Final

import duckdb
import pyarrow as pa

from generator import silver, truth, wait
from generator.outcome import Report, Stop, Summary, never, silent
from lakehouse.errors import SourceError
from lakehouse.places import DYNAMODB, KAFKA
from lakehouse.settings import Settings

LOOK_SECONDS: Final = 1.0

Rows = Callable[[int], pa.Table]


def until_in_gold(settings: Settings, summary: Summary, report: Report = silent, stop: Stop = never) -> bool:
    """Return True once gold has all of a run, False if asked to stop before.

    Raises:
        SourceError: Gold does not advance; the text says what is pending.
    """
    if summary.sink == KAFKA:
        return wait.until_in_gold(settings, summary.topic_id, summary.ends, report, stop=stop)
    expected = truth.table(truth.images(settings, summary.sink))
    return until_shown(
        expected, wait.bucket_reader(settings), lambda version: live_rows(settings, version), report, stop
    )


def until_shown(
    expected: pa.Table,
    read: wait.Read,
    rows: Rows,
    report: Report = silent,
    stop: Stop = never,
    *,
    patience: float = wait.PATIENCE_SECONDS,
) -> bool:
    """Return True once the rows of the version that gold shows are the expected ones, False if asked to stop before.

    Args:
        expected: The order line's columns.
        read: Gives the progress object.
        rows: Gives the rows of a version of silver.order_lines, in the same columns.
        report: Told how many of the expected rows are there.
        stop: Asked between two looks.
        patience: Seconds without any advance after which waiting is given up.

    Raises:
        SourceError: Gold does not advance.
    """
    least, version, advanced = expected.num_rows + 1, -2, time.monotonic()
    while True:
        progress = read()
        now = time.monotonic()
        if progress is not None and progress.silver_version not in (version, -1):
            version = progress.silver_version
            differing = pending(expected, rows(version))
            report("to gold", max(expected.num_rows - differing, 0), expected.num_rows)
            if not differing:
                return True
            if differing < least:
                least, advanced = differing, now
        if stop():
            return False
        if now - advanced > patience:
            raise SourceError(
                f"gold has not advanced for {patience:.0f} s; rows pending: {min(least, expected.num_rows):,}",
                "all of them in gold",
                "look at `make status` and `make logs`",
            )
        time.sleep(LOOK_SECONDS)


def pending(expected: pa.Table, found: pa.Table) -> int:
    """How many rows are missing, too many or other; where their number differs, at least by how many."""
    if expected.num_rows != found.num_rows:
        return abs(expected.num_rows - found.num_rows)
    connection = duckdb.connect()
    connection.register("expected", expected)
    connection.register("found", found.select(expected.column_names))
    missing = connection.execute("SELECT count(*) FROM (FROM expected EXCEPT ALL FROM found)").fetchone()
    return int(missing[0]) if missing else 0


def live_rows(settings: Settings, version: int) -> pa.Table:
    """The live rows of DynamoDB in a version of silver.order_lines."""
    return silver.rows(settings, truth.SCHEMA, f"source = '{DYNAMODB}' AND NOT is_deleted", version)
