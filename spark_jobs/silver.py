"""A batch from bronze to silver: run a plan, write silver.rejected and silver.order_lines, and say what became of it.

A plan can be run any number of times and always leaves the same tables and the same result.
"""

import time
from collections import Counter
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.logs import event
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES, SILVER_REJECTED
from spark_jobs import apply, bronze
from spark_jobs.delta import Lakehouse
from spark_jobs.plans import Plan, ReadObject, Result
from spark_jobs.storage import Bucket
from spark_jobs.transforms import changes as transforms


def run(plan: Plan, tables: Lakehouse, bucket: Bucket, settings: Settings) -> Result:
    """Run a plan.

    Args:
        plan: The plan.
        tables: Where silver lies.
        bucket: Where bronze lies.
        settings: Time zone and the limit of the alarm for rejected rows.

    Returns:
        What became of every object.
    """
    try:
        result = _run(plan, tables, bucket, settings, {})
    except (PySparkException, Py4JJavaError):
        # a damaged object fails in a dozen ways and words: whatever it was, look whether there is one
        damaged = bronze.examine(bucket, plan.objects)
        if not damaged:
            raise
        result = _run(plan, tables, bucket, settings, damaged)
    share = result.outcomes["rejected"] / max(1, result.rows)
    if share > settings.rejected_share_alarm:
        event(
            "many rows rejected",
            level=40,
            batch_id=plan.batch_id,
            share=round(share, 4),
            limit=settings.rejected_share_alarm,
            look="select * from silver.rejected",
        )
    return result


def _run(
    plan: Plan, tables: Lakehouse, bucket: Bucket, settings: Settings, damaged: dict[str, bronze.Damage]
) -> Result:
    spark = tables.spark
    raw = bronze.lines(spark, bucket, [entry for entry in plan.objects if entry.key not in damaged])
    if damaged:
        raw = raw.unionAll(bronze.salvaged(spark, damaged))
    lines = bronze.changes(raw, plan.source)
    silver_was_empty = plan.silver_version <= 0
    cached: list[DataFrame] = []
    try:
        current = None
        if not silver_was_empty:
            lines = lines.persist(StorageLevel.MEMORY_AND_DISK)
            cached.append(lines)
            current = _current(lines, plan, tables)
        judged = transforms.with_outcome(lines, current, plan.expired_sequence.get(plan.source))
        judged = judged.persist(StorageLevel.MEMORY_AND_DISK)
        cached.append(judged)
        keys = {bronze.mark(entry.key): entry.key for entry in plan.objects}
        counts = [
            {**row.asDict(), "object": keys[row["object"]]} for row in transforms.count_by_object(judged).collect()
        ]
        seen = {count["object"] for count in counts} | damaged.keys()
        damaged = damaged | bronze.examine(bucket, [entry for entry in plan.objects if entry.key not in seen])
        _write(plan, tables, settings, judged, counts, damaged)
    finally:
        for rows in cached:
            rows.unpersist()
    return Result(
        plan.generation,
        plan.batch_id,
        plan.source,
        _read_objects(plan, counts, damaged),
        tables.version(SILVER_ORDER_LINES),
        plan.planned_at,
        time.time(),
    )


def _current(lines: DataFrame, plan: Plan, tables: Lakehouse) -> DataFrame | None:
    """Silver's keys and sequences that the lines can meet, read within the literal range of their order ids."""
    low, high = lines.agg(F.min("order_id"), F.max("order_id")).first() or (None, None)
    if low is None:
        return None
    keys = lines.where(F.col("order_id").isNotNull()).select(*transforms.KEY).distinct()
    within = F.col("order_id").between(F.lit(low), F.lit(high)) & (F.col("source") == plan.source)
    order_lines = tables.read(SILVER_ORDER_LINES, plan.silver_version).where(within)
    return order_lines.select(*transforms.KEY, F.col("cdc_sequence").alias("current_sequence")).join(
        keys, on=list(transforms.KEY), how="left_semi"
    )


def _write(
    plan: Plan,
    tables: Lakehouse,
    settings: Settings,
    judged: DataFrame,
    counts: list[dict[str, Any]],
    damaged: dict[str, bronze.Damage],
) -> None:
    app, note = apply.application(plan.generation), f"batch {plan.generation}/{plan.batch_id}"
    rejects = damaged or any(count["outcome"] == "rejected" for count in counts)
    if rejects and tables.transaction(SILVER_REJECTED, app) < plan.batch_id:
        tables.append(_rejected(plan, tables, judged, counts, damaged), SILVER_REJECTED, app, plan.batch_id, note)
    apply.write(plan, tables, judged, settings, counts=counts)


def _rejected(
    plan: Plan, tables: Lakehouse, judged: DataFrame, counts: list[dict[str, Any]], damaged: dict[str, bronze.Damage]
) -> DataFrame:
    first_lines: dict[str, int] = {}
    for count in counts:
        first_lines[count["object"]] = min(count["first_line"], first_lines.get(count["object"], count["first_line"]))
    starts = tables.spark.createDataFrame(
        [(bronze.mark(key), key, start) for key, start in first_lines.items()],
        "mark BIGINT, key STRING, start BIGINT",
    )
    placed = judged.join(F.broadcast(starts), on=F.col("object") == F.col("mark"), how="inner")
    placed = placed.withColumn("position", F.col("line") - F.col("start")).withColumn("object", F.col("key"))
    rows = transforms.rejected(placed, plan.batch_id, plan.planned_at)
    if not damaged:
        return rows.coalesce(1)
    whole = [
        (bronze.describe(damage), f"{damage.status}_object", key, -1, "rejected") for key, damage in damaged.items()
    ]
    objects = tables.spark.createDataFrame(
        whole, "raw STRING, reason STRING, object STRING, position BIGINT, outcome STRING"
    )
    return rows.unionByName(transforms.rejected(objects, plan.batch_id, plan.planned_at)).coalesce(1)


def _read_objects(
    plan: Plan, counts: list[dict[str, Any]], damaged: dict[str, bronze.Damage]
) -> tuple[ReadObject, ...]:
    by_object: dict[str, list[dict[str, Any]]] = {entry.key: [] for entry in plan.objects}
    for count in counts:
        by_object[count["object"]].append(count)

    read = []
    for entry in plan.objects:
        found = by_object[entry.key]
        damage = damaged.get(entry.key)
        outcomes: Counter[str] = Counter()
        for count in found:
            outcomes[count["outcome"]] += count["rows"]
        offsets = [count[name] for count in found for name in ("first", "last") if count[name] is not None]
        times = [count["newest_at"] for count in found if count["newest_at"] is not None]
        read.append(
            ReadObject(
                entry.key,
                entry.etag,
                damage.status if damage else "read",
                rows=sum(count["rows"] for count in found),
                first=min(offsets, default=None),
                last=max(offsets, default=None),
                outcomes=dict(outcomes),
                newest_at=max(times, default=None),
            )
        )
    return tuple(read)
