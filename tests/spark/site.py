"""An environment of a test: bronze to put in, drivers to run, tables to look at, and what they should hold."""

import base64
import dataclasses
import gzip
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import SparkSession

from lakehouse import places
from lakehouse.attributes import item
from lakehouse.envelopes import OrderLine, encode
from lakehouse.places import KafkaObject
from lakehouse.settings import Settings
from lakehouse.streamrecords import OPS
from lakehouse.streamrecords import encode as record
from lakehouse.tables import (
    GOLD_DAILY_PRODUCT_SALES,
    GOLD_DAILY_SALES,
    SILVER_ORDER_LINES,
    SILVER_REJECTED,
    Table,
)
from spark_jobs import verify
from spark_jobs.delta import Lakehouse
from spark_jobs.driver import Driver
from spark_jobs.generation import current_generation
from spark_jobs.plans import Result
from spark_jobs.storage import Bucket

TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA"
TABLE_ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/order_lines"
LABEL = "2026-11-29T10:00:00.000"
CONTENT = (SILVER_ORDER_LINES, SILVER_REJECTED, GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES)
TOLD_BY_THE_CLOCK = ("batch_id", "rejected_at")


@dataclasses.dataclass
class Site:
    """A bucket, its tables and the session to work on them."""

    spark: SparkSession
    settings: Settings

    def __post_init__(self) -> None:
        self.bucket = Bucket(self.settings)
        self._ends: dict[int, int] = {}

    def land(self, values: Iterable[str | bytes | None], partition: int = 0, first: int | None = None) -> str:
        """Put Kafka messages into bronze as the sink does, after those of the partition or from `first`.

        Returns:
            The object's key.
        """
        start = self._ends.get(partition, 0) if first is None else first
        text = [bronze_line(start + number, value, partition) for number, value in enumerate(values)]
        self._ends[partition] = max(self._ends.get(partition, 0), start + len(text))
        return self.put("".join(line + "\n" for line in text).encode(), partition, start)

    def put(self, text: bytes, partition: int = 0, first: int = 0, packed: bool = False) -> str:
        """Put an object into bronze: text, gzipped here unless it is `packed` already; returns its key."""
        key = KafkaObject(places.TOPIC, TOPIC_ID, partition, first).key
        self.bucket.put(key, text if packed else gzip.compress(text, mtime=0))
        return key

    def deliver(self, records: Iterable[str], name: str, days_ago: int = 0, root: str = places.BRONZE_DYNAMODB) -> str:
        """Put lines into bronze as Firehose does, on one of the last days; returns the object's key."""
        key = f"{places.dated(root, datetime.now(UTC).date() - timedelta(days=days_ago))}{name}.jsonl.gz"
        self.bucket.put(key, gzip.compress("".join(f"{line}\n" for line in records).encode(), mtime=0))
        return key

    def tables(self) -> Lakehouse:
        """The tables in force."""
        return Lakehouse(self.spark, self.settings)

    def driver(self, **changes: Any) -> Driver:
        """A driver that has just started; `changes` are settings."""
        settings = dataclasses.replace(self.settings, **changes)
        number = current_generation(self.bucket, settings).number
        return Driver(Lakehouse(self.spark, settings), self.bucket, settings, number)

    def run(self, **changes: Any) -> Driver:
        """Start a driver and let it work until nothing is left."""
        driver = self.driver(**changes)
        while driver.step() or driver.ledger.reconciling:
            pass
        return driver

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """All rows of a table, sorted, without what depends on the clock or on how bronze was cut into batches."""
        found = [
            {name: value for name, value in row.items() if name not in TOLD_BY_THE_CLOCK}
            for row in self.delta(table).to_pyarrow_table().to_pylist()
        ]
        return sorted(found, key=repr)

    def delta(self, table: Table) -> DeltaTable:
        """A table without Spark; it may write, which on S3 takes a conditional create as the driver's own commits."""
        return DeltaTable(self.tables().url(table), storage_options=self.settings.delta_options)

    def content(self) -> dict[str, list[dict[str, Any]]]:
        """Silver, rejected lines and gold."""
        return {table.full_name: self.rows(table) for table in CONTENT}

    def differences(self) -> list[str]:
        """What `verify` finds."""
        return verify.run(self.settings).differences


def bronze_line(offset: int, value: str | bytes | None, partition: int = 0) -> str:
    """A message as the sink writes it."""
    line: dict[str, Any] = {"topic": places.TOPIC, "partition": partition, "offset": offset, "timestamp": 1}
    line |= {"key": None, "headers": []}
    try:
        line["value"] = value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        line["value_b64"] = base64.b64encode(value).decode()  # type: ignore[arg-type]
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def order_line(order_id: str = "1", line_no: int = 1, **fields: Any) -> OrderLine:
    """An order line of which only what matters need be said."""
    given: dict[str, Any] = {
        "product_id": "P",
        "description": "thing",
        "quantity": 1,
        "unit_price": "1.000",
        "customer_id": "C",
        "country": "UK",
        "ordered_at": "2011-01-01T12:00:00+00:00",
        **fields,
    }
    given["unit_price"] = Decimal(given["unit_price"])
    given["ordered_at"] = datetime.fromisoformat(given["ordered_at"])
    return OrderLine(order_id, line_no, **given)


def change(op: str, lsn: int, order_id: str = "1", line_no: int = 1, extra: Any = None, **fields: Any) -> bytes:
    """An envelope of an order line: op c, u, r or d."""
    line = order_line(order_id, line_no, **fields)
    at = datetime.fromtimestamp(1_700_000_000 + lsn % 10**6, UTC)
    return encode(op, lsn, at, line if op == "d" else None, None if op == "d" else line, extra)


def item_change(
    op: str, number: int, order_id: str = "1", line_no: int = 1, label: str = LABEL, extra: Any = None, **fields: Any
) -> str:
    """A stream record of an order line: op c, u, r or d."""
    line = order_line(order_id, line_no, **fields)
    envelope = json.loads(encode("c", 1, datetime.now(UTC), None, line, extra))
    whole = item(envelope["after"])
    keys = {name: whole[name] for name in ("order_id", "line_no")}
    event = next(event for event, known in OPS.items() if known == op)
    images = {"OldImage": whole} if op == "d" else {"NewImage": whole}
    return record(event, f"{TABLE_ARN}/stream/{label}", str(number), 1_700_000_000.0 + number % 10**6, keys, **images)


def balanced(results: Sequence[Result]) -> None:
    """Assert that every row read by every object has exactly one outcome."""
    for result in results:
        assert result.rows == sum(result.outcomes.values()), result
        for read in result.objects:
            assert read.rows == sum(read.outcomes.values()), read
