"""A batch from bronze to silver: run a plan, write silver.rejected and silver.order_lines, and say what became of it.

A plan can be run any number of times and always leaves the same tables and the same result.
"""

import datetime
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.logs import event
from lakehouse.mapping import OWN, FieldMapping
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES, SILVER_REJECTED
from spark_jobs import apply, bronze, collected, rejects
from spark_jobs.delta import Lakehouse
from spark_jobs.lags import Spread
from spark_jobs.plans import Plan, ReadObject, Result
from spark_jobs.storage import Bucket
from spark_jobs.transforms import changes as transforms


@dataclass(frozen=True)
class Batch:
    """What a run of a plan did: the result, and the days of sales it changed, None if they were not looked up."""

    result: Result
    days: frozenset[datetime.date] | None = None


def run(plan: Plan, tables: Lakehouse, bucket: Bucket, settings: Settings, mapping: FieldMapping = OWN) -> Batch:
    """Run a plan.

    Args:
        plan: The plan.
        tables: Where silver lies.
        bucket: Where bronze lies.
        settings: Time zone and the limit of the alarm for rejected rows.
        mapping: Which attribute of the DynamoDB table is which column.

    Returns:
        What became of every object.
    """
    given_up = bronze.given_up(bucket, plan.objects)

    def lines(damaged: dict[str, bronze.Damage]) -> DataFrame:
        apart = given_up | damaged
        raw = bronze.lines(tables.spark, bucket, [entry for entry in plan.objects if entry.key not in apart])
        if apart:
            raw = raw.unionAll(bronze.salvaged(tables.spark, apart))
        return bronze.changes(raw, plan.source, mapping)

    try:
        broken = {key: one for key, one in given_up.items() if one.reason}
        batch = _run(plan, tables, bucket, settings, lines, broken)
    except (PySparkException, Py4JJavaError):
        # a damaged object fails in a dozen ways and words: whatever it was, look whether there is one
        damaged = bronze.examine(bucket, plan.objects)
        if not damaged:
            raise
        batch = _run(plan, tables, bucket, settings, lines, damaged)
    result = batch.result
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
    return batch


def _run(
    plan: Plan,
    tables: Lakehouse,
    bucket: Bucket,
    settings: Settings,
    read: Callable[[dict[str, bronze.Damage]], DataFrame],
    damaged: dict[str, bronze.Damage],
) -> Batch:
    lines = read(damaged)
    keys = {bronze.mark(entry.key): entry.key for entry in plan.objects}

    def look(counts: list[dict[str, Any]]) -> dict[str, bronze.Damage]:
        """All damage: what was known, and that of objects of which nothing was read."""
        seen = {count["object"] for count in counts} | damaged.keys()
        return damaged | bronze.examine(bucket, [entry for entry in plan.objects if entry.key not in seen])

    days: frozenset[datetime.date] | None = None
    if sum(entry.size for entry in plan.objects) <= settings.collect_max_bytes:
        held = collected.judge(lines, plan, tables, settings.business_timezone)
        counts = _named(collected.count_by_object(held), keys)
        all_damage = look(counts)
        _write_collected(plan, tables, bucket, settings, held, counts, all_damage)
        days = collected.days(held)
    else:
        with _judged(lines, plan, tables) as judged:
            counts = _named([row.asDict() for row in transforms.count_by_object(judged).collect()], keys)
            all_damage = look(counts)
            _write(plan, tables, bucket, settings, judged, counts, all_damage)
    result = Result(
        plan.generation,
        plan.batch_id,
        plan.source,
        _read_objects(plan, counts, all_damage),
        tables.version(SILVER_ORDER_LINES),
        plan.planned_at,
        time.time(),
    )
    return Batch(result, days)


def _named(counts: Iterable[dict[str, Any]], keys: Mapping[int, str]) -> list[dict[str, Any]]:
    return [{**count, "object": keys[count["object"]]} for count in counts]


@contextmanager
def _judged(lines: DataFrame, plan: Plan, tables: Lakehouse) -> Iterator[DataFrame]:
    """The lines with their outcome, kept by Spark while they are used."""
    cached: list[DataFrame] = []
    try:
        current = None
        if plan.silver_version > 0:
            lines = lines.persist(StorageLevel.MEMORY_AND_DISK)
            cached.append(lines)
            current = _current(lines, plan, tables)
        judged = transforms.with_outcome(lines, current, plan.expired_sequence.get(plan.source))
        judged = judged.persist(StorageLevel.MEMORY_AND_DISK)
        cached.append(judged)
        yield judged
    finally:
        for rows in cached:
            rows.unpersist()


def _current(lines: DataFrame, plan: Plan, tables: Lakehouse) -> DataFrame | None:
    """Silver's keys and sequences that the lines can meet, read within the literal range of their order ids."""
    low, high = lines.agg(F.min("order_id"), F.max("order_id")).first() or (None, None)
    if low is None:
        return None
    keys = lines.where(F.col("order_id").isNotNull()).select(*transforms.KEY).distinct()
    within = F.col("order_id").between(F.lit(low), F.lit(high)) & (F.col("source") == plan.source)
    order_lines = tables.read(SILVER_ORDER_LINES, plan.silver_version).where(within)
    sequence, date = F.col("cdc_sequence").alias("current_sequence"), F.col("sales_date").alias("current_date")
    return order_lines.select(*transforms.KEY, sequence, date).join(keys, on=list(transforms.KEY), how="left_semi")


def _write_collected(
    plan: Plan,
    tables: Lakehouse,
    bucket: Bucket,
    settings: Settings,
    lines: pa.Table,
    counts: list[dict[str, Any]],
    damaged: dict[str, bronze.Damage],
) -> None:
    app, note = apply.application(plan.generation), f"batch {plan.generation}/{plan.batch_id}"
    if rejects.any_of(counts, damaged) and tables.transaction(SILVER_REJECTED, app) < plan.batch_id:
        rows = rejects.few(plan, bucket, lines, counts, damaged)
        tables.append_few(rows, SILVER_REJECTED, app, plan.batch_id, note)
    collected.write(plan, tables, bucket, lines, settings.unknown_columns, app, note)


def _write(
    plan: Plan,
    tables: Lakehouse,
    bucket: Bucket,
    settings: Settings,
    judged: DataFrame,
    counts: list[dict[str, Any]],
    damaged: dict[str, bronze.Damage],
) -> None:
    app, note = apply.application(plan.generation), f"batch {plan.generation}/{plan.batch_id}"
    if rejects.any_of(counts, damaged) and tables.transaction(SILVER_REJECTED, app) < plan.batch_id:
        rows = rejects.many(plan, tables.spark, bucket, judged, counts, damaged)
        tables.append(rows, SILVER_REJECTED, app, plan.batch_id, note)
    apply.write(plan, tables, judged, settings, counts=counts)


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
        spreads = [
            Spread(count["rows"], round(count["oldest_at"], 3), round(count["newest_at"], 3))
            for count in found
            if count["delay"] is not None
        ]
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
                landed_at=max((count["landed_at"] for count in found if count["landed_at"]), default=None),
                spreads=tuple(spreads),
            )
        )
    return tuple(read)
