"""The second way in: from BatchWriteItem to objects of bronze, through pipe, Kinesis, transform function and Firehose.

A gateway of its own, and nothing else of the stack; the stack of streaming.yaml as it is deployed. A change has
arrived when an object that holds it has been listed and read, by the client's clock.
"""

import gzip
import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from statistics import quantiles
from typing import Any

import boto3
import psutil
from botocore.config import Config

from benchmarks.alone import gateway_alone
from benchmarks.figure import Figure
from benchmarks.options import Options
from generator import dataset
from infra.aws import streaming
from infra.local import gateway, machine, status
from lakehouse import places
from lakehouse.errors import SourceError
from lakehouse.settings import Settings

BATCH = 25
WRITERS = 2
PACE = 500  # changes/s
BULK = streaming.Options()
ASKED_RATE, ASKED_GIGABYTES = 4_000.0, 2.5
ASKED_SECONDS = BULK.lambda_seconds + BULK.buffer_seconds + 2.0
_NUMBERS = ("line_no", "quantity", "unit_price")


def run(options: Options) -> Iterator[Figure]:
    """The whole of UCI in bulk (`rounds` are batches of 25), then a steady pace for `minutes`."""
    with gateway_alone() as settings:
        streaming.deploy(settings, BULK)
        yield from _bulk(settings, options.rounds)
        yield _recovery(settings)
        yield _paced(settings, options.minutes_or(1.0))


def items(limit: int | None = None) -> list[dict[str, Any]]:
    """The lines of UCI as items, in time order."""
    found = []
    for block in dataset.read(limit=limit).blocks():
        for step in block:
            line = json.loads(step.after)
            found.append(
                {
                    name: {"N" if name in _NUMBERS else "S": str(value)}
                    for name, value in line.items()
                    if value is not None
                }
            )
    return found


class Arrivals(threading.Thread):
    """Reads objects of bronze as they appear and notes when which changes were there.

    Args:
        settings: Of the gateway.
        keep: Whether the moments are kept by the item's `sent_at`, or only counted.
    """

    def __init__(self, settings: Settings, *, keep: bool) -> None:
        super().__init__(daemon=True)
        self._settings, self._keep = settings, keep
        self._stopping = threading.Event()
        self._seen: set[str] = set()
        self.count = 0
        self.delays: list[float] = []
        self._look(count=False)

    def run(self) -> None:
        """Look until `stop`."""
        while not self._stopping.wait(0.1):
            self._look(count=True)

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        self.join()

    def _look(self, *, count: bool) -> None:
        s3 = client(self._settings, "s3")
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._settings.bucket, Prefix=places.BRONZE_DYNAMODB
        )
        for one in [one for page in pages for one in page.get("Contents", []) if one["Key"] not in self._seen]:
            self._seen.add(one["Key"])
            if count:
                body = gzip.decompress(s3.get_object(Bucket=self._settings.bucket, Key=one["Key"])["Body"].read())
                self._note(body, time.time())

    def _note(self, body: bytes, now: float) -> None:
        self.count += body.count(b"\n")
        if self._keep:
            changes = [json.loads(line)["dynamodb"]["NewImage"] for line in body.splitlines()]
            self.delays += [now - float(one["sent_at"]["N"]) for one in changes]


def client(settings: Settings, service: str) -> Any:
    """A client that spends no time on checking what it is given."""
    return boto3.client(service, config=Config(parameter_validation=False), **settings.client_arguments)


