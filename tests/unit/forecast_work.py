"""The Forecast service with its real jobs in this process: what is asked is done at once, over an S3 in memory."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from forecasting.service import bodies, job, states, worker
from forecasting.service.inputs import resolved
from forecasting.service.view import Caller, View
from tests.unit.forecast_api import ACCOUNT, Api
from tests.unit.forecast_api import PREFIX as ARNS
from tests.unit.memory_s3 import MemoryS3

BUCKET = "s3://shop"


class Work(Api):
    """A service whose jobs end when `done` is asked for them.

    Args:
        folder: Of the service.
        s3: What the jobs read and write, as `forecasting.work.aws.s3` must answer.
    """

    def __init__(self, folder: Path, s3: MemoryS3) -> None:
        super().__init__(folder, "forecasts=99,what_if_forecasts_at_once=99")
        self.s3, self.imports = s3, 0

    def done(self, arn: str) -> dict[str, Any]:
        """Do a job as its worker would, and describe what has become of it: Status, Message and the body."""
        found = self.store.at(arn)
        assert found is not None
        view = View(self.store, Caller(ACCOUNT, found.region), self.clock.now, self.folder / "artefacts", {})
        folder = view.artefacts(found)
        folder.mkdir()
        document = {
            "kind": found.kind,
            "arn": arn,
            "name": found.name,
            "created_at": found.created_at,
            "request": found.request,
            "inputs": resolved(found.inputs, view),
        }
        job.write(folder / job.JOB, json.loads(json.dumps(document)))
        worker.run(folder, bodies.BODIES)
        left = job.read(folder / job.RESULT)
        assert left is not None
        self.store.change(found.number, message=left["message"])
        self.end(arn, left["status"], **left["body"])
        return {**left["body"], "Status": left["status"], "Message": left["message"]}

    def active(self, arn: str) -> str:
        """The ARN of a job that has succeeded."""
        found = self.done(arn)
        assert found["Status"] == states.ACTIVE, found["Message"]
        return arn

    def data(self, name: str, kind: str, columns: dict[str, str], rows: list[list[Any]], **members: Any) -> str:
        """A data set with rows."""
        attributes = [{"AttributeName": one, "AttributeType": type_} for one, type_ in columns.items()]
        arn = self.dataset(name, kind, Domain="CUSTOM", Schema={"Attributes": attributes}, **members)
        self.imported(name, rows)
        return arn

    def imported(self, name: str, rows: list[list[Any]], **members: Any) -> None:
        """Put other rows in the place of a data set's."""
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        self.s3.objects[f"{name}.csv"] = text.getvalue().encode()
        self.imports += 1
        arn = f"{ARNS}dataset/{name}"
        self.active(self.start_import(arn, f"{name}_{self.imports}", DataSource=place(f"{name}.csv"), **members))

    def group_of(self, *datasets: str) -> str:
        """A group of data sets."""
        made = self("CreateDatasetGroup", DatasetGroupName="shop", Domain="CUSTOM", DatasetArns=list(datasets))
        return str(made["DatasetGroupArn"])

    def rows(self, prefix: str) -> list[dict[str, str]]:
        """The rows of all exported files below a prefix."""
        texts = [body.decode() for key, body in sorted(self.s3.objects.items()) if key.startswith(prefix)]
        return [row for text in texts for row in csv.DictReader(io.StringIO(text))]


def place(key: str) -> dict[str, Any]:
    """A source or a destination."""
    return {"S3Config": {"Path": f"{BUCKET}/{key}", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any"}}
