"""The faults by name: each is done to a running stack, undone, and says when the stack was left alone again."""

import contextlib
import gzip
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import psutil

from generator import producers
from lakehouse import places
from lakehouse.places import KafkaObject
from tests.chaos.load import Load
from tests.chaos.proxy import ERROR_500, SLOW_DOWN, Action, Delay, Reset, Rule
from tests.chaos.stack import LEASE_SECONDS, NotInTimeError, Stack, wait_until
from tests.chaos.steps import STEPS, Step, kill_at

MET_SECONDS = 45.0
FILE_LIMIT_BYTES = 16_384


@dataclass
class Scene:
    """What a fault acts upon: the stack, the load on it, and its own chance."""

    stack: Stack
    load: Load
    rng: Random


Act = Callable[[Scene], float]
"""Does the fault, undoes it and returns when that was, on `time.monotonic()`."""


@dataclass(frozen=True)
class Fault:
    """A fault.

    Args:
        name: In the results.
        act: What it does.
        load_seconds: How long changes come while it acts.
        alone: Whether no other fault acts in the same round.
        wrong_clock: Whether the changes come from a shop whose clock is wrong.
    """

    name: str
    act: Act
    load_seconds: float = 10.0
    alone: bool = False
    wrong_clock: bool = False


# --- processes


def kill(name: str, part: str = "all") -> Act:
    """kill -9 of a process of the stack."""

    def act(scene: Scene) -> float:
        at = time.monotonic()
        scene.stack.kill(name, part)
        return at

    return act


def kill_generator(scene: Scene) -> float:
    """kill -9 of the generator, which is started again at once."""
    at = time.monotonic()
    scene.load.kill()
    return at


def stop(name: str) -> Act:
    """SIGSTOP for 2 to 9 s: longer than the lease and the broker's and worker's sessions at the end of the range."""

    def act(scene: Scene) -> float:
        held = scene.stack.stop(name)
        time.sleep(scene.rng.uniform(2, 9))
        for process in held:
            with contextlib.suppress(psutil.Error):
                process.resume()
        return time.monotonic()

    return act


def stop_generator(scene: Scene) -> float:
    """SIGSTOP of the generator for 2 to 6 s."""
    running = scene.load.stop()
    running.send_signal(signal.SIGSTOP)
    time.sleep(scene.rng.uniform(2, 6))
    running.send_signal(signal.SIGCONT)
    return time.monotonic()


def kill_step(step: Step, after: bool) -> Act:
    """kill -9 at a named step.

    Raises (within `act`):
        NotInTimeError: The step was not taken.
    """

    def act(scene: Scene) -> float:
        rule = kill_at(scene.stack, step, after=after, rng=scene.rng)
        try:
            if not rule.met.wait(MET_SECONDS):
                raise NotInTimeError(f"step {step.name}: not taken within {MET_SECONDS:.0f} s")
            return time.monotonic()
        finally:
            scene.stack.proxy.remove(rule)

    return act


# --- S3


def s3(action: Action, share: float, *methods: str) -> Act:
    """An S3 that does this to a share of its requests for 3 to 7 s."""

    def act(scene: Scene) -> float:
        rule = Rule(action, methods, times=10**9, share=share, draw=scene.rng.random)
        scene.stack.proxy.add(rule)
        time.sleep(scene.rng.uniform(3, 7))
        scene.stack.proxy.remove(rule)
        return time.monotonic()

    return act


def full_disk(scene: Scene) -> float:
    """The gateway can write nothing of any size for 3 to 6 s: a file-size limit, met as a full disk is."""
    scene.stack.limit_files(FILE_LIMIT_BYTES)
    time.sleep(scene.rng.uniform(3, 6))
    scene.stack.limit_files(None)
    return time.monotonic()


# --- two drivers


@contextlib.contextmanager
def _second(scene: Scene) -> Iterator[None]:
    """A second driver: enters when it waits for the lease."""
    path = scene.stack.settings.data_path / "logs" / "second.log"
    with path.open("w") as log:
        running = scene.stack.start("spark_jobs", "stream", log=log)
        try:
            wait_until("second driver waits", lambda: "waiting for the lease" in path.read_text(), 60)
            yield
            running.send_signal(signal.SIGTERM)
            running.wait(40)
        finally:
            running.kill()
            running.wait()


def _second_works(scene: Scene) -> None:
    path = scene.stack.settings.data_path / "logs" / "second.log"
    wait_until("second driver works", lambda: '"streaming"' in path.read_text(), 30)


def two_drivers(scene: Scene) -> float:
    """A second driver waits, the first one is killed: the second takes over, then hands back."""
    with _second(scene):
        scene.stack.kill("spark")
        _second_works(scene)
        time.sleep(scene.rng.uniform(1, 4))
    return time.monotonic()


