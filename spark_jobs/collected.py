"""A batch in the driver's memory: judged by Spark in two jobs, collected, and committed without Spark.

A table format's commit costs Spark a dozen jobs and more, which is nothing beside a million rows and everything
beside two thousand.
"""

import datetime
import time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark import StorageLevel
from pyspark.sql import DataFrame

from lakehouse.tables import SILVER_ORDER_LINES
from spark_jobs import evolution, merge
from spark_jobs.delta import Lakehouse
from spark_jobs.plans import Plan
from spark_jobs.storage import Bucket
from spark_jobs.transforms import changes as transforms

CURRENT = pa.schema(
    [
        ("source", pa.string()),
        ("order_id", pa.string()),
        ("line_no", pa.int32()),
        ("current_sequence", pa.string()),
        ("current_date", pa.date32()),
    ]
)
ABOUT = ("object", "line", "landed_at", "offset", "reason", "raw", "outcome", "is_known", "current_date")
MEASURES = {
    "first": ("offset", "min"),
    "last": ("offset", "max"),
    "low": ("order_id", "min"),
    "high": ("order_id", "max"),
    "landed_at": ("landed_at", "max"),
    "oldest_at": ("cdc_at", "min"),
    "newest_at": ("cdc_at", "max"),
    "first_line": ("line", "min"),
}


def judge(lines: DataFrame, plan: Plan, tables: Lakehouse, business_timezone: str) -> pa.Table:
    """Give every line its outcome.

    Args:
        lines: Read lines, as of `bronze.changes`.
        plan: The batch.
        tables: Where silver lies.
        business_timezone: The zone in which a sale has its date.

    Returns:
        One row per line: object, line, landed_at, offset, reason, raw, outcome, is_known, current_date, delay and the
        columns of silver.order_lines.
    """
    lines = lines.persist(StorageLevel.MEMORY_ONLY)
    try:
        ids = lines.select("order_id").toArrow()["order_id"]
        current = _current(pc.unique(ids.drop_null()), plan, tables)
        known = tables.spark.createDataFrame(current).coalesce(1) if current.num_rows else None
        # in one part: the joins and windows of a few thousand rows then need no shuffle
        judged = transforms.with_outcome(lines.coalesce(1), known, plan.expired_sequence.get(plan.source))
        rows = judged.select(*ABOUT, transforms.delay_class(), *transforms.order_line(business_timezone)).toArrow()
        # not by Spark: the number would be a constant of its generated code, compiled anew for every batch
        return rows.append_column("batch_id", pa.repeat(pa.scalar(plan.batch_id, pa.int64()), len(rows)))
    finally:
        lines.unpersist()


def _current(ids: pa.Array, plan: Plan, tables: Lakehouse) -> pa.Table:
    """Silver's rows of these orders: source, order_id, line_no, current_sequence, current_date."""
    if not len(ids) or plan.silver_version <= 0:
        return CURRENT.empty_table()
    columns = ("source", "order_id", "line_no", "cdc_sequence", "sales_date")
    found = tables.rows(SILVER_ORDER_LINES, plan.silver_version, columns, "order_id", ids)
    return found.filter(pc.equal(found["source"], plan.source)).rename_columns(CURRENT.names)


def count_by_object(lines: pa.Table) -> list[dict[str, Any]]:
    """The rows of `transforms.count_by_object`, of a batch in memory."""
    counts = lines.group_by(["object", "outcome", "is_known", "delay"]).aggregate(
        [([], "count_all"), *MEASURES.values()]
    )
    counts = counts.rename_columns(["object", "outcome", "is_known", "delay", "rows", *MEASURES])
    for name in ("landed_at", "oldest_at", "newest_at"):
        micros = pc.cast(counts[name], pa.int64())
        seconds = pc.divide(pc.cast(micros, pa.float64(), safe=False), 1e6)  # a far year is rounded
        counts = counts.set_column(counts.column_names.index(name), name, seconds)
    return counts.to_pylist()


def days(lines: pa.Table) -> frozenset[datetime.date]:
    """The days of sales that the applied lines of a batch changed, those they left as well as those they came to."""
    applied = lines.filter(pc.equal(lines["outcome"], "applied"))
    found = pa.chunked_array([*applied["sales_date"].chunks, *applied["current_date"].chunks], pa.date32())
    return frozenset(pc.unique(found.drop_null()).to_pylist())


def write(
    plan: Plan, tables: Lakehouse, bucket: Bucket, lines: pa.Table, unknown_columns: str, app: str, note: str
) -> None:
    """Bring the applied changes of a batch into silver.order_lines, once: by append if no key is known, else by MERGE.

    Args:
        plan: The batch.
        tables: Where silver lies.
        bucket: The bucket it lies in.
        lines: What `judge` returned.
        unknown_columns: What becomes of fields that the contract does not know.
        app: The transaction's application.
        note: Text for the commit.
    """
    applied = lines.filter(pc.equal(lines["outcome"], "applied"))
    if not applied.num_rows or tables.transaction(SILVER_ORDER_LINES, app) >= plan.batch_id:
        return
    rows = applied.select(SILVER_ORDER_LINES.names).sort_by([(name, "ascending") for name in SILVER_ORDER_LINES.key])
    rows = evolution.complete(rows, tables, unknown_columns, note)
    if pc.any(applied["is_known"]).as_py():
        what = merge.Merge(rows, "cdc_sequence", app, plan.batch_id, note)
        merge.run(tables, bucket, SILVER_ORDER_LINES, what, now=time.time())
    else:
        tables.append_few(rows, SILVER_ORDER_LINES, app, plan.batch_id, note)
