"""The second way in under fire: gateway and driver alone, a function that fails by whim, and rows of ours as marks.

Delivery from the table has no offsets. A mark is a row in each shard of the Kinesis stream, written after all that it
stands for: order holds within a shard, so what silver shows of the marks it shows of everything before them.
"""

import functools
import hashlib
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, Final

import boto3
import pyarrow as pa
import pyarrow.dataset as ds
from botocore.config import Config
from deltalake import DeltaTable

from generator import replay, simulate
from generator.journal import Journal
from infra.aws import streaming
from infra.local import gateway
from infra.local import stack as processes
from infra.local.process import Process
from lakehouse import places
from lakehouse.attributes import item
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES
from tests.chaos.proxy import Proxy
from tests.chaos.stack import Stack, V

OPTIONS: Final = streaming.Options(lambda_seconds=0, buffer_seconds=1)
KINESIS: Final = f"{OPTIONS.name}-changes"
WHIMSICAL: Final = """\
import random
from infra.aws.handlers import transform

def handler(event, context):
    if random.random() < 0.05:
        raise RuntimeError("a whim")
    return transform.handler(event, context)

def broken(event, context):
    raise RuntimeError("broken")
"""
"""The real function, which fails in 1 of 20 calls; and one that never works."""
LATE_SECONDS: Final = 75.0
"""How long objects under earlier keys, of resync and redrive, may take: the driver lists them every 30 s."""
_SHARDS: Final = 4


class TableStack(Stack):
    """A stack whose changes come through the DynamoDB table.

    Attributes:
        deployed: The way in, by name.
        marks: The rows of the marks so far.
        has_gap: Whether the table's stream was off for a while: rows that came and went meanwhile are nowhere.
    """

    sink = places.DYNAMODB

    def __init__(self, settings: Settings, proxy: Proxy) -> None:
        super().__init__(settings, proxy)
        self.marks: list[dict[str, Any]] = []
        self.has_gap = False
        self._shown: tuple[int, frozenset[str]] = (-1, frozenset())
        self._lock = threading.Lock()

    @functools.cached_property
    def database(self) -> Any:
        """A client of DynamoDB."""
        return self.client("dynamodb")

    def client(self, service: str) -> Any:
        """A client of the gateway that tries once."""
        once = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=20)
        return boto3.client(service, config=once, **self.settings.client_arguments)

    # --- as every stack

    def processes(self) -> list[Process]:
        return [gateway.process(self.settings), processes.spark(self.through)]

    def prepare(self) -> None:
        self.deployed = streaming.deploy(self.settings, OPTIONS)
        self.use("whimsical.handler")

    def sent(self) -> list[tuple[int, int]]:
        runs = [run for shop in (replay.SHOP, simulate.SHOP) for run in Journal(self.settings.data_path, shop).runs()]
        return [(run.recipe.first_lsn, run.steps) for run in runs]

    def mark(self) -> list[str]:
        """Write a row for each shard and return their orders; one that could not be is written by the next call."""
        with self._lock:
            number = len(self.marks) // _SHARDS
            rows = [_row(name) for name in _names(number)]
            for row in rows:
                self.database.put_item(TableName=OPTIONS.table, Item=item(row))
            self.marks += rows
            return [row["order_id"] for row in rows]

    def holds(self, mark: list[str]) -> bool:
        progress = self.progress()
        if progress is None or progress.silver_version < 0:
            return False
        with self._lock:
            if progress.silver_version != self._shown[0]:
                self._shown = progress.silver_version, self._orders(progress.silver_version)
            return set(mark) <= self._shown[1]

    def messages(self) -> int:
        return sum(steps for _, steps in self.sent())

    def settled(self, verdict: Callable[[], V]) -> V:
        """The verdict once it is right, or when nothing can come any more."""
        end = time.monotonic() + LATE_SECONDS
        while True:
            found = verdict()
            if getattr(found, "is_right", True) or time.monotonic() > end:
                return found
            time.sleep(1)

    def allowed(self, expected: pa.Table, silver: pa.Table) -> pa.Table:
        """All rows; but tombstones of rows that may have come and gone while there was no stream."""
        if not self.has_gap:
            return expected
        held = set(_keys(silver))
        wanted = [not gone or key in held for key, gone in zip(
            _keys(expected), expected["is_deleted"].to_pylist(), strict=True)]  # fmt: skip
        return expected.filter(pa.array(wanted))

    # --- what faults ask for

    def use(self, handler: str) -> None:
        """Have the function be this one of WHIMSICAL, or the real one."""
        functions = self.client("lambda")
        functions.update_function_code(FunctionName=self.deployed.transform, ZipFile=whimsical())
        functions.update_function_configuration(FunctionName=self.deployed.transform, Handler=handler)

    def enable(self, on: bool) -> None:
        """Enable or disable the table's stream."""
        wanted = {"StreamEnabled": on, **({"StreamViewType": "NEW_AND_OLD_IMAGES"} if on else {})}
        now = self.database.describe_table(TableName=OPTIONS.table)["Table"].get("StreamSpecification") or {}
        if bool(now.get("StreamEnabled")) != on:
            self.database.update_table(TableName=OPTIONS.table, StreamSpecification=wanted)

    def _orders(self, version: int) -> frozenset[str]:
        url = places.table_url(self.settings.bucket, SILVER_ORDER_LINES.layer, SILVER_ORDER_LINES.name)
        silver = DeltaTable(url, version=version, storage_options=self.settings.delta_options)
        is_mark = (ds.field("order_id") >= "M-") & (ds.field("order_id") < "M.")
        rows = silver.to_pyarrow_dataset().to_table(columns=["order_id"], filter=is_mark)
        return frozenset(rows["order_id"].to_pylist())


def whimsical() -> bytes:
    """The function's package with WHIMSICAL in it."""
    body = io.BytesIO(streaming.package())
    with zipfile.ZipFile(body, "a") as archive:
        archive.writestr("whimsical.py", WHIMSICAL)
    return body.getvalue()


def _names(number: int) -> Iterator[str]:
    """Orders of a mark, one for each shard of a Kinesis stream: each quarter of the keys' hashes."""
    for quarter in range(_SHARDS):
        chance = 0
        while _quarter(f"M-{number:06d}-{chance}") != quarter:
            chance += 1
        yield f"M-{number:06d}-{chance}"


def _quarter(order_id: str) -> int:
    return hashlib.md5(order_id.encode(), usedforsecurity=False).digest()[0] * _SHARDS // 256


def _row(order_id: str) -> dict[str, Any]:
    return {
        "order_id": order_id, "line_no": 1, "product_id": "MARK", "description": None, "quantity": 1,
        "unit_price": "1.250", "customer_id": None, "country": "Nowhere", "ordered_at": "2026-01-01T00:00:00.000000Z",
    }  # fmt: skip


def _keys(rows: pa.Table) -> list[tuple[str, int]]:
    return list(zip(rows["order_id"].to_pylist(), rows["line_no"].to_pylist(), strict=True))


def envelope(row: dict[str, Any]) -> str:
    """The row of a mark as the insert of it that the journal's messages are."""
    return json.dumps({"op": "c", "before": None, "after": row, "ts_ms": 0, "source": {"lsn": 1, "ts_ms": 0}})
