"""The rows of silver.rejected that a batch makes of lines and of whole objects: few in memory, or many in Spark."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.tables import SILVER_REJECTED
from spark_jobs import bronze
from spark_jobs.arrow import arrow_schema
from spark_jobs.plans import Plan
from spark_jobs.storage import Bucket
from spark_jobs.transforms import changes as transforms

Counts = Sequence[Mapping[str, Any]]
Damaged = Mapping[str, bronze.Damage]


def any_of(counts: Counts, damaged: Damaged) -> bool:
    """Whether there is any."""
    return bool(damaged) or any(count["outcome"] == "rejected" for count in counts)


def few(plan: Plan, bucket: Bucket, lines: pa.Table, counts: Counts, damaged: Damaged) -> pa.Table:
    """The rows of a batch that was judged in memory.

    Args:
        plan: The batch.
        bucket: Where bronze lies.
        lines: What `collected.judge` returned.
        counts: Its rows by object, `object` being the key.
        damaged: The batch's damaged objects by key.
    """
    starts = _starts(counts)
    keys = {bronze.mark(key): key for key in starts}
    found = lines.filter(pc.equal(lines["outcome"], "rejected")).select(["raw", "reason", "object", "line"])
    rows = [
        {
            "raw": row["raw"],
            "reason": row["reason"],
            "object": keys[row["object"]],
            "position": row["line"] - starts[keys[row["object"]]],
        }
        for row in found.to_pylist()
    ]
    texts = _lacking(rows, bucket)
    at = datetime.datetime.fromtimestamp(plan.planned_at, datetime.UTC)
    about = {"batch_id": plan.batch_id, "rejected_at": at}
    lost = [{**row, "raw": texts.get((row["object"], row["position"]), row["raw"]), **about} for row in rows]
    whole = [{**row, **about} for row in _objects(damaged)]
    return pa.Table.from_pylist(lost + whole, schema=arrow_schema(SILVER_REJECTED))


def many(
    plan: Plan, spark: SparkSession, bucket: Bucket, judged: DataFrame, counts: Counts, damaged: Damaged
) -> DataFrame:
    """The rows of a batch that Spark keeps; the arguments are those of `few`, `judged` has the lines' outcomes."""
    starts = [(bronze.mark(key), key, start) for key, start in _starts(counts).items()]
    named = spark.createDataFrame(starts, "mark BIGINT, key STRING, start BIGINT")
    placed = judged.join(F.broadcast(named), on=F.col("object") == F.col("mark"), how="inner")
    placed = placed.withColumn("position", F.col("line") - F.col("start")).withColumn("object", F.col("key"))
    rows = transforms.rejected(placed, plan.batch_id, plan.planned_at)
    if plan.expired_sequence.get(plan.source):
        rows = _with_raw(rows, spark, bucket)
    if damaged:
        whole = [{**row, "outcome": "rejected"} for row in _objects(damaged)]
        objects = spark.createDataFrame(
            whole, "raw STRING, reason STRING, object STRING, position BIGINT, outcome STRING"
        )
        rows = rows.unionByName(transforms.rejected(objects, plan.batch_id, plan.planned_at))
    return rows.coalesce(1)


def _with_raw(rejected: DataFrame, spark: SparkSession, bucket: Bucket) -> DataFrame:
    older = rejected.where(F.col("reason") == transforms.OLDER).select("raw", "reason", "object", "position").collect()
    texts = _lacking([row.asDict() for row in older], bucket)
    if not texts:
        return rejected
    found = spark.createDataFrame(
        [(key, position, text) for (key, position), text in texts.items()],
        "object STRING, position BIGINT, text STRING",
    )
    placed = rejected.join(F.broadcast(found), on=["object", "position"], how="left")
    return placed.withColumn("raw", F.coalesce("raw", "text")).select(*rejected.columns)


def _lacking(rows: Iterable[Mapping[str, Any]], bucket: Bucket) -> dict[tuple[str, int], str]:
    """By object and position, the raw text of rows older than an expired delete: reading kept none of theirs."""
    lacking = [(row["object"], row["position"]) for row in rows if row["reason"] == transforms.OLDER]
    return bronze.values(bucket, lacking)


def _starts(counts: Counts) -> dict[str, int]:
    """By key, the number of an object's first line."""
    starts: dict[str, int] = {}
    for count in counts:
        starts[count["object"]] = min(count["first_line"], starts.get(count["object"], count["first_line"]))
    return starts


def _objects(damaged: Damaged) -> Iterator[dict[str, Any]]:
    for key, damage in damaged.items():
        yield {"raw": bronze.describe(damage), "reason": f"{damage.status}_object", "object": key, "position": -1}
