"""A gateway process with the Forecast service, started, killed and started again by tests."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.local import gateway
from infra.local.daemon import ROOT
from lakehouse.settings import Settings
from tests.stack.conftest import client, make_settings, wait_until

ROLE = "arn:aws:iam::000000000000:role/any"
SCHEMA = {
    "Attributes": [
        {"AttributeName": "item_id", "AttributeType": "string"},
        {"AttributeName": "timestamp", "AttributeType": "timestamp"},
        {"AttributeName": "demand", "AttributeType": "float"},
    ]
}
RELATED = {"Attributes": [*SCHEMA["Attributes"][:2], {"AttributeName": "price", "AttributeType": "float"}]}


class Gateway:
    """One gateway, whichever process it is at the moment."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings: Settings = make_settings(folder, **settings)
        self.state = self.settings.data_path / gateway.NAME / "forecast"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **gateway.process(self.settings).environment}
        command = [sys.executable, str(Path(__file__).with_name("forecast_gateway.py"))]
        self.process = subprocess.Popen(command, env=given, cwd=ROOT)
        wait_until("the gateway answers", lambda: gateway.unready(self.settings) is None)

    def kill(self) -> None:
        """As `kill -9` does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def client(self, service: str = "forecast", **options: Any) -> Any:
        return client(self.settings, service, **options)

    def mark(self, name: str) -> None:
        """Let the jobs or the query go on that wait for this."""
        (self.state / name).touch()


@contextlib.contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Gateway]:
    """A gateway that answers; killed at the end."""
    found = Gateway(folder, **settings)
    try:
        found.start()
        yield found
    finally:
        found.kill()


def source(path: str = "s3://bucket/data.csv") -> dict[str, Any]:
    """Where data come from or exports go."""
    return {"S3Config": {"Path": path, "RoleArn": ROLE}}


def dataset(forecast: Any, name: str, kind: str = "TARGET_TIME_SERIES", schema: Any = None) -> str:
    """A dataset of the RETAIL domain."""
    given = {"Domain": "RETAIL", "DatasetType": kind, "DataFrequency": "D", "Schema": schema or SCHEMA}
    return str(forecast.create_dataset(DatasetName=name, **given)["DatasetArn"])


def start_import(forecast: Any, dataset_arn: str, name: str) -> str:
    """An import job."""
    given = {"DatasetArn": dataset_arn, "DataSource": source(), "TimestampFormat": "yyyy-MM-dd"}
    return str(forecast.create_dataset_import_job(DatasetImportJobName=name, **given)["DatasetImportJobArn"])


def done(what: str, describe: Any, **arn: str) -> dict[str, Any]:
    """The description of a resource once it is at rest."""

    def at_rest() -> Any:
        found = describe(**arn)
        return found if found["Status"] in ("ACTIVE", "CREATE_FAILED", "CREATE_STOPPED") else None

    return dict(wait_until(f"{what} is done", at_rest))


def gone(what: str, forecast: Any, ask: Any, **arn: str) -> None:
    """Wait for the end of a deletion as AWS's samples do: delete until there is nothing to delete."""

    def is_gone() -> bool:
        try:
            ask(**arn)
        except forecast.exceptions.ResourceNotFoundException:
            return True
        return False

    wait_until(f"{what} is gone", is_gone)
