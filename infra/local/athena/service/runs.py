"""Executions at work: handed to the workers, followed to their end, stopped, taken up again after a kill.

The file is the truth: a state is there before anybody is told of it. Nothing polls; the pool calls back.
"""

import dataclasses
import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infra.local.athena.contract import Job, Outcome
from infra.local.athena.service import executions as states
from infra.local.athena.service import statement
from infra.local.athena.service.executions import Execution, Executions
from infra.local.athena.service.notices import Notices
from infra.local.athena.service.outside import Pool
from lakehouse import logs

RESTARTED = "SERVICE_RESTARTED"
# Of the outcome of a job that the pool ended because it was told to.
_CANCELED = "USER_CANCELED"
_CUT_OFF = "EXCEEDED_SCAN_LIMIT"
_SWEEP_SECONDS = 86_400.0
_LOOK_SECONDS = 0.05


class Runs:
    """All that is under way.

    Args:
        executions: The store.
        pool: The workers.
        folder: Where each job has a folder of its own.
        notices: Tells of states.
        clock: Epoch seconds.
    """

    def __init__(
        self, executions: Executions, pool: Pool, folder: Path, *, notices: Notices, clock: Callable[[], float]
    ) -> None:
        self._executions, self._pool, self._folder = executions, pool, folder
        self._notices, self._clock = notices, clock
        self._stopping = threading.Event()
        self._swept_at = clock()

    def submit(self, execution: Execution) -> None:
        """Have an execution run; it was added before."""
        self._notices.state(execution, "")
        if self._clock() - self._swept_at > _SWEEP_SECONDS:
            self.forget_old()
        request = execution.request
        job = Job(
            execution_id=execution.id,
            sql=execution.sql,
            database=request["database"],
            parameters=tuple(request["parameters"]),
            output=request["output"],
            folder=self._folder / execution.id,
            seconds=request["seconds"],
            scanned_bytes=request["cutoff"],
            external_locations=not request["enforced"],
            account=execution.owner.account,
            region=execution.owner.region,
            workgroup=execution.workgroup,
            prepared=request["prepared"],
        )
        name = execution.id
        self._pool.submit(job, lambda outcome: self._finished(name, outcome), lambda: self._started(name))

    def cancel(self, execution: Execution) -> None:
        """Stop an execution; nothing if it has come to its end."""
        values = {"reason": "Query cancelled by user", "completed_at": self._clock()}
        ended = self._executions.advance(execution.id, states.CANCELLED, **values)
        if ended is not None:
            self._pool.cancel(execution.id)
            self._notices.ended(ended, execution.state)

    def drop(self, ids: Sequence[str]) -> None:
        """Stop jobs whose executions are forgotten."""
        for name in ids:
            self._pool.cancel(name)

    def resume(self, ready: Callable[[], bool]) -> None:
        """Take up what a killed service left: what only reads runs again, the rest has failed: half of it may stand.

        Args:
            ready: Whether the AWS API that the workers use answers yet; nothing runs before.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        again = []
        for execution in self._executions.unfinished():
            if statement.classify(execution.sql).reads:
                self._executions.requeue(execution.id)
                again.append(execution)
            else:
                reason = "The service was restarted while the statement ran; what it had written may be there in part"
                self._finished(execution.id, Outcome(states.FAILED, reason, RESTARTED, execution.statement, ""))

        if again:
            threading.Thread(target=self._submit_again, args=(again, ready), name="athena-resume", daemon=True).start()

    def _submit_again(self, again: list[Execution], ready: Callable[[], bool]) -> None:
        while not ready():
            if self._stopping.wait(_LOOK_SECONDS):
                return
        for execution in again:
            found = self._executions.get(execution.owner, execution.id)
            if found is not None and found.state == states.QUEUED:
                self.submit(found)

    def forget_old(self) -> None:
        """Forget what ended more than 45 days ago, as AWS does."""
        self._swept_at = self._clock()
        self._executions.forget(self._executions.older_than(self._clock() - states.KEPT_SECONDS))

    def _started(self, execution_id: str) -> None:
        running = self._executions.advance(execution_id, states.RUNNING, started_at=self._clock())
        if running is not None:
            self._notices.state(running, states.QUEUED)

    def stop(self) -> None:
        """End the workers; what they were at is taken up by the next start."""
        self._stopping.set()
        self._pool.stop()

    def _finished(self, execution_id: str, outcome: Outcome) -> None:
        if self._stopping.is_set() and outcome.error_code == _CANCELED:
            return
        values = self._kept(outcome)
        state = outcome.state
        if outcome.error_code == _CUT_OFF:
            # AWS cancels such a query: https://docs.aws.amazon.com/athena/latest/ug/workgroups-setting-control-limits.html
            state, values = states.CANCELLED, {**values, "reason": "Bytes scanned limit was exceeded"}
        try:
            ended = self._executions.advance(execution_id, state, **values)
        except Exception:
            # Whoever calls back is a thread of the pool: it must live, and the next start takes the execution up.
            logs.event("athena outcome not kept", logging.ERROR, exc_info=True, execution_id=execution_id)
            return
        if ended is not None:
            self._notices.ended(ended, states.QUEUED if ended.started_at is None else states.RUNNING)

    def _kept(self, outcome: Outcome) -> dict[str, Any]:
        kept = dataclasses.asdict(outcome)
        kept["columns"] = [[column.name, column.type] for column in outcome.columns]
        kept |= {"milliseconds": dict(outcome.milliseconds), "tables": [*outcome.tables]}
        code = outcome.error_code.removesuffix("_AT_START")
        values: dict[str, Any] = {
            "reason": outcome.reason.replace(outcome.error_code, code, 1) if outcome.error_code else outcome.reason,
            "error_code": code,
            "completed_at": self._clock(),
            "outcome": kept,
        }
        if outcome.error_code != RESTARTED:
            values |= {"statement": outcome.statement, "substatement": outcome.substatement}
        return values
