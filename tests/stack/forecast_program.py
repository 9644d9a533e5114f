"""A program that uses Amazon Forecast by boto3, against a gateway as `make up` starts it, with real jobs."""

import contextlib
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import gateway
from lakehouse.settings import Settings
from tests.stack.conftest import client, make_settings, started, wait_until

ROLE = "arn:aws:iam::000000000000:role/forecast"
JOB_SECONDS = 300.0
LEVELS = ["0.1", "0.5", "0.9"]

Row = dict[str, str]


@dataclass
class Program:
    """What a program that uses Amazon Forecast holds: its clients, its bucket."""

    settings: Settings

    def __post_init__(self) -> None:
        self.s3, self.forecast = client(self.settings), client(self.settings, "forecast")
        self.query = client(self.settings, "forecastquery")
        self.bucket = self.settings.bucket

    def place(self, key: str) -> dict[str, Any]:
        return {"S3Config": {"Path": f"s3://{self.bucket}/{key}", "RoleArn": ROLE}}

    def put(self, key: str, rows: list[list[str]] | bytes) -> None:
        """Upload rows as CSV, or bytes as they are."""
        if not isinstance(rows, bytes):
            text = io.StringIO()
            csv.writer(text).writerows(rows)
            rows = text.getvalue().encode()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=rows)

    def files(self, prefix: str) -> dict[str, list[Row]]:
        """The rows of exported files, by key."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        texts = {one["Key"]: self.s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read() for one in found}
        kept = csv.field_size_limit(16 << 20)  # items may have long names
        try:
            return {key: list(csv.DictReader(io.StringIO(text.decode()))) for key, text in texts.items()}
        finally:
            csv.field_size_limit(kept)

    def ended(self, describe: Callable[..., Any], **arn: str) -> dict[str, Any]:
        """The description of a resource whose job has ended, however it ended."""

        def at_rest() -> Any:
            found = describe(**arn)
            return found if found["Status"] in ("ACTIVE", "CREATE_FAILED", "CREATE_STOPPED") else None

        return dict(wait_until(f"{str(arn)[:200]} is done", at_rest, JOB_SECONDS))

    def done(self, describe: Callable[..., Any], **arn: str) -> dict[str, Any]:
        """The description of a resource that has become ACTIVE."""
        found = self.ended(describe, **arn)
        assert found["Status"] == "ACTIVE", found.get("Message")
        return found

    def dataset(
        self, name: str, kind: str, columns: dict[str, str], rows: list[list[str]] | bytes, **given: Any
    ) -> str:
        """A dataset with an import that has succeeded."""
        arn, job = self.begun(name, kind, columns, rows, **given)
        self.done(self.forecast.describe_dataset_import_job, DatasetImportJobArn=job)
        return arn

    def begun(
        self, name: str, kind: str, columns: dict[str, str], rows: list[list[str]] | bytes, **given: Any
    ) -> tuple[str, str]:
        """A dataset and an import into it that nobody has waited for yet."""
        self.put(f"in/{name}.csv", rows)
        attributes = [{"AttributeName": column, "AttributeType": type_} for column, type_ in columns.items()]
        wanted = {"Domain": "CUSTOM", **given}
        arn: str = self.forecast.create_dataset(
            DatasetName=name,
            DatasetType=kind,
            Schema={"Attributes": attributes},
            **{key: value for key, value in wanted.items() if key != "TimestampFormat"},
        )["DatasetArn"]
        job = self.forecast.create_dataset_import_job(
            DatasetImportJobName=name,
            DatasetArn=arn,
            DataSource=self.place(f"in/{name}.csv"),
            TimestampFormat=wanted.get("TimestampFormat", "yyyy-MM-dd HH:mm:ss"),
        )["DatasetImportJobArn"]
        return arn, job

    def group(self, name: str, *datasets: str, domain: str = "CUSTOM") -> str:
        made = self.forecast.create_dataset_group(DatasetGroupName=name, Domain=domain, DatasetArns=list(datasets))
        return str(made["DatasetGroupArn"])

    def auto_predictor(self, name: str, group: str, frequency: str, horizon: int, **given: Any) -> str:
        """An automatic predictor whose training nobody has waited for yet."""
        config = {"DatasetGroupArn": group, **given.pop("DataConfig", {})}
        arn: str = self.forecast.create_auto_predictor(
            PredictorName=name,
            ForecastFrequency=frequency,
            ForecastHorizon=horizon,
            ForecastTypes=[*LEVELS, "mean"],
            DataConfig=config,
            **given,
        )["PredictorArn"]
        return arn

    def trained(self, predictor: str) -> str:
        """An automatic predictor, once it is."""
        self.done(self.forecast.describe_auto_predictor, PredictorArn=predictor)
        return predictor

    def predictor(self, name: str, group: str, frequency: str, horizon: int, **given: Any) -> str:
        """A predictor of one algorithm."""
        arn: str = self.forecast.create_predictor(
            PredictorName=name,
            ForecastHorizon=horizon,
            InputDataConfig={"DatasetGroupArn": group},
            FeaturizationConfig={"ForecastFrequency": frequency},
            **given,
        )["PredictorArn"]
        self.done(self.forecast.describe_predictor, PredictorArn=arn)
        return arn

    def forecast_of(self, name: str, predictor: str, **given: Any) -> str:
        arn: str = self.forecast.create_forecast(ForecastName=name, PredictorArn=predictor, **given)["ForecastArn"]
        self.done(self.forecast.describe_forecast, ForecastArn=arn)
        return arn

    def exported(self, name: str, forecast: str) -> list[Row]:
        """The rows of a forecast's export."""
        arn = self.forecast.create_forecast_export_job(
            ForecastExportJobName=name, ForecastArn=forecast, Destination=self.place(f"out/{name}")
        )["ForecastExportJobArn"]
        self.done(self.forecast.describe_forecast_export_job, ForecastExportJobArn=arn)
        return [row for rows in self.files(f"out/{name}/").values() for row in rows]

    def backtest(self, name: str, predictor: str) -> tuple[list[Row], list[Row]]:
        """The rows of a backtest's export: values, and accuracies by item."""
        arn = self.forecast.create_predictor_backtest_export_job(
            PredictorBacktestExportJobName=name, PredictorArn=predictor, Destination=self.place(f"out/{name}")
        )["PredictorBacktestExportJobArn"]
        self.done(self.forecast.describe_predictor_backtest_export_job, PredictorBacktestExportJobArn=arn)
        found = self.files(f"out/{name}/")
        parts = ("forecasted-values/", "accuracy-metrics-values/")
        values, accuracies = ([row for key, rows in found.items() if part in key for row in rows] for part in parts)
        return values, accuracies


@contextlib.contextmanager
def served(folder: Path, **settings: Any) -> Iterator[Program]:
    """A program whose gateway is started for it and taken down at the end."""
    with started(make_settings(folder, **settings), "gateway") as found:
        gateway.ensure_bucket(found)
        yield Program(found)
