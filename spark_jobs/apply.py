"""Writing a batch's applied changes into silver.order_lines: by append where the keys are new, by MERGE where not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES
from spark_jobs import evolution
from spark_jobs.delta import ROWS_PER_FILE, Lakehouse
from spark_jobs.plans import Plan
from spark_jobs.transforms import changes as transforms

SPLIT_ROWS = 20_000  # new rows above which they get an append of their own; a judgement, see docs/decisions/0002


def application(generation: int) -> str:
    """The name under which a generation writes silver. Its transaction says that the batch is in the table whole."""
    return f"silver/{generation}"


@dataclass(frozen=True)
class Extent:
    """How many keys a batch's applied changes have, and between which order ids they lie."""

    rows: int = 0
    low: str = ""
    high: str = ""

    @classmethod
    def of(cls, counts: Iterable[Mapping[str, Any]]) -> "Extent":
        """The extent of rows of `transforms.count_by_object` that have a key; none give an empty one."""
        found = list(counts)
        # as UTF-8, as Spark compares text
        ids = sorted((count[end] for count in found for end in ("low", "high")), key=lambda text: text.encode())
        return cls(sum(count["rows"] for count in found), ids[0], ids[-1]) if found else cls()


def write(
    plan: Plan, tables: Lakehouse, judged: DataFrame, settings: Settings, *, counts: Sequence[Mapping[str, Any]]
) -> None:
    """Bring the applied changes of a batch into the table, once.

    Args:
        plan: The batch.
        tables: Where silver lies.
        judged: Lines with their outcome; those applied are one per key.
        settings: The zone in which a sale has its date, and what becomes of unknown fields.
        counts: The rows of `transforms.count_by_object` of these lines.
    """
    app, note = application(plan.generation), f"batch {plan.generation}/{plan.batch_id}"
    applied = [count for count in counts if count["outcome"] == "applied"]
    if not applied or tables.transaction(SILVER_ORDER_LINES, app) >= plan.batch_id:
        return
    winners = judged.where(F.col("outcome") == "applied")
    has_extra = any(count["has_extra"] for count in applied)
    complete = evolution.prepare(winners, tables, settings.unknown_columns, note, has_extra=has_extra)

    def rows(chosen: DataFrame) -> DataFrame:
        return complete(transforms.order_lines(chosen, plan.batch_id, settings.business_timezone))

    known, new = F.col("is_known"), ~F.col("is_known")
    every = Extent.of(applied)
    updates = Extent.of(count for count in applied if count["is_known"])
    inserts = every.rows - updates.rows
    if not updates.rows:
        _append(tables, rows(winners), inserts, app, plan.batch_id, note)
        return
    touched = every
    if inserts > SPLIT_ROWS:
        # two commits: until the second, readers lack the updates; gold is computed after both
        first = f"{app}/inserts"
        if tables.transaction(SILVER_ORDER_LINES, first) < plan.batch_id:
            _append(tables, rows(winners.where(new)), inserts, first, plan.batch_id, note)
        winners, touched = winners.where(known), updates
    old_id, new_id = F.col("old.order_id"), F.col("new.order_id")
    # the literal range lets Delta leave out the files that cannot hold these keys
    same_key = (
        (F.col("old.source") == F.lit(plan.source))
        & old_id.between(F.lit(touched.low), F.lit(touched.high))
        & (old_id == new_id)
        & (F.col("old.line_no") == F.col("new.line_no"))
        & (F.col("old.source") == F.col("new.source"))
    )
    newer = F.col("new.cdc_sequence") > F.col("old.cdc_sequence")
    tables.merge(
        rows(winners),
        SILVER_ORDER_LINES,
        condition=same_key,
        newer=newer,
        app=app,
        version=plan.batch_id,
        note=note,
    )


def _append(tables: Lakehouse, rows: DataFrame, count: int, app: str, version: int, note: str) -> None:
    # judging has left the rows sorted by order_id and line_no within each part
    rows = rows if count > ROWS_PER_FILE else rows.coalesce(1)
    tables.append(rows, SILVER_ORDER_LINES, app, version, note)
