"""The sink in real processes: it lands every record once, whatever is killed, absent or made anew."""

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from connect import registration
from generator import topics
from infra.local import jvm, worker
from infra.local.process import Process
from lakehouse.errors import ConfigError
from lakehouse.places import TOPIC
from lakehouse.settings import Settings
from tests.stack.kafka_stack import Bucket, Running, running, settings, stack, wait

pytestmark = pytest.mark.stack

HEADERS = [("a", b"1"), ("a", None), ("b", b"\xff")]


@dataclasses.dataclass
class Stack:
    settings: Settings
    worker: Process
    broker: Running
    gateway: Running
    bucket: Bucket
    folder: Path

    def produce(self, count: int, value: Callable[[int], bytes | None], partition: int | None = None) -> None:
        sender = Producer({"bootstrap.servers": self.settings.kafka_bootstrap_servers, "linger.ms": 5, "acks": "all"})
        for number in range(count):
            where = number % self.settings.kafka_partitions if partition is None else partition
            sender.produce(TOPIC, value(number), key=str(number), partition=where, headers=HEADERS)
            sender.poll(0)
        assert sender.flush(30) == 0

    def wait_landed(self, topic_id: str, count: int) -> Counter[tuple[int, int]]:
        wait(f"{count} records landed", lambda: self.bucket.highest(topic_id) >= count)
        return self.bucket.landed(topic_id)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("sink")
    given = settings(folder, sink_chunk_rows=700, kafka_partitions=2)
    broker, gateway, connect = stack(given)
    with running(broker, folder) as broker_running, running(gateway, folder) as gateway_running:
        bucket = Bucket(given)
        bucket.create()
        yield Stack(given, connect, broker_running, gateway_running, bucket, folder)


@pytest.fixture
def topic_id(base: Stack) -> Iterator[str]:
    yield topics.ensure(base.settings)
    delete_topic(base)


def delete_topic(base: Stack) -> None:
    admin = AdminClient({"bootstrap.servers": base.settings.kafka_bootstrap_servers})
    admin.delete_topics([TOPIC])[TOPIC].result(10)
    wait("topic gone", lambda: TOPIC not in admin.list_topics(timeout=5).topics)


def exactly(per_partition: int, partitions: int = 2) -> Counter[tuple[int, int]]:
    return Counter({(partition, offset): 1 for partition in range(partitions) for offset in range(per_partition)})


def test_lands_text_junk_and_tombstones_unchanged(base: Stack, topic_id: str) -> None:
    values = [
        b'{"a": 12345678901234567890, "b": 10.50}',
        b'{"q":1}{"q":2}',
        b"\xff\xfe",
        b"",
        None,
        "é\n\u2028".encode(),
    ]
    with running(base.worker, base.folder):
        base.produce(len(values), lambda number: values[number], partition=0)
        base.wait_landed(topic_id, len(values))
    (found,) = base.bucket.objects(topic_id)
    lines = base.bucket.lines(found)
    assert [line.get("value", line.get("value_b64")) for line in lines] == [
        '{"a": 12345678901234567890, "b": 10.50}', '{"q":1}{"q":2}', "//4=", "", None, "é\n\u2028",
    ]  # fmt: skip
    assert list(lines[0]) == ["topic", "partition", "offset", "timestamp", "key", "headers", "value"]
    assert [*lines[2]][-1] == "value_b64"
    assert lines[3]["key"] == "3"
    assert lines[0]["headers"] == [["a", "1"], ["a", None], ["b", {"b64": "/w=="}]]


