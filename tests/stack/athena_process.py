"""A gateway process with the Athena service, started, killed and started again by tests, and one client of it."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from infra.local import gateway
from infra.local.daemon import ROOT
from lakehouse.settings import Settings
from tests.stack.conftest import client, make_settings, wait_until

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
PLACE = {"OutputLocation": "s3://results/queries/"}


class Gateway:
    """One gateway, whichever process it is at the moment.

    Args:
        folder: Of its data.
        program: Beside this module; what serves.
    """

    def __init__(self, folder: Path, program: str = "athena_gateway.py") -> None:
        self._program = program
        self.settings: Settings = make_settings(folder)
        self.state = self.settings.data_path / gateway.NAME / "athena"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **gateway.process(self.settings).environment}
        command = [sys.executable, str(Path(__file__).with_name(self._program))]
        self.process = subprocess.Popen(command, env=given, cwd=ROOT)
        wait_until("the gateway answers", lambda: gateway.unready(self.settings) is None)

    def kill(self) -> None:
        """As `kill -9` does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """As the supervisor does; the return code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(gateway.STOP_SECONDS + 3)

    def client(self, service: str = "athena", **options: Any) -> Any:
        return client(self.settings, service, **options)

    def workers(self) -> list[psutil.Process]:
        """The worker processes of this gateway's folder, whoever their parent is."""
        found = []
        for process in psutil.process_iter(["cwd", "cmdline"]):
            line = process.info["cmdline"] or []
            if process.info["cwd"] == str(self.state) and any(part.endswith("athena_worker.py") for part in line):
                found.append(process)
        return found


@contextlib.contextmanager
def running(folder: Path, program: str = "athena_gateway.py") -> Iterator[Gateway]:
    """A gateway that answers, with a bucket for results; killed at the end."""
    found = Gateway(folder, program)
    try:
        found.start()
        place = {"LocationConstraint": found.settings.aws_default_region}
        found.client("s3").create_bucket(Bucket="results", CreateBucketConfiguration=place)
        yield found
    finally:
        found.kill()


def start(athena: Any, sql: str, **given: Any) -> str:
    """Start an execution; its id."""
    return str(
        athena.start_query_execution(QueryString=sql, **{"ResultConfiguration": PLACE, **given})["QueryExecutionId"]
    )


def runs(athena: Any, execution: str) -> None:
    """Wait until an execution is at work."""
    wait_until(f"{execution} runs", lambda: state(athena, execution) == "RUNNING")


def state(athena: Any, execution: str) -> str:
    """The state of an execution."""
    return str(athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]["State"])


def done(athena: Any, execution: str, seconds: float = 60) -> dict[str, Any]:
    """An execution once it is at its end."""
    wait_until(f"{execution} is at its end", lambda: state(athena, execution) in ENDED, seconds)
    return dict(athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"])


def rows(athena: Any, execution: str, **options: Any) -> list[list[str | None]]:
    """All rows of a result, the header first, through every page."""
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution, **options)
    return [[datum.get("VarCharValue") for datum in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
