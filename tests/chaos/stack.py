"""The real processes under fire: gateway, broker, worker and driver, with the proxy between S3 and its clients.

Owns their ports, their data folder and their signals; what is done to them, and when, stands in faults.py.
"""

import contextlib
import dataclasses
import resource
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TextIO

import boto3
import psutil
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from generator import topics, wait
from infra.local import broker, gateway, machine, supervision, worker
from infra.local import stack as processes
from infra.local.daemon import ROOT, Daemon
from infra.local.launch import MARK, base_environment
from infra.local.process import Process
from lakehouse import places
from lakehouse.errors import LakehouseError, SourceError
from lakehouse.progress import Progress
from lakehouse.settings import Settings, environment
from tests.chaos.proxy import Proxy

with warnings.catch_warnings():  # see generator/topics.py
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

LEASE_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.1


# What a broker or gateway that is under fire itself answers to this process.
UNDER_FIRE: Final = (SourceError, BotoCoreError, ClientError, KafkaError)


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


class Stack:
    """A running stack.

    Args:
        settings: Its settings; AWS_ENDPOINT_URL is the gateway's own port, which this process uses.
        proxy: What worker and driver take for the gateway.

    Attributes:
        through: The settings of worker and driver.
        topic_id: Kafka's id of the topic.
    """

    def __init__(self, settings: Settings, proxy: Proxy) -> None:
        self.settings, self.proxy = settings, proxy
        self.through = dataclasses.replace(settings, aws_endpoint_url=proxy.url)
        self.daemon = Daemon(settings.data_path)
        self.topic_id = ""
        self._progress = wait.bucket_reader(settings)
        once = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=20)
        self.s3 = boto3.client("s3", config=once, **settings.client_arguments)

    # --- life

    def processes(self) -> list[Process]:
        """The four, as `make up` has them but for the proxy."""
        return [
            gateway.process(self.settings),
            broker.process(self.settings),
            worker.process(self.through),
            processes.spark(self.through),
        ]

    def up(self) -> None:
        """Start what is down and wait until all are ready."""
        found = self.processes()
        supervision.up(self.settings.data_path, found, then=processes.then(self.settings))
        self.topic_id = topics.ensure(self.settings)

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

    def forget_offsets(self) -> None:
        """Stop the worker, delete its group's committed offsets, and start it again."""
        group = f"connect-{places.CONNECTOR}-{self.topic_id}"
        self.daemon.ask("stopProcess", "connect", True)
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.settings.kafka_bootstrap_servers)
            # the broker keeps the group until its static member's session is over
            wait_until("the worker's group is gone", lambda: admin.delete_groups([group])[group] == "OK", 30)
            admin.close()
        finally:
            self.daemon.ask("startProcess", "connect", False)

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

    def ends(self) -> dict[int, int] | None:
        """The topic's end offsets; None while the broker does not answer."""
        try:
            return topics.end_offsets(self.settings)
        except LakehouseError:
            return None

    def progress(self) -> Progress | None:
        """What gold holds, as the driver last said."""
        return self._progress()

    def restarts(self, name: str) -> int:
        """How often a process was started again by itself since it was asked to run."""
        return max(0, len(self.daemon.starts(name)) - 1)


@contextlib.contextmanager
def started(settings: Settings) -> Iterator[Stack]:
    """A stack that is up; taken down at the end."""
    with Proxy(0, settings.aws_endpoint_url.removeprefix("http://")) as proxy:
        stack = Stack(settings, proxy)
        try:
            stack.up()
            yield stack
        finally:
            stack.proxy.clear()
            supervision.down(Path(settings.data_path))
