"""The shop against a real broker: both clients, kill -9 of the shop and of the broker, signals, topic settings."""

import dataclasses
import gc
import json
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator import dataset, replay, topics, truth
from generator import wait as wait_for_gold
from generator.journal import Journal
from infra.local import broker, gateway
from lakehouse import envelopes
from lakehouse.envelopes import Change, OrderLine
from lakehouse.errors import SourceError
from lakehouse.fields import Rejection
from lakehouse.places import PROGRESS, TOPIC
from lakehouse.progress import Progress
from lakehouse.settings import Settings, environment
from tests.stack import kafka_stack
from tests.stack.kafka_stack import Running, wait

with warnings.catch_warnings():  # kafka-python 3.0.12 reads its schemas through importlib.resources.read_text
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaConsumer
    from kafka.admin import ConfigResource, KafkaAdminClient
    from kafka.structs import TopicPartition

pytestmark = [
    pytest.mark.stack,
    # kafka-python 3.0.12 leaves the socket of a refused connection to the garbage collector
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"),
]

ROOT = Path(__file__).parents[2]
Place = tuple[int, bytes, bytes | None]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Running]]:
    folder = tmp_path_factory.mktemp("broker")
    settings = kafka_stack.settings(folder)
    with kafka_stack.running(broker.process(settings), folder) as started:
        yield settings, started


@pytest.fixture
def settings(running: tuple[Settings, Running], tmp_path: Path) -> Settings:
    """The broker with a new topic, and a data folder of the test's own."""
    settings = dataclasses.replace(running[0], data_dir=str(tmp_path))
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    if TOPIC in admin.list_topics():
        admin.delete_topics([TOPIC])
        wait("topic deleted", lambda: TOPIC not in admin.list_topics())
    admin.close()
    return settings


def read(settings: Settings) -> list[Place]:
    """Everything in the topic: partition, key, value."""
    ends = topics.end_offsets(settings)
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest", enable_auto_commit=False,
        max_partition_fetch_bytes=8 << 20, max_poll_records=5_000,
    )  # fmt: skip
    places = {TopicPartition(TOPIC, partition): end for partition, end in ends.items()}
    consumer.assign(list(places))
    found: list[Place] = []

    def complete() -> bool:
        for place, records in consumer.poll(500).items():
            found.extend((place.partition, record.key, record.value) for record in records)
        return len(found) >= sum(ends.values())

    wait("all messages read", complete)
    consumer.close()
    return found


def state(found: list[Place]) -> dict[tuple[str, int], OrderLine]:
    newest: dict[tuple[str, int], Change] = {}
    for _, _, value in found:
        try:
            change = envelopes.decode(value.decode()) if value is not None else None
        except (UnicodeDecodeError, Rejection):
            continue
        if change and (change.key not in newest or change.sequence > newest[change.key].sequence):
            newest[change.key] = change
    return {key: change.line for key, change in newest.items() if change.line}


def shop(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "generator", *arguments],
        cwd=ROOT, env=environment(settings) | {"PATH": ""}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def confirmed(settings: Settings, name: str) -> int:
    return sum(run.confirmed for run in Journal(settings.data_path, name).runs())


@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
def test_the_topic_holds_the_plan_and_leaves_the_data_set(settings: Settings, client: str) -> None:
    summary = replay.run(settings, noise="heavy", limit=3_000, client=client)
    found = read(settings)
    assert summary.client == client
    assert summary.ends == topics.end_offsets(settings)
    assert len(found) == summary.messages == sum(summary.ends.values())
    assert sum(value is None for _, _, value in found) == summary.nulls
    assert state(found) == replay.truth(dataset.read(limit=3_000))
    partitions: dict[bytes, set[int]] = {}
    for partition, key, _ in found:
        partitions.setdefault(key, set()).add(partition)
    assert all(len(used) == 1 for used in partitions.values())
    assert {partition for partition, _, _ in found} == set(summary.ends)


def test_both_clients_send_a_key_to_the_same_partition_and_null_is_not_empty(settings: Settings) -> None:
    first = replay.run(settings, noise="none", limit=500, client="kafka-python")
    replay.run(settings, noise="none", limit=500, client="confluent")
    assert topics.end_offsets(settings) == {partition: 2 * end for partition, end in first.ends.items()}
    before = len(read(settings))
    from generator import producers  # noqa: PLC0415

    for client in ("kafka-python", "confluent"):
        with producers.choose(settings, client) as producer:
            producer.send(b"k", None)
            producer.send(b"k", b"")
            producer.send(b"k", b"x" * 1_900_000)
            producer.flush()
            with pytest.raises(SourceError, match="run the same command again"):
                producer.send(b"k", b"x" * 3_000_000)
                producer.flush()
    last = [value for _, key, value in read(settings) if key == b"k"]
    assert len(read(settings)) == before + 6
    assert [None if value is None else len(value) for value in last] == [None, 0, 1_900_000] * 2


