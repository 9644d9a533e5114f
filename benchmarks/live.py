"""A whole stack of its own to measure: real processes on free ports in a temporary folder, and the load for it."""

import contextlib
import gzip
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import lags
from benchmarks.workbench import cpu_seconds, trial
from generator import replay, simulate, topics, wait
from generator.journal import Journal, Run
from infra.local import stack as processes
from infra.local import status, supervision
from infra.local.daemon import ROOT, Daemon
from lakehouse.errors import SourceError
from lakehouse.logs import event
from lakehouse.places import TOPIC, KafkaObject
from lakehouse.settings import Settings, environment
from lakehouse.tables import OPS_BRONZE_OBJECTS
from spark_jobs.storage import Bucket

RATE = 2_000
DRIVER = "spark"
TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True)
class Sent:
    """A run of the generator that has ended: its journal's entry and the CPU seconds it took."""

    run: Run
    cpu_seconds: float


@dataclass(frozen=True)
class Live:
    """A stack that is up."""

    settings: Settings

    @contextlib.contextmanager
    def load(self, seconds: float, rate: float = RATE) -> Iterator[subprocess.Popen[bytes]]:
        """The generator in a process of its own, with the noise `load`; the block's end does not wait for it."""
        words = ["simulate", "--noise", "load", "--rate", f"{rate:g}", "--seconds", f"{seconds:g}"]
        command = [sys.executable, "-m", "generator", *words]
        given = {**os.environ, **environment(self.settings)}
        with (self.settings.data_path / "load.log").open("ab") as log:
            load = subprocess.Popen(command, env=given, cwd=ROOT, stdout=log, stderr=log)  # noqa: S603
        try:
            yield load
        finally:
            if load.poll() is None:
                load.terminate()
            load.wait()

    def finish(self, load: subprocess.Popen[bytes]) -> Sent:
        """Wait for the load's end, then until gold holds all of it and the operations tables know.

        Raises:
            SourceError: The generator failed, or gold does not advance.
        """
        sent = self.wait_for_load(load)
        self.wait_for_gold()
        self.wait_for_books()
        return sent

    def wait_for_load(self, load: subprocess.Popen[bytes]) -> Sent:
        """Wait until the load is sent and confirmed.

        Raises:
            SourceError: The generator failed.
        """
        process, used = psutil.Process(load.pid), 0.0
        while load.poll() is None:
            used = max(used, cpu_seconds([process]))
            time.sleep(0.1)
        if load.returncode:
            log = self.settings.data_path / "load.log"
            raise SourceError(f"the load ended with code {load.returncode}", "0", log.read_text("utf-8")[-500:])
        return Sent(Journal(self.settings.data_path, simulate.SHOP).runs()[-1], used)

    def replay(self, noise: str) -> float:
        """Send the whole data set; returns the seconds from the first message to gold complete."""
        start = time.monotonic()
        replay.run(self.settings, noise=noise)
        self.wait_for_gold()
        return time.monotonic() - start

    def wait_for_gold(self) -> None:
        """Return when gold holds everything that was sent."""
        ends = topics.end_offsets(self.settings)
        wait.until_in_gold(
            self.settings, topics.ensure(self.settings), ends, deadline=time.monotonic() + TIMEOUT_SECONDS
        )

    def wait_for_books(self) -> None:
        """Return when the operations tables have every batch that gold has."""
        done, deadline = status.progress(self.settings), time.monotonic() + TIMEOUT_SECONDS
        while done and time.monotonic() < deadline:
            told = lags.rows_of(self.settings, OPS_BRONZE_OBJECTS, ["batch_id"])
            if max((row["batch_id"] for row in told), default=0) >= done.batch_id:
                return
            time.sleep(0.5)
        raise SourceError("ops.bronze_objects lacks batches", "every batch that gold has", "see the driver's log")

    def wait_for_bronze(self) -> None:
        """Return when the sink has landed everything that was sent."""
        ends, bucket = topics.end_offsets(self.settings), Bucket(self.settings)
        topic_id, deadline = topics.ensure(self.settings), time.monotonic() + TIMEOUT_SECONDS
        for partition, end in ends.items():
            prefix, landed = KafkaObject(TOPIC, topic_id, partition, 0).prefix, 0
            while landed < end:
                newest = max((entry.key for entry in bucket.entries(prefix)), default="")
                if newest:
                    landed = KafkaObject.parse(newest).first + gzip.decompress(bucket.get(newest) or b"").count(b"\n")
                if time.monotonic() > deadline:
                    raise SourceError(
                        f"bronze ends at {landed} in partition {partition}", f"{end}", "see connect's log"
                    )
                time.sleep(0.2)

    def stop(self, name: str) -> None:
        """Stop one process as `make down` does."""
        Daemon(self.settings.data_path).ask("stopProcess", name, True)

    def start(self, name: str) -> None:
        """Bring one process up again and wait until it is ready."""
        supervision.up(
            self.settings.data_path, processes.processes(self.settings, [name]), then=processes.then(self.settings)
        )

    def kill(self, name: str) -> float:
        """Kill one process without warning; returns when [seconds since 1970]."""
        pid = next(one.pid for one in status.health(self.settings) if one.name == name)
        if pid is None:
            raise SourceError(f"{name} has no process", "a running one", "see its log")
        os.kill(pid, signal.SIGKILL)
        return time.time()


@contextlib.contextmanager
def live() -> Iterator[Live]:
    """A stack, up within the block."""
    with tempfile.TemporaryDirectory(prefix="saleslake-bench-") as folder:
        settings = trial(Path(folder))
        try:
            supervision.up(
                settings.data_path,
                processes.processes(settings),
                ports=processes.ports(settings),
                then=processes.then(settings),
            )
            event("stack is up")
            yield Live(settings)
        finally:
            supervision.down(settings.data_path)