def test_worker_killed_in_mid_stream_leaves_no_gap_and_no_duplicate(base: Stack, topic_id: str) -> None:
    count = 60_000
    base.produce(count, lambda number: json.dumps({"number": number, "text": "x" * 200}).encode())
    base.worker.prepare()
    process = Running(base.worker, base.folder)
    for share in (0.05, 0.3, 0.6):
        process.start(ready=False)
        wait("some landed", lambda share=share: base.bucket.highest(topic_id) > share * count)
        process.kill()
    assert base.bucket.highest(topic_id) < count, "killed too late to prove anything"
    process.start()
    try:
        assert base.wait_landed(topic_id, count) == exactly(count // 2)
    finally:
        process.kill()
    assert set(base.bucket.versions_per_key().values()) == {1}


def test_gateway_killed_in_mid_stream_leaves_no_gap_and_no_duplicate(base: Stack, topic_id: str) -> None:
    count = 30_000
    base.produce(count, lambda number: os.urandom(150))
    with running(base.worker, base.folder):
        wait("some landed", lambda: base.bucket.highest(topic_id) > 0.1 * count)
        base.gateway.kill()
        base.gateway.start()
        assert base.wait_landed(topic_id, count) == exactly(count // 2)


def test_broker_killed_in_mid_stream_leaves_no_gap_and_no_duplicate(base: Stack, topic_id: str) -> None:
    count = 20_000
    with running(base.worker, base.folder):
        base.produce(count // 2, lambda number: b"before")
        wait("some landed", lambda: base.bucket.highest(topic_id) > 0)
        base.broker.kill()
        base.broker.start()
        base.produce(count // 2, lambda number: b"after")
        assert base.wait_landed(topic_id, count) == exactly(count // 2)


def test_bucket_that_is_missing_for_a_while_only_delays(base: Stack, topic_id: str) -> None:
    other = dataclasses.replace(base.settings, bucket="made-later")
    late = worker.process(other)
    bucket = Bucket(other)
    with running(late, base.folder) as process:
        base.produce(1000, lambda number: b"v")
        wait("a failed try", lambda: "NoSuchBucket" in process.log or "does not exist" in process.log)
        assert late.unready() is None
        bucket.create()
        wait("landed", lambda: bucket.highest(topic_id) >= 1000)
    assert bucket.landed(topic_id) == exactly(500)


def test_topic_made_anew_is_refused_until_registered_and_then_has_its_own_prefix(base: Stack, topic_id: str) -> None:
    with running(base.worker, base.folder):
        base.produce(1000, lambda number: b"old")
        base.wait_landed(topic_id, 1000)
        delete_topic(base)
        fresh_id = topics.ensure(base.settings)
        assert fresh_id != topic_id
        base.produce(600, lambda number: b"new")
        wait("fault shown", lambda: any("was recreated" in fault for fault in registration.faults(base.settings)))
        registration.register(base.settings, fresh_id)
        assert base.wait_landed(fresh_id, 600) == exactly(300)
        assert registration.faults(base.settings) == []
    lines = [line for found in base.bucket.objects(fresh_id) for line in base.bucket.lines(found)]
    assert {line["value"] for line in lines} == {"new"}


def test_registration_is_idempotent_and_says_what_it_refuses(base: Stack, topic_id: str) -> None:
    with running(base.worker, base.folder):
        assert registration.topic_id_of(base.settings) == topic_id
        first = registration.register(base.settings)
        assert registration.register(base.settings)["config"] == first["config"]
        wait("running", lambda: registration.faults(base.settings) == [])
        registration.restart(base.settings)
        with pytest.raises(ConfigError, match=r"chunk\.rows"):
            registration.register(dataclasses.replace(base.settings, sink_chunk_rows=0))
        assert registration.delete(base.settings)
        assert not registration.delete(base.settings)
        assert base.worker.unready() == "has no connector yet"


def test_same_plugin_and_definition_run_in_distributed_mode(base: Stack, topic_id: str) -> None:
    plain = {
        name: value
        for name, value in worker.worker_properties(base.settings).items()
        if not name.startswith(("offset.storage", "consumer."))
    }
    group = {f"{part}.storage.topic": f"connect-{part}" for part in ("config", "offset", "status")}
    replicas = {f"{part}.storage.replication.factor": 1 for part in ("config", "offset", "status")}
    few = {"group.id": "distributed", "offset.storage.partitions": 1, "status.storage.partitions": 1}
    file = base.folder / "distributed.properties"
    file.write_text(jvm.properties({**plain, **group, **replicas, **few}))
    main = "org.apache.kafka.connect.cli.ConnectDistributed"
    command = jvm.command(base.settings, worker.HEAP_MB, main, str(file))
    distributed = dataclasses.replace(
        base.worker,
        name="distributed",
        command=command,
        prepare=lambda: jvm.write_log_format(base.settings),
        unready=lambda: None if worker.unready(base.settings) != "does not answer yet" else "no",
    )
    base.produce(2000, lambda number: b"v")
    with running(distributed, base.folder):
        wait("registered", lambda: _registered(base, topic_id))
        assert base.wait_landed(topic_id, 2000) == exactly(1000)


def _registered(base: Stack, topic_id: str) -> bool:
    try:
        return bool(registration.register(base.settings, topic_id))
    except registration.SourceError:  # the worker joins its group
        return False
