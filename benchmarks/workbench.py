"""One Spark session over a gateway of its own, in which both pipelines run by turns, and the meter that measures them.

Free ports and a folder under the system's temporary one; nothing of a stack that runs is touched.
"""

import contextlib
import dataclasses
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from pyspark.sql import SparkSession

from infra.local import gateway, javac, machine, supervision
from infra.local import stack as processes
from infra.local.java import find_java
from infra.local.trial import apart
from lakehouse.errors import ContractError
from lakehouse.logs import event
from lakehouse.settings import Settings, load
from spark_jobs import loop, session
from spark_jobs.delta import Lakehouse
from spark_jobs.driver import Driver
from spark_jobs.storage import Bucket


@dataclass(frozen=True)
class Took:
    """What a piece of work took: seconds by the clock, CPU seconds and resident memory [MiB] of all its processes."""

    seconds: float
    cpu_seconds: float
    memory_mib: float


@dataclass
class Workbench:
    """The session and what it needs.

    Args:
        spark: The session, with our settings.
        settings: Of the gateway; the bucket changes.
        processes: This one, the JVM and the gateway: both pipelines need all three.
        own_bytes: What this process held before any work; only what it holds beyond that is counted.
    """

    spark: SparkSession
    settings: Settings
    processes: list[psutil.Process]
    own_bytes: int = 0

    def weigh(self) -> None:
        """Take what this process holds now, the benchmark's messages among it, for no part of a pipeline."""
        self.own_bytes = machine.resident_bytes(self.processes[:1])

    def bucket(self, name: str) -> Settings:
        """Settings with a bucket of that name, which is made."""
        there = dataclasses.replace(self.settings, bucket=f"saleslake-{name}")
        gateway.ensure_bucket(there)
        return there

    def put(self, there: Settings, objects: dict[str, bytes], under: str = "") -> None:
        """Write objects, under another prefix where one is given."""
        bucket = Bucket(there)
        for key, body in objects.items():
            bucket.put(under + key, body)

    def timed(self, work: Callable[[], object]) -> Took:
        """Run the work and measure it."""
        cpu, start = cpu_seconds(self.processes), time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        used = cpu_seconds(self.processes) - cpu
        return Took(seconds, used, (machine.resident_bytes(self.processes) - self.own_bytes) / 2**20)

    def revenue(self, there: Settings, place: str) -> object:
        """The net revenue of `<place>/daily_sales` in the bucket."""
        sales = self.spark.read.format("delta").load(f"s3://{there.bucket}/{place}/daily_sales")
        return sales.agg({"net_revenue": "sum"}).first()[0]  # type: ignore[index]


class Ours:
    """Our pipeline: the driver, in this session."""

    def __init__(self, spark: SparkSession, settings: Settings) -> None:
        self._driver = Driver(Lakehouse(spark, settings), Bucket(settings), settings, 0)
        self._unpublished = 0

    def run(self) -> None:
        """Bring what lies in bronze to silver and gold."""
        while self._driver.step():
            pass

    def maintain(self) -> None:
        """What the streaming loop does between two batches."""
        self._unpublished += 1
        if self._unpublished >= loop.PUBLISH_AFTER_BATCHES:
            self._driver.publish()
            self._unpublished = 0
        self._driver.maintain()


@contextlib.contextmanager
def workbench() -> Iterator[Workbench]:
    """A gateway and a session, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="saleslake-bench-") as folder:
        settings = trial(Path(folder))
        os.environ["JAVA_HOME"] = str(find_java(settings).home)
        names = ("gateway",)
        try:
            supervision.up(
                settings.data_path, processes.processes(settings, names), ports=processes.ports(settings, names)
            )
            spark = session.build(settings, javac.spark_class_path(settings).split(os.pathsep))
            own = psutil.Process()
            try:
                yield Workbench(
                    spark, settings, [own, *own.children(recursive=True), *machine.marked(settings.data_path)]
                )
            finally:
                spark.stop()
        finally:
            supervision.down(settings.data_path)


def trial(folder: Path) -> Settings:
    """The settings in force, on free ports and in a folder of its own."""
    return apart(load(), folder)


def cpu_seconds(found: list[psutil.Process]) -> float:
    """CPU seconds that processes have used so far; one that is gone counts no more."""
    total = 0.0
    for process in found:
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:2])
    return total


def middle(rounds: list[Took]) -> Took:
    """The median of the times, and the greatest memory."""
    return Took(
        median(one.seconds for one in rounds),
        median(one.cpu_seconds for one in rounds),
        max(one.memory_mib for one in rounds),
    )


def told(name: str, number: int, ours: Took, theirs: Took | None = None) -> None:
    """Log a round."""
    fields: dict[str, Any] = {"ours_s": round(ours.seconds, 2), "cpu_s": round(ours.cpu_seconds, 2)}
    if theirs is not None:
        fields |= {"naive_s": round(theirs.seconds, 2), "naive_cpu_s": round(theirs.cpu_seconds, 2)}
    event(name, round=number, **fields)


def require_equal(found: object, expected: object) -> None:
    """Refuse to go on with figures of wrong tables.

    Raises:
        ContractError: The net revenues differ.
    """
    if found != expected:
        raise ContractError(
            f"gold has a net revenue of {found}", f"{expected}", "the benchmark's figures are worth nothing"
        )
