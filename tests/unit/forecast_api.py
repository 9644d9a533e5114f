"""The Forecast service without its threads: calls by name, answers checked against their shapes, jobs ended by hand."""

import json
from pathlib import Path
from typing import Any

from botocore.parsers import create_parser

from forecasting.service import model
from forecasting.service.service import ForecastService
from lakehouse.settings import Settings

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
PREFIX = f"arn:aws:forecast:eu-west-1:{ACCOUNT}:"
NOW = 1_700_000_000.0

TARGET = [
    {"AttributeName": "item_id", "AttributeType": "string"},
    {"AttributeName": "timestamp", "AttributeType": "timestamp"},
    {"AttributeName": "demand", "AttributeType": "float"},
]
STORE = {"AttributeName": "store", "AttributeType": "string"}
RELATED = [*TARGET[:2], {"AttributeName": "price", "AttributeType": "float"}]
METADATA = [TARGET[0], {"AttributeName": "brand", "AttributeType": "string"}]
KINDS = {"TARGET_TIME_SERIES": TARGET, "RELATED_TIME_SERIES": RELATED, "ITEM_METADATA": METADATA}


class RefusedError(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(f"{code}: {message}")


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Api:
    """A service on a folder; `api.create_dataset(...)` is left to boto3's clients: here an operation is a name."""

    def __init__(self, folder: Path, quotas: str = "", **options: Any) -> None:
        self.clock, self.folder = Clock(), folder
        self.service = ForecastService(Settings(forecast_quotas=quotas), folder, self.clock, **options)
        self.store = self.service._store

    def __call__(self, operation: str, /, *, region: str = "", **members: Any) -> dict[str, Any]:
        plane = "AmazonForecastRuntime" if operation.startswith("Query") else "AmazonForecast"
        return self.send(f"{plane}.{operation}", json.dumps(members).encode(), region=region)

    def send(self, target: str, body: bytes, region: str = "") -> dict[str, Any]:
        status, headers, answer = self.service.answer(target, body, region=region)
        assert headers["Content-Type"] == "application/x-amz-json-1.1"
        document = json.loads(answer) if answer else {}
        if status != 200:
            raise RefusedError(status, document["__type"], document["Message"])
        operation = model.operation(target)
        assert operation is not None
        if operation.output_shape is None:
            assert answer == b""
            return {}
        check_shape(document, operation.output_shape)
        parsed = create_parser("json").parse(
            {"status_code": status, "headers": headers, "body": answer}, operation.output_shape
        )
        del parsed["ResponseMetadata"]
        return dict(parsed)

    def end(self, arn: str, status: str = "ACTIVE", **body: Any) -> str:
        """End a job as its worker would."""
        found = self.store.at(arn)
        assert found is not None
        self.store.change(
            found.number,
            status=status,
            started_at=self.clock.now,
            modified_at=self.clock.now,
            body={**found.body, **body},
        )
        return arn

    def dataset(self, name: str, kind: str = "TARGET_TIME_SERIES", **members: Any) -> str:
        given = {
            "Domain": "RETAIL",
            "DatasetType": kind,
            "DataFrequency": "D",
            "Schema": {"Attributes": KINDS[kind]},
            **members,
        }
        return str(self("CreateDataset", DatasetName=name, **given)["DatasetArn"])

    def start_import(self, dataset: str, name: str = "monday", **members: Any) -> str:
        source = {"S3Config": {"Path": "s3://bucket/data.csv", "RoleArn": ROLE}}
        given = {"DatasetArn": dataset, "DataSource": source, **members}
        return str(self("CreateDatasetImportJob", DatasetImportJobName=name, **given)["DatasetImportJobArn"])

    def group(self, name: str = "shop", *kinds: str, dimension: bool = False) -> str:
        """A group of datasets that hold data."""
        arns = []
        for kind in kinds or ("TARGET_TIME_SERIES",):
            attributes = [*KINDS[kind], STORE] if dimension and kind != "ITEM_METADATA" else KINDS[kind]
            arns.append(self.dataset(f"{name}_{kind.lower()}", kind, Schema={"Attributes": attributes}))
            self.end(self.start_import(arns[-1]))
        made = self("CreateDatasetGroup", DatasetGroupName=name, Domain="RETAIL", DatasetArns=arns)
        return str(made["DatasetGroupArn"])

    def auto_predictor(self, group: str, name: str = "best", **members: Any) -> str:
        given = {"ForecastHorizon": 14, "ForecastFrequency": "D", "DataConfig": {"DatasetGroupArn": group}, **members}
        return str(self("CreateAutoPredictor", PredictorName=name, **given)["PredictorArn"])

    def predictor(self, group: str, name: str = "npts", **members: Any) -> str:
        given = {
            "AlgorithmArn": "arn:aws:forecast:::algorithm/NPTS",
            "ForecastHorizon": 14,
            "InputDataConfig": {"DatasetGroupArn": group},
            "FeaturizationConfig": {"ForecastFrequency": "D"},
            **members,
        }
        given = {name: value for name, value in given.items() if value is not None}
        return str(self("CreatePredictor", PredictorName=name, **given)["PredictorArn"])

    def forecast(self, predictor: str, name: str = "next", **members: Any) -> str:
        return str(self("CreateForecast", ForecastName=name, PredictorArn=predictor, **members)["ForecastArn"])


def destination(path: str = "s3://bucket/out/") -> dict[str, Any]:
    """Where an export goes."""
    return {"S3Config": {"Path": path, "RoleArn": ROLE}}


def check_shape(value: Any, shape: Any) -> None:
    """Everything in a document is known to its shape, and of its type."""
    kind = shape.type_name
    if kind == "structure":
        assert set(value) <= set(shape.members), f"{set(value) - set(shape.members)} leak into {shape.name}"
        for name, item in value.items():
            check_shape(item, shape.members[name])
    elif kind == "list":
        for item in value:
            check_shape(item, shape.member)
    elif kind == "map":
        for item in value.values():
            check_shape(item, shape.value)
    else:
        types = {"string": str, "boolean": bool, "integer": int, "long": int, "double": float, "timestamp": float}
        assert type(value) is types[kind], f"{shape.name} is {type(value)}"
