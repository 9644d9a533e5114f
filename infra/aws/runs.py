"""The driver that streams, as a job run of EMR Serverless: no stack can hold it, so it is started and ended here."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from infra.aws import jobs
from lakehouse.errors import SourceError

NAME = "stream"
_ACTIVE = ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED"]
_ENDING = [*_ACTIVE, "CANCELLING"]
SECONDS = 600.0
Entry = dict[str, Any]


def active(client: Any, application: str, states: list[str] | None = None) -> list[Entry]:
    """Runs of an application that have not ended."""
    pages = client.get_paginator("list_job_runs").paginate(applicationId=application, states=states or _ACTIVE)
    return [run for page in pages for run in page["jobRuns"]]


def ensure_stream(
    client: Any, outputs: Mapping[str, str], driver: Mapping[str, Any], report: Callable[[str], None]
) -> bool:
    """Make sure that one driver streams and is of this definition; returns whether one had to be started.

    A driver of another definition is ended first; it finishes its batch.
    """
    application = outputs["ApplicationId"]
    found = [run for run in active(client, application) if run.get("name") == NAME]
    for run in found:
        told = client.get_job_run(applicationId=application, jobRunId=run["id"])["jobRun"]
        if told["jobDriver"] == driver:
            return False
    if found:
        report("the driver that streams is of an older definition: it is ended")
        end(client, application)
    client.start_job_run(**jobs.run(outputs, NAME, driver, uuid.uuid4().hex))
    return True


def end_streams(client: Any, application: str) -> bool:
    """End a driver that streams; returns whether there was one."""
    found = [run for run in active(client, application) if run.get("name") == NAME]
    return bool(found and end(client, application))


def end(client: Any, application: str) -> int:
    """End all runs of an application and wait for it; returns how many there were.

    Raises:
        SourceError: One does not end.
    """
    found = active(client, application)
    for run in found:
        client.cancel_job_run(applicationId=application, jobRunId=run["id"])
    deadline, pause = time.monotonic() + SECONDS, 0.05
    while active(client, application, _ENDING):
        if time.monotonic() > deadline:
            raise SourceError(f"runs of application {application} do not end", f"an end within {SECONDS:.0f} s")
        time.sleep(pause)
        pause = min(pause * 2, 5.0)
    return len(found)


def stop(client: Any, application: str) -> None:
    """End all runs and stop the application: one that is started can neither be changed nor deleted."""
    end(client, application)
    if _state(client, application) in ("STARTING", "STARTED"):  # any other refuses to be stopped
        client.stop_application(applicationId=application)
    deadline, pause = time.monotonic() + SECONDS, 0.05
    while _state(client, application) in ("STARTING", "STARTED", "STOPPING"):
        if time.monotonic() > deadline:
            raise SourceError(f"application {application} does not stop", f"an end within {SECONDS:.0f} s")
        time.sleep(pause)
        pause = min(pause * 2, 5.0)


def _state(client: Any, application: str) -> str:
    return str(client.get_application(applicationId=application)["application"]["state"])
