"""A worker: takes a job at a time over its standard input, runs it and answers with its outcome.

It lives no longer than the gateway, whose end closes the pipe. What a statement means it leaves to `statements`.
"""

import argparse
import contextlib
import importlib
import json
import os
import queue
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.athena.contract import Job, Outcome, QueryError
from infra.local.athena.engine import wire
from infra.local.athena.engine.context import Context
from infra.local.athena.engine.footers import Footers
from infra.local.athena.engine.limits import Limits
from infra.local.athena.engine.running import Running, Tools
from infra.local.athena.engine.sandbox import Sandbox
from infra.local.athena.tables import serde
from infra.local.athena.tables.catalog import Glue
from infra.local.athena.tables.delta import Deltas
from lakehouse import logs
from lakehouse.errors import SourceError
from lakehouse.settings import Settings, load

Run = Callable[[Job, Context], Outcome]
_RETRIES = Config(retries={"total_max_attempts": 3}, connect_timeout=2, read_timeout=60, max_pool_connections=4)
# The gateway is on this machine: sums over a body of 100 MB would take a second of both processes.
_STORING = _RETRIES.merge(
    Config(
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"payload_signing_enabled": False},
    )
)
# Of the process beside what DuckDB counts: the interpreter, Arrow, the file list of a large table.
_BESIDE_MB = 768
# Python's own limit of 1000 ends at some 300 conditions with OR between them, this one above 500; what is nested
# on purpose takes the longer the deeper it may go.
_DEPTH = 3000


class Pipe:
    """The gateway's side: lines to it, and from it.

    Args:
        given: Lines from the gateway.
        answers: Lines to it.
    """

    def __init__(self, given: BinaryIO, answers: BinaryIO) -> None:
        self._given, self._answers = given, answers
        self._sending = threading.Lock()
        self._linked: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.cancel: Callable[[str], None] = lambda _: None

    def send(self, **message: Any) -> None:
        """Say something to the gateway."""
        with self._sending:
            self._answers.write(wire.line(**message))
            self._answers.flush()

    def link(self, bucket: str, targets: Mapping[str, Path]) -> Mapping[str, int]:
        """Have objects linked; see engine/objects.py.

        Raises:
            SourceError: There is no such object.
        """
        self.send(link={"bucket": bucket, "targets": {key: str(path) for key, path in targets.items()}})
        answer = self._linked.get()
        if "refused" in answer:
            raise SourceError(answer["refused"])
        return answer["linked"]

    def listen(self) -> None:
        """Take lines until the gateway is gone, then end the process, whatever it is doing."""
        with contextlib.suppress(OSError, ValueError):
            for line in self._given:
                self._take(json.loads(line))
        os._exit(0)

    def _take(self, message: Mapping[str, Any]) -> None:
        if "job" in message:
            self.jobs.put(wire.job_from(message["job"]))
        elif "cancel" in message:
            self.cancel(message["cancel"])
        else:
            self._linked.put(message)


class Worker:
    """What runs jobs.

    Args:
        settings: Of the stack.
        pipe: To the gateway.
        run: What runs a statement.
        memory_mb: Limit of a query.
        threads: Of a query.
    """

    def __init__(self, settings: Settings, pipe: Pipe, run: Run, *, memory_mb: int, threads: int) -> None:
        self._settings, self._pipe, self._run = settings, pipe, run
        self._tools = Tools(Sandbox(memory_mb, threads), Footers(), pipe.link)
        self._resident_bytes = (memory_mb + _BESIDE_MB) << 20
        self._s3 = boto3.client("s3", config=_STORING, **settings.client_arguments)
        self._glue = boto3.client("glue", config=_RETRIES, **settings.client_arguments)
        self._deltas = Deltas(settings.delta_options, self._stamp)
        self._current: tuple[str, Limits] | None = None
        self._canceled: set[str] = set()
        pipe.cancel = self._cancel

    def serve(self) -> None:
        """Run jobs for as long as the gateway lives."""
        self._tools.sandbox.prepare()
        self._pipe.send(ready=True)
        while True:
            job = self._pipe.jobs.get()
            self._pipe.send(began=job.execution_id)
            outcome = self._outcome(job)
            self._pipe.send(outcome={"id": job.execution_id, **wire.outcome_to(outcome)})
            # Nobody waits for what follows: the pool gives a job to the worker that has been idle longest.
            self._tools.sandbox.prepare()
            shutil.rmtree(job.folder, ignore_errors=True)

    def _outcome(self, job: Job) -> Outcome:
        limits = Limits(job.seconds, self._resident_bytes)
        self._current = (job.execution_id, limits)
        if job.execution_id in self._canceled:
            limits.cancel()
        try:
            job.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with limits:
                catalog = Glue(self._glue, self._s3, self._deltas)
                clients = (self._s3, self._glue)
                return self._run(job, Running(job, self._settings, catalog, clients, self._tools, limits))
        except QueryError as fault:
            return Outcome("FAILED", str(fault), fault.code)
        except Exception as fault:  # whatever is wrong with a statement, the next one finds a worker
            logs.event("statement broke the worker's code", 40, id=job.execution_id, fault=repr(fault))
            return Outcome("FAILED", f"GENERIC_INTERNAL_ERROR: {type(fault).__name__}", "GENERIC_INTERNAL_ERROR")
        finally:
            self._current = None
            self._canceled.discard(job.execution_id)

    def _stamp(self, url: str) -> str | None:
        bucket, key = serde.split_url(url)
        try:
            found = self._s3.head_object(Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError):
            return None
        return f"{found['ETag']} {found['LastModified']}"

    def _cancel(self, execution_id: str) -> None:
        self._canceled.add(execution_id)
        current = self._current
        if current and current[0] == execution_id:
            current[1].cancel()


def main(run: Run | None = None) -> None:
    """Run a worker.

    Args:
        run: What runs a statement; infra.local.athena.statements by default.
    """
    parser = argparse.ArgumentParser(prog="python -m infra.local.athena.engine.worker", description="An Athena worker.")
    parser.add_argument("--memory-mb", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    # What anything else prints must not get between the lines.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    settings = load(dotenv=None)
    logs.configure(settings.log_level)
    sys.setrecursionlimit(_DEPTH)
    pipe = Pipe(sys.stdin.buffer, answers)
    if run is None:
        run = importlib.import_module("infra.local.athena.statements").run
    worker = Worker(settings, pipe, run, memory_mb=given.memory_mb, threads=given.threads)
    threading.Thread(target=pipe.listen, name="pipe", daemon=True).start()
    worker.serve()


if __name__ == "__main__":
    main()
