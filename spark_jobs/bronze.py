"""Reading bronze: the lines of a batch's objects, and what can be saved of an object that is damaged."""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import places
from lakehouse.logs import event
from lakehouse.mapping import OWN, FieldMapping
from spark_jobs import salvage
from spark_jobs.plans import BronzeObject
from spark_jobs.session import READ_DYNAMODB_LINE, READ_KAFKA_LINE
from spark_jobs.storage import Bucket

RAW_LINES = "value STRING, line BIGINT, object BIGINT, landed_at TIMESTAMP"


def lines(spark: SparkSession, bucket: Bucket, objects: Sequence[BronzeObject]) -> DataFrame:
    """The lines of whole objects.

    Returns:
        One row per line that is not blank: value, line (rising within an object, not from 0), object (the mark of its
        key, its CRC-32, see `mark`: a number is cheaper to carry through a shuffle than a key) and landed_at (S3's
        time of the object).
    """
    if not objects:
        return spark.createDataFrame([], RAW_LINES)
    root = f"s3://{bucket.name}/"
    read = spark.read.text([root + entry.key for entry in objects]).select(
        "value",
        F.monotonically_increasing_id().alias("line"),
        F.crc32(F.substring("_metadata.file_path", len(root) + 1, 2000).cast("binary")).alias("object"),
        F.col("_metadata.file_modification_time").alias("landed_at"),
    )
    # the first test spares nearly every line a trimmed copy of itself
    return read.where(F.col("value").startswith("{") | (F.trim("value") != ""))


def values(bucket: Bucket, lines: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """The raw texts of single lines, read again from bronze; for few of them. Kafka's are the messages' values.

    Args:
        bucket: Where bronze lies.
        lines: Object and position of each line, counted from the object's first that is not blank.
    """
    positions: dict[str, set[int]] = defaultdict(set)
    for key, position in lines:
        positions[key].add(position)
    found: dict[tuple[str, int], str] = {}
    for key, wanted in positions.items():
        text = salvage.of(key, bucket.get(key) or b"")[0]
        start = next((number for number, line in enumerate(text) if line.strip(" ")), 0)
        for position in wanted:
            line = text[start + position]
            found[key, position] = json.loads(line)["value"] if places.source_of(key) == places.KAFKA else line
    return found


def mark(key: str) -> int:
    """The number that stands for an object's key within a batch: its CRC-32."""
    return zlib.crc32(key.encode())


def changes(raw_lines: DataFrame, source: str, mapping: FieldMapping = OWN) -> DataFrame:
    """Read lines of one source as changes.

    Args:
        raw_lines: value, line, object, landed_at.
        source: kafka or dynamodb; put into each row.
        mapping: Which attribute of the DynamoDB table is which column.

    Returns:
        One row per line: object, line, landed_at, source and the columns of session.READ_COLUMNS.
    """
    if source == places.KAFKA:
        row = F.call_udf(READ_KAFKA_LINE, "value")
    else:
        row = F.call_udf(READ_DYNAMODB_LINE, "value", F.lit(mapping.to_json()))
    read = raw_lines.select("object", "line", "landed_at", row.alias("read"))
    return read.select("object", "line", "landed_at", F.lit(source).alias("source"), "read.*")


@dataclass(frozen=True)
class Damage:
    """An object that Spark does not read: its status, the lines of it that can be read, and why; "" if all can."""

    status: str
    lines: list[str]
    reason: str


def examine(bucket: Bucket, objects: Sequence[BronzeObject]) -> dict[str, Damage]:
    """Look at every object of a batch that Spark could not read and find the damaged ones.

    Returns:
        By key, the damage; sound objects are left out.
    """
    found: dict[str, Damage] = {}
    for entry in objects:
        body = bucket.get(entry.key)
        damage = read_apart(entry.key, body)
        if damage.reason:
            found[entry.key] = damage
            event(
                "bronze object damaged",
                level=30,
                object=entry.key,
                status=damage.status,
                readable_lines=len(damage.lines),
                reason=damage.reason,
            )
    return found


def given_up(bucket: Bucket, objects: Sequence[BronzeObject]) -> dict[str, Damage]:
    """By key, the objects that Firehose left of what it gave up; they are few, and may be plain or packed."""
    return {
        entry.key: read_apart(entry.key, bucket.get(entry.key))
        for entry in objects
        if entry.key.startswith(places.ERRORS)
    }


def read_apart(key: str, body: bytes | None) -> Damage:
    """What can be read of an object without Spark."""
    if body is None:
        return Damage("missing", [], "object is gone")
    readable, reason = salvage.of(key, body)
    return Damage("corrupt" if reason else "read", readable, reason)


def salvaged(spark: SparkSession, damaged: dict[str, Damage]) -> DataFrame:
    """The readable lines of objects that Spark does not read, in the form of `lines`."""
    rows = [
        (text, number, mark(key), None)
        for key, damage in damaged.items()
        for number, text in enumerate(damage.lines)
        if text.strip(" ")
    ]
    return spark.createDataFrame(rows, RAW_LINES)


def describe(damage: Damage) -> str:
    """The raw text of the row that stands for a damaged object in silver.rejected."""
    return json.dumps({"status": damage.status, "reason": damage.reason, "readable_lines": len(damage.lines)})
