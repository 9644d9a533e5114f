"""The lives of job runs: each in a thread of its own waits for its turn, works, is tried again, and ends.

Owns the states of a run and the events that tell of them; what a run is made of stands in emr_run.py.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from infra.local import events
from infra.local.emr_run import Run, RunError
from infra.local.inward import is_reached
from infra.local.kept import Kept, Record
from lakehouse import logs
from lakehouse.settings import Settings

ENDED = ("SUCCESS", "FAILED", "CANCELLED")
PAUSE_SECONDS = 2.0  # before a run that failed is tried again


class Lives:
    """The runs that work, or wait for their turn.

    Args:
        settings: Of the stack.
        folder: Where files and logs of runs are kept.
        kept: Applications and runs.
    """

    def __init__(self, settings: Settings, folder: Path, kept: Kept) -> None:
        self._settings, self._folder, self._kept = settings, folder, kept
        self._working: dict[str, Run] = {}
        self._stopping = threading.Event()
        self._turns = threading.Condition()
        self.loop: asyncio.AbstractEventLoop | None = None

    def begin(self, number: str) -> None:
        """Begin a run, or begin it again after a restart."""
        threading.Thread(target=self._live, args=(number,), daemon=True).start()

    def end(self, record: Record) -> None:
        """Cancel a run: one that works may finish its batch."""
        if record["state"] in ENDED:
            return
        run = self._working.get(record["jobRunId"])
        self._note(record["jobRunId"], "CANCELLING" if run else "CANCELLED")
        if run:
            run.ask_to_end()

    def stop(self) -> None:
        """End all processes at once; the runs begin again with the next start."""
        self._stopping.set()
        for run in list(self._working.values()):
            run.kill()

    def active(self, application: str) -> list[Record]:
        """Runs of an application that have not ended, the oldest first."""
        return [
            one for one in self._kept.all("run") if one["applicationId"] == application and one["state"] not in ENDED
        ]

    def _live(self, number: str) -> None:
        with self._turn_of(number) as is_its_turn:
            while is_its_turn and not self._stopping.is_set():
                record = self._kept.get("run", number) or {}
                if not record or record["state"] in ENDED:
                    return
                if record["state"] == "CANCELLING":
                    self._note(number, "CANCELLED")
                    return
                self._try(number, record)

    def _try(self, number: str, record: Record) -> None:
        attempt = record["attempt"] + 1
        self._kept.change("run", number, attempt=attempt)
        run = self._working[number] = Run(self._settings, self._folder / "runs" / number, record)
        fault = ""
        try:
            while not is_reached(self._settings):  # the run reads from the gateway that is starting
                time.sleep(0.05)
            self._note(number, "RUNNING")
            fault = run.work()
        except RunError as failed:
            fault = str(failed)
        finally:
            self._working.pop(number, None)
        if self._stopping.is_set():
            return
        state = (self._kept.get("run", number) or {}).get("state")
        policy = record.get("retryPolicy", {})
        is_stream = record["mode"] == "STREAMING"
        if state == "CANCELLING":
            self._note(number, "CANCELLED")
        elif not fault and not is_stream:
            self._note(number, "SUCCESS")
        elif is_stream or attempt < policy.get("maxAttempts", 1):
            logs.event("job run is tried again", run=number, attempt=attempt, fault=fault or "it ended")
            self._stopping.wait(PAUSE_SECONDS)
        else:
            self._note(number, "FAILED", fault)

    @contextlib.contextmanager
    def _turn_of(self, number: str) -> Iterator[bool]:
        """Wait until fewer runs of the application work than may; false if the run was ended meanwhile."""
        record = self._kept.get("run", number) or {}
        application = record.get("applicationId", "")
        with self._turns:
            while self._is_behind(number, application) and not self._stopping.is_set():
                if (self._kept.get("run", number) or {}).get("state") in ENDED:
                    break
                self._turns.wait(0.5)
        try:
            yield not self._stopping.is_set()
        finally:
            with self._turns:
                self._turns.notify_all()

    def _is_behind(self, number: str, application: str) -> bool:
        found = self._kept.get("application", application) or {}
        most = int(found.get("schedulerConfiguration", {}).get("maxConcurrentRuns", 15))
        return number not in [one["jobRunId"] for one in self.active(application)][:most]

    def _note(self, number: str, state: str, detail: str = "") -> None:
        self._kept.change("run", number, state=state, stateDetails=detail[:1024], updatedAt=time.time())
        record = self._kept.get("run", number) or {}
        region = record["arn"].split(":")[3]
        told = {
            "jobRunId": number,
            "jobRunName": record["name"],
            "applicationId": record["applicationId"],
            "state": state,
        }
        entry = {
            "Source": "aws.emr-serverless",
            "DetailType": "EMR Serverless Job Run State Change",
            "Detail": json.dumps(told | {"arn": record["arn"], "releaseLabel": record["releaseLabel"]}),
        }
        try:
            events.put(self.loop, record["account"], region, [entry])
        except (OSError, TimeoutError) as fault:
            logs.event("event not put", run=number, state=state, fault=fault)