def zombie_driver(scene: Scene) -> float:
    """The first driver stands still past its lease, a second takes over, and then the first one goes on."""
    with _second(scene):
        held = scene.stack.stop("spark")
        time.sleep(LEASE_SECONDS)
        _second_works(scene)
        time.sleep(scene.rng.uniform(0, 2))
        for process in held:
            with contextlib.suppress(psutil.Error):
                process.resume()
        time.sleep(scene.rng.uniform(1, 4))
    return time.monotonic()


# --- delivered again


def object_twice(scene: Scene) -> float:
    """Newest bronze objects once more: under a later key of the same prefix, and under another topic's id."""
    s3, bucket = scene.stack.s3, scene.stack.settings.bucket
    for partition in range(scene.stack.settings.kafka_partitions):
        prefix = KafkaObject(places.TOPIC, scene.stack.topic_id, partition, 0).prefix
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        if not found:
            continue
        newest = KafkaObject.parse(found[-1]["Key"])
        answer = s3.get_object(Bucket=bucket, Key=newest.key)
        body, metadata = answer["Body"].read(), answer["Metadata"]
        copies = [KafkaObject(newest.topic, "B" * 22, partition, newest.first)]
        if int(metadata["rows"]) > 1:  # the next key of the sink's own is at least two further
            copies.append(KafkaObject(newest.topic, newest.topic_id, partition, newest.first + 1))
        for copy in copies:
            s3.put_object(Bucket=bucket, Key=copy.key, Body=body, Metadata=metadata)
    return time.monotonic()


def topic_again(*, backwards: bool) -> Act:
    """Every message that the topic holds is sent to it once more, in order or the last one first."""

    def act(scene: Scene) -> float:
        sent = _messages(scene.stack)
        with producers.choose(scene.stack.settings, "kafka-python") as producer:
            for key, value in reversed(sent) if backwards else sent:
                producer.send(key, value)
            producer.flush()
        return time.monotonic()

    return act


def _messages(stack: Stack) -> list[tuple[bytes, bytes | None]]:
    """The topic's different messages as bronze has them: what was sent again before is not sent four times."""
    bucket, prefix = stack.settings.bucket, f"{places.BRONZE_KAFKA}{places.TOPIC}/{stack.topic_id}/"
    found: dict[tuple[bytes, bytes | None], None] = {}
    for page in stack.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            body = stack.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            for text in gzip.decompress(body).splitlines():
                line = json.loads(text)
                if line.get("key") is not None and "value" in line:
                    value = line["value"]
                    found[line["key"].encode(), None if value is None else value.encode()] = None
    return list(found)


def rebuild(scene: Scene) -> float:
    """Silver and gold built anew from bronze while the sink goes on."""
    scene.stack.run("infra", "rebuild", seconds=150)
    return time.monotonic()


def sink_from_zero(scene: Scene) -> float:
    """The sink reads the topic from its first offset again, since its committed offsets are gone."""
    scene.stack.forget_offsets()
    return time.monotonic()


PROCESSES = ("gateway", "broker", "connect", "spark")

FAULTS: tuple[Fault, ...] = (
    *(Fault(f"kill -9 {name}", kill(name)) for name in PROCESSES),
    Fault("kill -9 spark's Python", kill("spark", "parent")),
    Fault("kill -9 spark's JVM", kill("spark", "children")),
    Fault("kill -9 generator", kill_generator),
    *(Fault(f"SIGSTOP {name}", stop(name)) for name in PROCESSES),
    Fault("SIGSTOP generator", stop_generator),
    Fault("S3 answers 500", s3(ERROR_500, 0.3)),
    Fault("S3 answers 503 SlowDown", s3(SLOW_DOWN, 0.5)),
    Fault("S3 resets", s3(Reset(forwarded=False), 0.2)),
    Fault("S3 loses responses to writes", s3(Reset(forwarded=True), 0.3, "PUT", "POST", "DELETE")),
    Fault("S3 is slow", s3(Delay(1.0), 0.5)),
    Fault("S3 times out", s3(Delay(6.0, then_cut=True), 0.2)),
    Fault("S3 answers nothing but 500", s3(ERROR_500, 1.0)),
    Fault("disk full", full_disk),
    Fault("clock jumps", lambda scene: time.monotonic(), wrong_clock=True),
    Fault("object twice", object_twice),
    Fault("topic twice", topic_again(backwards=False)),
    Fault("topic twice, backwards", topic_again(backwards=True)),
    Fault("sink from zero", sink_from_zero),
    Fault("rebuild", rebuild, alone=True),
    Fault("two drivers", two_drivers, load_seconds=20, alone=True),
    Fault("zombie driver", zombie_driver, load_seconds=25, alone=True),
    *(
        Fault(f"kill -9 {'after' if after else 'before'} {step.name}", kill_step(step, after))
        for step in STEPS
        for after in (False, True)
    ),
)