def _bulk(settings: Settings, batches: int | None) -> Iterator[Figure]:
    lines = items(None if batches is None else batches * BATCH)
    arrivals = Arrivals(settings, keep=False)
    arrivals.start()
    memory = _Memory(settings)
    memory.start()
    begin = time.perf_counter()
    writers = [
        threading.Thread(target=_write, args=(settings, lines[number::WRITERS]), daemon=True)
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    written = time.perf_counter() - begin
    _wait(lambda: arrivals.count >= len(lines), 60 + len(lines) / 500)
    took = time.perf_counter() - begin
    arrivals.stop()
    memory.stop()
    note = f"{len(lines):,} lines by {WRITERS} writers; acknowledged at {len(lines) / written:,.0f} changes/s"
    yield Figure(
        "dynamodb_ingest", "bulk write to bronze", "changes/s", len(lines) / took, asked=ASKED_RATE, at_least=True,
        cpu_seconds=memory.cpu_seconds, memory_mib=memory.greatest / 2**20, note=note,
    )  # fmt: skip
    yield Figure("dynamodb_ingest", "gateway memory with UCI in the table", "GB", memory.greatest / 1e9,
                 asked=ASKED_GIGABYTES, note="greatest while it was written")  # fmt: skip


def _recovery(settings: Settings) -> Figure:
    """From kill -9 until the gateway answers, with all items in the table."""
    begin = time.perf_counter()
    os.kill(next(one.pid or 0 for one in status.health(settings) if one.name == gateway.NAME), signal.SIGKILL)
    _wait(lambda: gateway.unready(settings) is not None, 10)
    _wait(lambda: gateway.unready(settings) is None, 120)
    seconds = time.perf_counter() - begin
    count = client(settings, "dynamodb").describe_table(TableName=BULK.table)["Table"]["ItemCount"]
    note = f"{count:,} items; up to a second of it until the supervisor looks"
    return Figure("dynamodb_ingest", "kill -9 of the gateway to its first answer", "s", seconds, note=note)


def _write(settings: Settings, lines: Sequence[dict[str, Any]]) -> None:
    database, left = client(settings, "dynamodb"), iter(lines)
    while batch := [{"PutRequest": {"Item": one}} for one in islice(left, BATCH)]:
        pending = {BULK.table: batch}
        while pending:
            pending = database.batch_write_item(RequestItems=pending)["UnprocessedItems"]


def _paced(settings: Settings, minutes: float) -> Figure:
    database, arrivals = client(settings, "dynamodb"), Arrivals(settings, keep=True)
    arrivals.start()
    count, begin = int(minutes * 60 * PACE), time.monotonic()
    for number in range(0, count, 5):
        time.sleep(max(0.0, begin + number / PACE - time.monotonic()))
        puts = [{"PutRequest": {"Item": _timed(number + one)}} for one in range(5)]
        database.batch_write_item(RequestItems={BULK.table: puts})
    paced = count / (time.monotonic() - begin)
    _wait(lambda: arrivals.count >= count, 60)
    arrivals.stop()
    p95 = quantiles(arrivals.delays, n=20)[18]
    note = f"transform after {BULK.lambda_seconds} s, objects after {BULK.buffer_seconds} s; {paced:.0f} changes/s sent"
    return Figure("dynamodb_ingest", f"p95 write to bronze at {PACE} changes/s", "s", p95, asked=ASKED_SECONDS,
                  rounds=count, note=note)  # fmt: skip


def _timed(number: int) -> dict[str, Any]:
    moment = {"N": f"{time.time():.4f}"}
    return {"order_id": {"S": f"paced-{number}"}, "line_no": {"N": "1"}, "sent_at": moment}


class _Memory(threading.Thread):
    """The gateway's greatest memory [bytes] and the CPU seconds of it and its functions."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._pid = next(one.pid or 0 for one in status.health(settings) if one.name == gateway.NAME)
        self._stopping = threading.Event()
        self._begin = self._used()
        self.greatest, self.cpu_seconds = 0, 0.0

    def run(self) -> None:
        """Look until `stop`."""
        while not self._stopping.wait(0.5):
            self.greatest = max(self.greatest, machine.resident_bytes([psutil.Process(self._pid)]))

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        self.join()
        self.cpu_seconds = self._used() - self._begin

    def _used(self) -> float:
        times = [one.cpu_times() for one in machine.family(self._pid)]
        return sum(one.user + one.system for one in times)


def _wait(done: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SourceError("bronze", f"all changes within {seconds:.0f} s", "see the gateway's log")
        time.sleep(0.02)
