"""The workers of the Athena service and the jobs that wait for one; in the gateway's process, importing nothing heavy.

It knows no states of executions: a job is handed in, and its outcome is handed back, once, whatever becomes of the
worker.
"""

import collections
import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local.athena.contract import Job
from infra.local.athena.engine import wire
from infra.local.athena.engine.processes import COMMAND, Worker, spawn
from infra.local.athena.engine.tasks import Done, Task, broken, canceled, ended
from lakehouse import logs
from lakehouse.errors import SourceError
from lakehouse.settings import Settings

Link = Callable[[str, Mapping[str, Path]], Mapping[str, int]]
# Workers that idle are ended but for one: each has some 130 MB, and a second to start.
IDLE_SECONDS = 120.0
# After a wish to end, or over its time, a worker has this long to answer.
_GRACE_SECONDS = 2.0
# Workers that a job is given to, if each ends before it takes it.
_TRIES = 3


class Pool:
    """Workers, started when they are needed and kept.

    Args:
        settings: Of the stack; the workers get the same.
        folder: Of the service; each job's folder must lie in it.
        link: Links objects; see engine/objects.py.
        workers: At most.
        memory_mb: Limit of a query.
        threads: Of a query.
        command: Of a worker.

    Attributes:
        idle_seconds: After which a worker that has nothing to do is ended, unless it is the only one.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        link: Link,
        *,
        workers: int = 2,
        memory_mb: int = 1024,
        threads: int = 2,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._settings, self._folder, self._link = settings, folder, link
        self._size, self.idle_seconds = workers, IDLE_SECONDS
        self._command = (*command, "--memory-mb", str(memory_mb), "--threads", str(threads))
        self._lock = threading.RLock()
        self._waiting: collections.deque[Task] = collections.deque()
        self._workers: list[Worker] = []
        self._releases = 0
        self._is_stopped = False

    def submit(self, job: Job, done: Done, started: Callable[[], None] = lambda: None) -> None:
        """Run a job when a worker is free.

        Args:
            job: The job.
            done: Called once with the outcome, in a thread of the pool. A canceled job's has the code USER_CANCELED.
            started: Called when a worker has taken it.
        """
        with self._lock:
            self._waiting.append(Task(job, done, started))
        self._dispatch()

    def cancel(self, execution_id: str) -> bool:
        """End a job, waiting or running, within 2 seconds; `done` is still called.

        Returns:
            Whether there is such a job.
        """
        with self._lock:
            waiting = next((task for task in self._waiting if task.job.execution_id == execution_id), None)
            if waiting:
                self._waiting.remove(waiting)
            running = next((w for w in self._workers if w.task and w.task.job.execution_id == execution_id), None)
            if running and running.task:
                running.task.is_canceled = True
                running.send(cancel=execution_id)
                self._kill_after(running, _GRACE_SECONDS, "canceled")
        if waiting:
            waiting.done(canceled())
        return bool(waiting or running)

    def warm(self) -> None:
        """Start a worker if there is none, so that the first query need not wait for one."""
        with self._lock:
            if not self._workers and not self._is_stopped:
                self._start()

    def stop(self) -> None:
        """End all workers, within 2 seconds; jobs that run or wait are told of as canceled."""
        with self._lock:
            self._is_stopped = True
            waiting, workers = list(self._waiting), list(self._workers)
            self._waiting.clear()
            for worker in workers:
                worker.why_killed = "canceled"
                worker.process.kill()
        for task in waiting:
            task.done(canceled())
        for worker in workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(_GRACE_SECONDS)

    def _dispatch(self) -> None:
        begun: list[Task] = []
        with self._lock:
            while self._waiting and not self._is_stopped:
                worker = self._free()
                if worker is None and self._workers:
                    break
                task = self._waiting.popleft()
                if worker is None:
                    threading.Thread(target=task.done, args=(broken("no worker can be started"),)).start()
                    continue
                worker.task = task
                task.tries += 1
                worker.send(job=wire.job_to(task.job))
                self._kill_after(worker, task.job.seconds + _GRACE_SECONDS, "late")
                begun.append(task)
        for task in begun:
            if task.tries == 1:
                task.started()

    def _free(self) -> Worker | None:
        """The worker that has been idle longest, since one that has just answered is getting ready for its next."""
        idle = [worker for worker in self._workers if worker.task is None]
        try:
            # One ahead of need: a client that waits for a process to start waits a second.
            if len(idle) < 2 and len(self._workers) < self._size:
                idle.append(self._start())
        except OSError as fault:
            logs.event("worker not started", 40, fault=str(fault))
        return min(idle, key=lambda worker: (not worker.is_ready, worker.released), default=None)

    def _start(self) -> Worker:
        worker = spawn(self._command, self._settings, self._folder)
        self._workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), name="athena-worker", daemon=True).start()
        return worker

    def _listen(self, worker: Worker) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in worker.process.stdout or ():
                self._take(worker, json.loads(line))
        code = worker.close()
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)
            task, why = self._released(worker), worker.why_killed
            worker.forget()
            if task and not (task.has_begun or why or task.is_canceled or self._is_stopped) and task.tries < _TRIES:
                # It had ended before it took the job.
                self._waiting.appendleft(task)
                task = None
        if task:
            logs.event("worker ended in a query", 30, id=task.job.execution_id, code=code, why=why or "unknown")
            shutil.rmtree(task.job.folder, ignore_errors=True)
            task.done(ended(task, why, code))
        elif not (self._is_stopped or why):
            logs.event("worker ended", 30, code=code)
        self._dispatch()

    def _take(self, worker: Worker, message: Mapping[str, Any]) -> None:
        if "ready" in message:
            worker.is_ready = True
        elif "began" in message and worker.task:
            worker.task.has_begun = True
        elif "link" in message:
            self._answer_link(worker, message["link"])
        elif "outcome" in message:
            outcome = wire.outcome_from({k: v for k, v in message["outcome"].items() if k != "id"})
            with self._lock:
                task = self._released(worker)
            if task:
                task.done(canceled() if task.is_canceled and outcome.state == "FAILED" else outcome)
            self._dispatch()

    def _answer_link(self, worker: Worker, wanted: Mapping[str, Any]) -> None:
        targets = {key: Path(path) for key, path in wanted["targets"].items()}
        task = worker.task
        folder = task.job.folder.resolve() if task else None
        if folder is None or not all(
            path.is_relative_to(folder) and ".." not in path.parts for path in targets.values()
        ):
            worker.send(refused="a link outside the job's folder")
            return
        try:
            worker.send(linked=self._link(wanted["bucket"], targets))
        except SourceError as fault:
            worker.send(refused=str(fault))

    def _released(self, worker: Worker) -> Task | None:
        """The task of a worker, which is free from now on."""
        task, worker.task = worker.task, None
        self._releases += 1
        worker.released = self._releases
        worker.after(self.idle_seconds, lambda: self._dismiss(worker))
        return task

    def _dismiss(self, worker: Worker) -> None:
        """End a worker that has nothing to do, unless it is the only one."""
        with self._lock:
            if worker.task or worker not in self._workers or len(self._workers) == 1:
                return
            self._workers.remove(worker)
            worker.why_killed = "idle"
        worker.dismiss()

    def _kill_after(self, worker: Worker, seconds: float, why: str) -> None:
        task = worker.task

        def kill() -> None:
            with self._lock:
                if worker.task is task:
                    worker.why_killed = why
                    worker.process.kill()

        worker.after(seconds, kill)