def test_a_killed_replay_goes_on_with_the_same_lsns(settings: Settings) -> None:
    arguments = ("replay", "--noise", "heavy", "--limit", "20000", "--rate", "8000")
    for _ in range(2):
        before = confirmed(settings, "replay")
        process = shop(settings, *arguments)
        wait("some messages confirmed", lambda before=before: confirmed(settings, "replay") > before + 2_000)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    process = shop(settings, *arguments[:-2])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "interrupted replay goes on" in errors
    (run,) = Journal(settings.data_path, "replay").runs()
    assert run.closed
    found = read(settings)
    assert state(found) == replay.truth(dataset.read(limit=20_000))
    planned = list(
        replay.messages(
            dataset.read(limit=20_000), "heavy", first_lsn=run.recipe.first_lsn, start_millis=run.recipe.start_millis
        )
    )
    assert {message.lsn for message in planned} - {0} == {json.loads(value)["source"]["lsn"] for value in sound(found)}


def sound(found: list[Place]) -> Iterator[bytes]:
    for _, _, value in found:
        if value is not None:
            try:
                envelopes.decode(value.decode())
            except (UnicodeDecodeError, Rejection):
                continue
            yield value


def test_a_stopped_replay_says_so_and_another_one_settles_it(settings: Settings) -> None:
    process = shop(settings, "replay", "--noise", "heavy", "--limit", "40000", "--rate", "10000")
    wait("some messages confirmed", lambda: confirmed(settings, "replay") > 2_000)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run the same command again to go on" in errors
    assert "replay stopped" in output
    replay.run(settings, noise="none", limit=100)
    (stopped, _) = Journal(settings.data_path, "replay").runs()
    assert stopped.closed
    rows = state(read(settings))
    assert rows == replay.truth(dataset.read(limit=stopped.steps))
    assert truth.images(settings).keys() == {envelopes.encode_key(*key).decode() for key in rows}


def test_a_killed_simulation_is_finished_by_the_next_which_ctrl_c_ends(settings: Settings, tmp_path: Path) -> None:
    for sign, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 0)):
        before = confirmed(settings, "simulate")
        process = shop(settings, "simulate", "--noise", "heavy", "--rate", "1000")
        wait("some messages confirmed", lambda before=before: confirmed(settings, "simulate") > before + 2_000)
        process.send_signal(sign)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == code, errors
    assert "interrupted simulation is finished first" in errors
    assert all(run.closed for run in Journal(settings.data_path, "simulate").runs())
    rows = state(read(settings))
    assert truth.write(settings, tmp_path / "truth.jsonl") == len(rows) > 2_000
    lines = map(replay.order_line, (tmp_path / "truth.jsonl").read_text().splitlines())
    assert {line.key: line for line in lines} == rows


@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
def test_a_broker_killed_on_the_way_delays_and_loses_nothing(
    settings: Settings, running: tuple[Settings, Running], client: str
) -> None:
    outcome: list[Any] = []
    thread = threading.Thread(
        target=lambda: outcome.append(replay.run(settings, noise="realistic", limit=30_000, rate=10_000, client=client))
    )
    thread.start()
    wait("some messages confirmed", lambda: confirmed(settings, "replay") > 3_000)
    running[1].kill()
    running[1].start()
    thread.join(90)
    gc.collect()
    assert outcome
    assert state(read(settings)) == replay.truth(dataset.read(limit=30_000))


def test_the_topic_is_made_once_and_its_settings_are_put_right(settings: Settings) -> None:
    topic_id = topics.ensure(settings)
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    admin.alter_configs([ConfigResource("topic", TOPIC, {"retention.ms": "1000", "cleanup.policy": "compact"})])
    assert topics.ensure(settings) == topic_id
    described = admin.describe_configs([ConfigResource("topic", TOPIC)], config_filter="all")["topic"][TOPIC]
    admin.close()
    wanted = {"cleanup.policy": "delete", "retention.ms": str(7 * 24 * 3_600_000), "max.message.bytes": "2097152"}
    assert {name: described[name]["value"] for name in wanted} == wanted
    assert topics.end_offsets(settings) == dict.fromkeys(range(4), 0)


def test_a_missing_topic_is_named(settings: Settings) -> None:
    with pytest.raises(SourceError, match="no topic"):
        topics.end_offsets(settings)


def test_progress_is_read_from_the_bucket(tmp_path: Path) -> None:
    settings = kafka_stack.settings(tmp_path)
    with kafka_stack.running(gateway.process(settings), tmp_path):
        read_progress = wait_for_gold.bucket_reader(settings)
        assert read_progress() is None
        bucket = kafka_stack.Bucket(settings)
        bucket.create()
        assert read_progress() is None
        progress = Progress(batch_id=3, next_offsets={"t": {"0": 7}})
        bucket.client.put_object(Bucket=settings.bucket, Key=PROGRESS, Body=progress.to_json().encode())
        assert read_progress() == progress
        assert wait_for_gold.until_in_gold(settings, "t", {0: 7})
