"""The real processes under fire, with the proxy between the gateway and its clients, whichever way the changes come.

Owns their ports, their data folder and their signals; what is done to them, and when, stands in faults.py. The two
ways in are topic.py (Kafka) and table.py (DynamoDB).
"""

import contextlib
import dataclasses
import resource
import signal
import subprocess
import sys
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

import boto3
import psutil
import pyarrow as pa
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from generator import wait
from infra.local import machine, supervision
from infra.local import stack as processes
from infra.local.daemon import ROOT, Daemon
from infra.local.launch import MARK, base_environment
from infra.local.process import Process
from lakehouse.errors import SourceError
from lakehouse.progress import Progress
from lakehouse.settings import Settings, environment
from tests.chaos.proxy import Proxy

with warnings.catch_warnings():  # see generator/topics.py
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.errors import KafkaError

LEASE_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.1


# What a broker or gateway that is under fire itself answers to this process.
UNDER_FIRE: Final = (SourceError, BotoCoreError, ClientError, KafkaError)


V = TypeVar("V")


class NotInTimeError(AssertionError):
    """Something did not come true by its deadline."""


def wait_until(what: str, done: Callable[[], Any], seconds: float) -> Any:
    """Ask until the answer is true and return it; no answer is as good as a false one.

    Raises:
        NotInTimeError: It is not by the deadline.
    """
    end = time.monotonic() + seconds
    while True:
        fault = ""
        try:
            if answer := done():
                return answer
        except UNDER_FIRE as refused:
            fault = f" ({refused})"
        if time.monotonic() > end:
            raise NotInTimeError(f"{what}: not within {seconds:.0f} s{fault}")
        time.sleep(LOOK_SECONDS)


class Stack(ABC):
    """A running stack that one way of changes leads into.

    Args:
        settings: Its settings; AWS_ENDPOINT_URL is the gateway's own port, which this process uses.
        proxy: What the others take for the gateway.

    Attributes:
        through: The settings of the others.
        sink: Where the generator sends.
        topic_id: Kafka's id of the topic; "" without one.
    """

    sink: str
    topic_id = ""

    def __init__(self, settings: Settings, proxy: Proxy) -> None:
        self.settings, self.proxy = settings, proxy
        self.through = dataclasses.replace(settings, aws_endpoint_url=proxy.url)
        self.daemon = Daemon(settings.data_path)
        self._progress = wait.bucket_reader(settings)
        once = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=20)
        self.s3 = boto3.client("s3", config=once, **settings.client_arguments)

    # --- what the two ways differ in

    @abstractmethod
    def processes(self) -> list[Process]:
        """Those of `make up` but for the proxy."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what the changes go to, once the processes are up."""

    @abstractmethod
    def sent(self) -> Any:
        """How much has been sent, to tell whether more has been; None while nobody knows."""

    @abstractmethod
    def mark(self) -> Any:
        """What has been sent by now, for `holds`; None while the way does not answer."""

    @abstractmethod
    def holds(self, mark: Any) -> bool:
        """Whether gold holds all that had been sent by a mark."""

    @abstractmethod
    def messages(self) -> int:
        """How many messages, or changes, have been sent."""

    def settled(self, verdict: Callable[[], V]) -> V:
        """The verdict once nothing can come late."""
        return verdict()

    def allowed(self, expected: pa.Table, silver: pa.Table) -> pa.Table:
        """The rows that silver must hold, of those that the shop expects there."""
        return expected

    # --- life

    def up(self) -> None:
        """Start what is down and wait until all are ready."""
        supervision.up(self.settings.data_path, self.processes(), then=processes.then(self.settings))
        self.prepare()

    def heal(self) -> None:
        """Undo every fault that could last: rules, stopped processes, limits, processes that were given up."""
        self.proxy.clear()
        for process in machine.marked(self.settings.data_path):
            with contextlib.suppress(psutil.Error):
                if process.status() == psutil.STATUS_STOPPED:
                    process.resume()
        self.limit_files(None)
        self.up()

    def limit_files(self, most_bytes: int | None) -> None:
        """Let the gateway write no file beyond a size, which it meets as it meets a full disk; None for no limit."""
        if sys.platform != "linux":
            assert most_bytes is None, "the limit of another process can be set on Linux alone"
            return
        pid = self.pid("gateway")
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if most_bytes is None else most_bytes, hard))

    # --- processes

    def pid(self, name: str, seconds: float = 30) -> int:
        """The process's id, once it has one."""
        return int(wait_until(f"{name} runs", lambda: self.daemon.states().get(name, {}).get("pid"), seconds))

    def family(self, name: str) -> list[psutil.Process]:
        """The process and its children: the driver's JVM is one."""
        return machine.family(self.pid(name))

    def kill(self, name: str, part: str = "all") -> None:
        """kill -9: of the process (`parent`), of its children (`children`), or of all at once."""
        parent, *children = self.family(name)
        for process in {"all": [parent, *children], "parent": [parent], "children": children or [parent]}[part]:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def stop(self, name: str) -> list[psutil.Process]:
        """SIGSTOP to the process and its children; returns them for `resume`."""
        found = self.family(name)
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.suspend()
        return found

    # --- commands

    def start(self, *arguments: str, log: TextIO | int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
        """Start `python -m …` with the settings that worker and driver have; it counts as one of the stack."""
        spark = processes.spark(self.through).environment
        given = {**base_environment(), **environment(self.through), **spark, MARK: str(self.settings.data_path)}
        command = [sys.executable, "-m", *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=given, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def run(self, *arguments: str, seconds: float) -> None:
        """Run `python -m …` to its end."""
        with (self.settings.data_path / "commands.log").open("a") as log:
            running = self.start(*arguments, log=log)
            try:
                code = running.wait(seconds)
            except subprocess.TimeoutExpired as fault:
                running.send_signal(signal.SIGKILL)
                raise NotInTimeError(f"python -m {' '.join(arguments)}: not within {seconds:.0f} s") from fault
        if code:
            raise AssertionError(f"python -m {' '.join(arguments)}: exit code {code}; see {log.name}")

    # --- how far it is

    def progress(self) -> Progress | None:
        """What gold holds, as the driver last said."""
        return self._progress()

    def restarts(self, name: str) -> int:
        """How often a process was started again by itself since it was asked to run."""
        return max(0, len(self.daemon.starts(name)) - 1)


S = TypeVar("S", bound=Stack)


@contextlib.contextmanager
def started(kind: Callable[[Settings, Proxy], S], settings: Settings) -> Iterator[S]:
    """A stack of this kind that is up; taken down at the end."""
    with Proxy(0, settings.aws_endpoint_url.removeprefix("http://")) as proxy:
        stack = kind(settings, proxy)
        try:
            stack.up()
            yield stack
        finally:
            stack.proxy.clear()
            supervision.down(Path(settings.data_path))
