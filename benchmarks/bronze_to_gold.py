"""UCI in 100 bronze objects to silver to gold in one warm session, beside the pipeline of the tutorials.

`python -m benchmarks.bronze_to_gold [ROUNDS]`: seconds, CPU seconds of the JVM, its memory. Every round
has a new bucket; the first ones warm the JVM up.
"""

import dataclasses
import gzip
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import boto3
import psutil
from pyspark.sql import SparkSession

from benchmarks import naive
from generator import dataset, replay
from infra.local import gateway, javac, supervision
from infra.local import stack as processes
from infra.local.java import find_java
from lakehouse.places import TOPIC, KafkaObject
from lakehouse.settings import Settings, load
from spark_jobs import session
from spark_jobs.delta import Lakehouse
from spark_jobs.driver import Driver
from spark_jobs.storage import Bucket

OBJECTS = 100
PARTITIONS = 4
TOPIC_ID = "benchmarkAAAAAAAAAAAAA"


def main(rounds: int) -> None:
    """Print one line a round."""
    with tempfile.TemporaryDirectory() as folder:
        settings = dataclasses.replace(load(), data_dir=folder, aws_endpoint_url="http://127.0.0.1:4577")
        os.environ["JAVA_HOME"] = str(find_java(settings).home)
        try:
            names = ("gateway",)
            supervision.up(Path(folder), processes.processes(settings, names), ports=processes.ports(settings, names))
            measure(settings, rounds)
        finally:
            supervision.down(Path(folder))


def measure(settings: Settings, rounds: int) -> None:
    """Run the rounds against the gateway that is up."""
    objects = bronze()
    spark = session.build(settings, javac.spark_class_path(settings).split(os.pathsep))
    jvm = next(child for child in psutil.Process().children(recursive=True) if "java" in child.name())
    for number in range(1, rounds + 1):
        there = dataclasses.replace(settings, bucket=f"saleslake-round-{number}")
        gateway.ensure_bucket(there)
        s3 = boto3.client("s3", **there.client_arguments)
        for key, body in objects.items():
            s3.put_object(Bucket=there.bucket, Key=key, Body=body)
        root = f"s3://{there.bucket}"
        ours = timed(jvm, partial(drive, spark, there))
        theirs = timed(jvm, partial(naive.run, spark, f"{root}/naive", f"{root}/bronze/order_lines/kafka"))
        same_revenue(spark, there.bucket)
        print(  # noqa: T201 (the benchmark's output)
            f"round {number}: {ours.text}; naive {theirs.text}; {theirs.seconds / ours.seconds:.1f} times as fast, "
            f"{theirs.cpu_seconds / ours.cpu_seconds:.1f} times the work; {jvm.memory_info().rss / 2**20:.0f} MiB",
            flush=True,
        )


@dataclasses.dataclass(frozen=True)
class Took:
    """Seconds by the clock and CPU seconds of the JVM."""

    seconds: float
    cpu_seconds: float

    @property
    def text(self) -> str:
        """Both, to read."""
        return f"{self.seconds:.1f} s ({self.cpu_seconds:.1f} CPU s)"


def timed(jvm: psutil.Process, work: Callable[[], object]) -> Took:
    """Run the work and measure it; the CPU seconds are those of `jvm` alone."""
    cpu, start = sum(jvm.cpu_times()[:2]), time.perf_counter()
    work()
    return Took(time.perf_counter() - start, sum(jvm.cpu_times()[:2]) - cpu)


def drive(spark: SparkSession, settings: Settings) -> None:
    """Our pipeline: the driver until nothing is left."""
    driver = Driver(Lakehouse(spark, settings), Bucket(settings), settings, 0)
    while driver.step():
        pass


def same_revenue(spark: SparkSession, bucket: str) -> None:
    """End with a message if the two gold tables, `gold` and `naive` in the bucket, have not the same net revenue."""
    sums = [
        spark.read.format("delta").load(f"s3://{bucket}/{place}/daily_sales").agg({"net_revenue": "sum"}).first()
        for place in ("gold", "naive")
    ]
    if sums[0] != sums[1]:
        raise SystemExit(f"gold differs: {sums}")


def bronze() -> dict[str, bytes]:
    """The data set as inserts, in objects as the sink writes them, by key."""
    messages = list(replay.messages(dataset.read(), "none"))
    per_object = -(-len(messages) // OBJECTS)
    lines: dict[int, list[str]] = defaultdict(list)
    for number, message in enumerate(messages):
        partition = number // per_object % PARTITIONS
        value = None if message.value is None else message.value.decode()
        record = {
            "topic": TOPIC,
            "partition": partition,
            "offset": len(lines[partition]),
            "timestamp": message.lsn,
            "key": message.key.decode(),
            "headers": [],
            "value": value,
        }
        lines[partition].append(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    found = {}
    for partition, texts in lines.items():
        for first in range(0, len(texts), per_object):
            body = "".join(texts[first : first + per_object]).encode()
            found[KafkaObject(TOPIC, TOPIC_ID, partition, first).key] = gzip.compress(body, 3)
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
