"""Broker, worker and gateway as real processes on free ports, for the tests of the sink."""

import contextlib
import gzip
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.local import broker, gateway, worker
from infra.local.process import Process
from infra.local.trial import apart
from lakehouse.places import KafkaObject
from lakehouse.settings import Settings, load

DEADLINE_SECONDS = 60


def settings(folder: Path, **changes: Any) -> Settings:
    """Settings of a stack of its own: free ports, data under `folder`, the user's cache."""
    return apart(load(dotenv=None), folder, **{"sink_chunk_millis": 200, "bucket": "test-bucket", **changes})


def wait(what: str, done: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> Any:
    """Ask until the answer is true, and return it; fail at the deadline."""
    end = time.monotonic() + seconds
    while True:
        answer = done()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


class Running:
    """A started process that can be killed and started again."""

    def __init__(self, process: Process, folder: Path) -> None:
        self.process, self._log = process, folder / f"{process.name}.log"
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, ready: bool = True) -> "Running":
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self.process.command, env={**kept, **self.process.environment}, stdout=log, stderr=log
            )
        if ready:
            wait(f"{self.process.name} ready", self._ready)
        return self

    def _ready(self) -> bool:
        assert self._child is not None
        assert self._child.poll() is None, self._log.read_text(errors="replace")[-3000:]
        return self.process.unready() is None

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        if self._child is not None:
            self._child.send_signal(sign)
            self._child.wait(self.process.stop_seconds + 10)
            self._child = None


@contextlib.contextmanager
def running(process: Process, folder: Path) -> Iterator[Running]:
    """A prepared, ready process; killed at the end."""
    process.prepare()
    started = Running(process, folder).start()
    try:
        yield started
    finally:
        started.kill()


class Bucket:
    """What the tests ask of the bucket."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.bucket
        options = Config(retries={"total_max_attempts": 1})
        self.client = boto3.client("s3", **settings.client_arguments, config=options)

    def create(self) -> None:
        self.client.create_bucket(
            Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": self.client.meta.region_name}
        )
        self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    def objects(self, topic_id: str) -> list[KafkaObject]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return [found for found in map(KafkaObject.parse, keys) if found.topic_id == topic_id]

    def lines(self, found: KafkaObject) -> list[dict[str, Any]]:
        body = self.client.get_object(Bucket=self.name, Key=found.key)["Body"].read()
        return [json.loads(line) for line in gzip.decompress(body).split(b"\n") if line]

    def landed(self, topic_id: str) -> Counter[tuple[int, int]]:
        """How often each (partition, offset) is in the bucket; checks each object against its key and metadata."""
        counts: Counter[tuple[int, int]] = Counter()
        for found in self.objects(topic_id):
            lines = self.lines(found)
            metadata = self.client.head_object(Bucket=self.name, Key=found.key)["Metadata"]
            said = [int(metadata[name]) for name in ("first", "last", "rows", "timestamp")]
            assert said == [lines[0]["offset"], lines[-1]["offset"], len(lines), lines[0]["timestamp"]]
            assert found.first == lines[0]["offset"]
            assert {line["partition"] for line in lines} == {found.partition}
            counts.update((line["partition"], line["offset"]) for line in lines)
        return counts

    def highest(self, topic_id: str) -> int:
        """How many records are in the bucket, from the metadata of each partition's last object."""
        last: dict[int, KafkaObject] = {}
        for found in self.objects(topic_id):
            last[found.partition] = max(found, last.get(found.partition, found), key=lambda one: one.first)
        heads = [self.client.head_object(Bucket=self.name, Key=found.key) for found in last.values()]
        return sum(int(head["Metadata"]["last"]) + 1 for head in heads)

    def versions_per_key(self) -> Counter[str]:
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.name)
        return Counter(entry["Key"] for page in pages for entry in page.get("Versions", ()))


def stack(settings: Settings) -> tuple[Process, Process, Process]:
    """Broker, gateway and worker."""
    return broker.process(settings), gateway.process(settings), worker.process(settings)
