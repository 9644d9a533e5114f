"""When each change was made and when gold showed it, for every single change of a run, worked out afterwards.

Change to object and line from bronze, object to batch and batch to silver's version from the operations tables,
silver's version to gold's from gold's own log; nothing is sampled.
"""

import bisect
import gzip
import json
import math
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, mean
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from lakehouse import places
from lakehouse.errors import ContractError
from lakehouse.settings import Settings
from lakehouse.tables import (
    GOLD_DAILY_PRODUCT_SALES,
    GOLD_DAILY_SALES,
    OPS_BATCHES,
    OPS_BRONZE_OBJECTS,
    SILVER_REJECTED,
    Table,
)
from spark_jobs.storage import Bucket

GOLD = (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES)
_SEQUENCE_AND_TIME = re.compile(rb'\\"lsn\\":(\d+),\\"ts_ms\\":(\d+)')


@dataclass(frozen=True)
class Shown:
    """A batch of a gold table's log: the version, silver's version it shows, and when it was committed."""

    version: int
    silver_version: int
    committed_at: float


def gold_log(settings: Settings, table: Table) -> list[Shown]:
    """What each commit of a gold table shows, in order."""
    bucket, found = Bucket(settings), []
    for entry in bucket.entries(f"{table.layer}/{table.name}/_delta_log/"):
        name = entry.key.rpartition("/")[2]
        if re.fullmatch(r"\d{20}\.json", name):
            actions = [json.loads(line) for line in (bucket.get(entry.key) or b"").splitlines()]
            told = [action["txn"] for action in actions if action.get("txn", {}).get("appId", "").startswith("gold/")]
            times = [action["commitInfo"]["timestamp"] for action in actions if "commitInfo" in action]
            if told and times:
                found.append(Shown(int(name[:20]), told[0]["version"], times[0] / 1000))
    return found


def shown_at(log: Sequence[Shown], seen: Sequence[tuple[int, float]], silver_version: int) -> tuple[float, float]:
    """When a gold table that shows this version of silver was committed, and when it was seen.

    Args:
        log: Of the table, in order.
        seen: The versions that an observer saw and when, in order.
        silver_version: Of silver.order_lines.

    Returns:
        Seconds since 1970; infinite where it never was.

    Example:
        >>> shown_at([Shown(1, 10, 100.0), Shown(2, 12, 200.0)], [(1, 100.2), (2, 200.1)], 11)
        (200.0, 200.1)
    """
    place = bisect.bisect_left(log, silver_version, key=lambda shown: shown.silver_version)
    if place == len(log):
        return math.inf, math.inf
    seen_place = bisect.bisect_left(seen, log[place].version, key=lambda one: one[0])
    return log[place].committed_at, seen[seen_place][1] if seen_place < len(seen) else math.inf


def changes(settings: Settings, seen: dict[str, list[tuple[int, float]]], lsns: range) -> pa.Table:
    """Every change of a run once, however often it was delivered.

    Args:
        settings: Of the stack.
        seen: By gold table, the versions an observer saw and when.
        lsns: The run's.

    Returns:
        One row per lsn: made_at (by the source), committed_at and seen_at (in both gold tables, from the batch that
        first holds it), seconds since 1970. Malformed messages are no changes.

    Raises:
        ContractError: A change is not in gold.
    """
    logs = {table.name: gold_log(settings, table) for table in GOLD}
    batches = rows_of(settings, OPS_BATCHES, ["batch_id", "silver_version"])
    times: dict[int, tuple[float, float]] = {}
    for batch in batches:
        found = [shown_at(logs[name], seen[name], batch["silver_version"]) for name in logs]
        times[batch["batch_id"]] = max(at for at, _ in found), max(at for _, at in found)
    rejected = {(row["object"], row["position"]) for row in rows_of(settings, SILVER_REJECTED, ["object", "position"])}
    bucket = Bucket(settings)
    sequence, made, committed, visible = array("q"), array("d"), array("d"), array("d")
    for entry in rows_of(settings, OPS_BRONZE_OBJECTS, ["object", "batch_id"]):
        commit, look = times[entry["batch_id"]]
        lines = gzip.decompress(bucket.get(entry["object"]) or b"").split(b"\n")
        for position, line in enumerate(lines):
            told = _SEQUENCE_AND_TIME.search(line)
            if told and int(told[1]) in lsns and (entry["object"], position) not in rejected:
                sequence.append(int(told[1]))
                made.append(int(told[2]) / 1000)
                committed.append(commit)
                visible.append(look)
    rows = pa.table({"lsn": sequence, "made_at": made, "committed_at": committed, "seen_at": visible})
    rows = rows.group_by("lsn").aggregate([("made_at", "min"), ("committed_at", "min"), ("seen_at", "min")])
    rows = rows.rename_columns(["lsn", "made_at", "committed_at", "seen_at"])
    missing = len(rows) - pc.sum(pc.is_finite(rows["seen_at"])).as_py()
    if missing:
        raise ContractError(f"{missing} of {len(rows)} changes were never seen in gold", "all", "look at the log")
    return rows


def percentiles(seconds: pa.ChunkedArray, *at: float) -> list[float]:
    """The percentiles of a column.

    Example:
        >>> percentiles(pa.chunked_array([[1.0, 2.0, 3.0]]), 0.5, 1.0)
        [2.0, 3.0]
    """
    return [float(value) for value in pc.quantile(seconds, list(at)).to_pylist()]


@dataclass(frozen=True)
class Trend:
    """A line through points: its slope by second, and the slope's standard error."""

    slope: float
    error: float

    @property
    def rises(self) -> bool:
        """Whether the slope is positive beyond two standard errors."""
        return self.slope > 2 * self.error


def trend(points: Sequence[tuple[float, float]]) -> Trend:
    """The line of least squares.

    Args:
        points: Time [seconds] and value.

    Raises:
        ContractError: There are fewer than three.

    Example:
        >>> trend([(0, 5.0), (1, 6.0), (2, 7.0)])
        Trend(slope=1.0, error=0.0)
    """
    if len(points) < 3:
        raise ContractError(f"{len(points)} points", "at least three for a line and its error", "measure for longer")
    times, values = [at for at, _ in points], [value for _, value in points]
    slope, start = linear_regression(times, values)
    misses = sum((value - start - slope * at) ** 2 for at, value in points)
    middle = mean(times)
    spread = sum((at - middle) ** 2 for at in times)
    return Trend(slope, math.sqrt(misses / (len(points) - 2) / spread))


def backlog(rows: pa.Table, start: float, end: float) -> list[tuple[float, float]]:
    """Changes made and not yet visible, just before each moment at which gold shows more.

    Args:
        rows: Of `changes`.
        start: The first such moment to take [seconds since 1970].
        end: The last.

    Returns:
        Moments and how many changes wait; a peak each, so that the saw's teeth do not hide the trend.
    """
    made = pc.array_sort_indices(rows["made_at"])
    made_at = rows["made_at"].take(made).to_pylist()
    seen_at = sorted(rows["seen_at"].to_pylist())
    moments = [at for at in pc.unique(rows["seen_at"]).to_pylist() if start <= at <= end]
    return [(at, bisect.bisect_left(made_at, at) - bisect.bisect_left(seen_at, at)) for at in sorted(moments)]


def rows_of(settings: Settings, table: Table, columns: list[str]) -> list[dict[str, Any]]:
    """These columns of a table as it is now."""
    url = places.table_url(settings.bucket, table.layer, table.name)
    return list(DeltaTable(url, storage_options=settings.delta_options).to_pyarrow_table(columns=columns).to_pylist())
