"""job: run a job of a deployed environment once, instead of the driver that streams, and wait for its end."""

import argparse
import time
import uuid
from typing import Any

from infra.aws import environment, jobs, package, runs
from infra.aws.account import Account, answers
from infra.aws.artefacts import Artefacts
from infra.commands import terminal
from lakehouse.errors import ConfigError
from lakehouse.settings import Settings

JOBS = ("backfill", "maintain", "rebuild", "verify")
_ENDED = ("SUCCESS", "FAILED", "CANCELLED")


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("job", help="run a job of a deployed environment once and wait for its end")
    command.add_argument("environment", metavar="ENV", help="a file of infra/environments, without .yaml")
    command.add_argument("job", choices=JOBS, help="what the job does; see `python -m spark_jobs --help`")
    command.set_defaults(run=run_job)


def run_job(settings: Settings, given: argparse.Namespace) -> int:
    """Run the job; 1 if it failed."""
    account = Account(settings, environment.load(given.environment))
    with answers(account.settings, f"{given.job} in {given.environment}"):
        outputs = account.outputs("processing")
        if not outputs:
            action = f"run `make deploy ENV={given.environment}`"
            raise ConfigError(f"{given.environment} is not deployed at {account.place}", "its stacks", action)
        client = account.client("emr-serverless")
        keys = Artefacts(account.client("s3"), package.builders(account.settings)).keys("processing")
        bucket = account.outputs("storage")["Bucket"]
        if runs.end_streams(client, outputs["ApplicationId"]):
            terminal.progress(f"the driver that streams is ended, so that {given.job} is the only writer")
        try:
            driver = jobs.driver(given.job, account.environment, account.settings, bucket, keys)
            state, detail = _waited(
                client, client.start_job_run(**jobs.run(outputs, given.job, driver, uuid.uuid4().hex))
            )
        finally:
            if account.environment.processing == "stream":  # even if it had given up before
                driver = jobs.driver(runs.NAME, account.environment, account.settings, bucket, keys)
                runs.ensure_stream(client, outputs, driver, terminal.progress)
    if state != "SUCCESS":
        terminal.error(f"{given.job}: {state.lower()}{f': {detail}' if detail else ''}")
    return 0 if state == "SUCCESS" else 1


def _waited(client: Any, started: dict[str, Any]) -> tuple[str, str]:
    begin, shown = time.monotonic(), ""
    pause = 0.1
    while True:
        place = {"applicationId": started["applicationId"], "jobRunId": started["jobRunId"]}
        told = client.get_job_run(**place)["jobRun"]
        if told["state"] != shown:
            shown = told["state"]
            terminal.progress(
                f"  {time.monotonic() - begin:6.1f} s  {told['name']} {place['jobRunId']}: {shown.lower()}"
            )
        if shown in _ENDED:
            return shown, told.get("stateDetails", "")
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)
