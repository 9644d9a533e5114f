"""Jobs: which one a worker gets next, and what becomes of it when the worker has ended, however it ended.

A job runs three times at most. Its folder is emptied before each time, so that a result in it is this time's.
"""

import logging
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from forecasting.service import job, states
from forecasting.service.inputs import resolved
from forecasting.service.outbox import acting_for
from forecasting.service.processes import Workers
from forecasting.service.store import Resource
from forecasting.service.transitions import Transitions
from forecasting.service.view import Caller, View
from lakehouse import logs
from lakehouse.settings import Settings, environment

ATTEMPTS = 3
# No job waits longer between two attempts; a clock that was set back must not make it.
_LONGEST_WAIT_SECONDS = 60.0


class Jobs:
    """The jobs of a service; used by the manager's thread alone.

    Args:
        transitions: How states are written.
        workers: The processes.
        folder: The artefact folders.
        settings: What a worker's environment is made of.
    """

    def __init__(self, transitions: Transitions, workers: Workers, folder: Path, settings: Settings) -> None:
        self._transitions, self._workers = transitions, workers
        self._store, self._clock = transitions.store, transitions.clock
        self._folder, self._settings = folder, settings
        self._slots = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def waiting(self) -> list[Resource]:
        """Jobs that no worker has, the oldest first."""
        return self._store.in_status((states.PENDING,))

    def start_due(self) -> float | None:
        """Start what is due, as many as there are cores; the seconds until the next is, None if none waits for time."""
        waiting, now = self.waiting(), self._clock()
        waits = {one.number: one.due_at - now for one in waiting if 0 < one.due_at - now <= _LONGEST_WAIT_SECONDS}
        due = [one for one in waiting if one.number not in waits]
        for resource in due[: max(self._slots - len(self._workers), 0)]:
            self._start(resource)
        return min(waits.values(), default=None)

    def ended(self, number: int, how: str) -> None:
        """Take what a worker left.

        Args:
            number: Whose worker it was.
            how: How it ended, for the case that it left nothing.
        """
        with self._store.transaction():
            resource = self._store.numbered(number)
            if resource is None:
                return
            if resource.status == states.STOPPING:
                self._drop(resource, states.STOPPED)
            elif resource.status == states.IN_PROGRESS:
                self._take(resource, job.read(self._folder / resource.id / job.RESULT), how)

    def recover(self) -> None:
        """After a start: take results that nobody took, and let jobs run again that nobody ended."""
        for resource in self._store.in_status((states.IN_PROGRESS,)):
            self.ended(resource.number, "The service ended while the job was at work")

    def stop(self, resource: Resource) -> None:
        """End a job that is to be stopped; one that waits never begins."""
        if resource.number in self._workers:
            self._workers.kill(resource.number)
        else:
            self._drop(resource, states.STOPPED)

    def give_back(self, number: int) -> None:
        """The service ends in order and takes the worker along: that time does not count."""
        with self._store.transaction():
            resource = self._store.numbered(number)
            if resource is None or resource.status != states.IN_PROGRESS:
                return
            if job.read(self._folder / resource.id / job.RESULT) is None:
                self._wait_again(resource, attempts=resource.attempts - 1)
            else:
                self.ended(number, "")

    def _start(self, resource: Resource) -> None:
        now = self._clock()
        with self._store.transaction():
            # Read again: it may have been stopped since.
            current = self._store.numbered(resource.number)
            if current is None or current.status != states.PENDING:
                return
            started_at = current.started_at or now
            self._transitions.set(current, states.IN_PROGRESS, started_at=started_at, attempts=current.attempts + 1)
        try:
            self._launch(current, now)
        except Exception as fault:
            # Whatever it is, a job that says it is at work must have a worker.
            logs.event("forecast job not started", logging.ERROR, exc_info=True, arn=current.arn)
            self._again(current.number, f"The job could not be started: {fault}")

    def _launch(self, resource: Resource, now: float) -> None:
        folder = self._folder / resource.id
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        view = View(self._store, Caller(resource.account, resource.region), now, self._folder, {})
        document = {
            "kind": resource.kind,
            "arn": resource.arn,
            "name": resource.name,
            "created_at": resource.created_at,
            "request": resource.request,
            "inputs": resolved(resource.inputs, view),
        }
        job.write(folder / job.JOB, document)
        own = acting_for(self._settings, resource.account, resource.region)
        self._workers.start(resource.number, folder, environment(own))

    def _take(self, resource: Resource, found: dict[str, Any] | None, how: str) -> None:
        try:
            result = job.Result(**(found or {"status": job.RETRY, "message": how}))
        except TypeError:
            result = job.Result(job.RETRY, "The worker left a result that cannot be read")
        if result.status == job.RETRY:
            self._again(resource.number, result.message)
            return
        if resource.kind == "dataset-import-job":
            dataset = self._store.at(resource.request["DatasetArn"])
            if dataset is not None:
                self._store.change(dataset.number, modified_at=self._clock())
        if result.status != job.ACTIVE:
            self._drop(resource, states.FAILED, message=result.message, body={**resource.body, **result.body})
            return
        self._transitions.set(resource, states.ACTIVE, message=result.message, body={**resource.body, **result.body})
        seconds = self._clock() - (resource.started_at or self._clock())
        self._transitions.notices.metrics(resource, result.metrics, seconds)

    def _again(self, number: int, message: str) -> None:
        """Let a job run again, later each time, or fail it."""
        current = self._store.numbered(number)
        if current is None or current.status != states.IN_PROGRESS:
            return
        if current.attempts >= ATTEMPTS:
            self._drop(current, states.FAILED, message=f"{message}. It was tried {current.attempts} times")
            return
        logs.event("forecast job runs again", logging.WARNING, arn=current.arn, message=message)
        self._wait_again(current, due_at=self._clock() + 2.0 ** (current.attempts - 1) - 1)

    def _wait_again(self, resource: Resource, **values: Any) -> None:
        self._store.change(resource.number, status=states.PENDING, modified_at=resource.created_at, **values)

    def _drop(self, resource: Resource, status: str, **values: Any) -> None:
        """A job that made nothing leaves nothing."""
        self._transitions.set(resource, status, **values)
        shutil.rmtree(self._folder / resource.id, ignore_errors=True)


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"The worker process ended with status {code} and left no result"
    try:
        return f"The worker process was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"The worker process was ended by signal {-code}"
