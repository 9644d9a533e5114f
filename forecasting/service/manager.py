"""The thread that moves resources on: jobs start and end, groups are updated, deletions carried out.

All it knows is in the store, so that after a kill it goes on from there. Requests only mark; this thread alone carries
out.
"""

import contextlib
import logging
import queue
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from forecasting.service import query, states
from forecasting.service.jobs import Jobs, ending
from forecasting.service.processes import COMMAND, Workers
from forecasting.service.store import Resource
from forecasting.service.transitions import Transitions
from lakehouse import logs
from lakehouse.settings import Settings

_AFTER_FAULT_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.05
_REMOVED = ".removed-"


class Manager:
    """Owner of the artefact folders and of the thread.

    Args:
        transitions: How states are written.
        folder: The artefact folders; beside it lies the workers' lock.
        settings: What a worker's environment is made of.
        command: What runs a worker.
        ready: Whether the places that jobs read from answer yet.
    """

    def __init__(
        self,
        transitions: Transitions,
        folder: Path,
        *,
        settings: Settings,
        command: Sequence[str] = COMMAND,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._transitions, self._store, self._folder = transitions, transitions.store, folder
        self._ready = ready
        # A worker's number and return code; None only wakes.
        self._news: queue.Queue[tuple[int, int] | None] = queue.Queue()
        self._workers = Workers(command, folder.with_name("workers.lock"), lambda *end: self._news.put(end))
        self._jobs = Jobs(transitions, self._workers, folder, settings)
        self._is_recovered = self._is_waiting = self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="forecast-manager", daemon=True)

    def start(self) -> None:
        """Go on from where the service was when it ended."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._news.put(None)

    def stop(self) -> None:
        """End the workers; their jobs wait in the store for the next start."""
        self._is_stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        timeout: float | None = 0.0
        while not self._is_stopping:
            try:
                with contextlib.suppress(queue.Empty):
                    self._take(self._news.get(timeout=timeout))
                timeout = self._step()
            except Exception:
                # The disk may be full: what could not be done is tried again.
                logs.event("forecast manager stumbled", logging.ERROR, exc_info=True)
                timeout = _AFTER_FAULT_SECONDS
        self._workers.close()
        for number in self._workers.numbers():
            self._jobs.give_back(number)

    def _take(self, news: tuple[int, int] | None) -> None:
        if news is None or self._is_stopping:
            return
        number, code = news
        try:
            self._jobs.ended(number, ending(code))
        except Exception:
            self._news.put(news)
            raise
        self._workers.forget(number)

    def _step(self) -> float | None:
        """Do all that can be done now; the seconds until there may be more to do, None for until something happens."""
        if self._is_stopping:
            return 0.0
        if not self._is_recovered:
            if not self._workers.open():
                if not self._is_waiting:
                    logs.event("forecast service waits for workers of before", folder=self._folder)
                self._is_waiting = True
                return _LOOK_AGAIN_SECONDS
            self._recover()
        for resource in self._store.in_status(states.UPDATING):
            self._update(resource)
        for resource in self._store.in_status((states.STOPPING,)):
            self._jobs.stop(resource)
        # The youngest first: a child is younger than its parents.
        for resource in reversed(self._store.in_status(states.DELETING)):
            self._delete(resource)
        if self._jobs.waiting() and not self._ready():
            return _LOOK_AGAIN_SECONDS
        return self._jobs.start_due()

    def _recover(self) -> None:
        self._jobs.recover()
        known = self._store.ids()
        for path in self._folder.iterdir():
            if path.name not in known:
                # What is no folder was not made here, and what cannot be removed must not keep jobs from starting.
                shutil.rmtree(path, ignore_errors=True)
        self._is_recovered = True

    def _update(self, group: Resource) -> None:
        if group.status == states.UPDATE_PENDING:
            self._transitions.set(group, states.UPDATE_IN_PROGRESS)
        self._transitions.set(group, states.ACTIVE)

    def _delete(self, resource: Resource) -> None:
        if resource.status == states.DELETE_PENDING:
            self._transitions.set(resource, states.DELETE_IN_PROGRESS)
        folder = self._folder / resource.id
        removed = folder.with_name(f"{_REMOVED}{resource.id}")
        try:
            if folder.exists():
                folder.rename(removed)
                query.forget()
        except OSError as fault:
            self._transitions.set(resource, states.DELETE_FAILED, message=f"The artefacts stay: {fault}")
            return
        self._store.remove(resource.number)
        shutil.rmtree(removed, ignore_errors=True)
