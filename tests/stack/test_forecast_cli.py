"""The Forecast API through the AWS CLI: commands as a person types them, against a gateway with real jobs."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.stack.conftest import client_environment, wait_until
from tests.stack.forecast_process import SCHEMA
from tests.stack.forecast_program import JOB_SECONDS, ROLE, Program, served

pytestmark = pytest.mark.stack

PROGRAM = str(Path(sys.executable).with_name("aws"))  # of requirements.txt

Aws = Callable[..., Any]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with served(tmp_path_factory.mktemp("cli")) as program:
        yield program


@pytest.fixture
def aws(program: Program, tmp_path: Path) -> Aws:
    """Run `aws <words>` and return what it prints; a failure is returned as its text."""
    given = client_environment(program.settings, tmp_path, AWS_MAX_ATTEMPTS="1")

    def run(*words: Any, text: bool = False) -> Any:
        texts = [json.dumps(word) if isinstance(word, dict | list) else str(word) for word in words]
        ended = subprocess.run([PROGRAM, *texts], env=given, capture_output=True, text=True, timeout=60, check=False)
        if ended.returncode:
            return ended.stderr
        if text:
            return ended.stdout
        return json.loads(ended.stdout) if ended.stdout.strip() else {}

    return run


def test_a_forecast_is_made_and_taken_away_at_the_command_line(aws: Aws, program: Program, tmp_path: Path) -> None:
    days = [date(2024, 1, 1) + timedelta(days=day) for day in range(60)]
    sales = tmp_path / "sales.csv"
    sales.write_text("".join(f"{item},{day},{day.weekday() + 1}\n" for item in ("a", "b") for day in days))
    assert "upload" in aws("s3", "cp", sales, f"s3://{program.bucket}/in/sales.csv", text=True)
    name, kind = ("--dataset-name", "sales"), ("--dataset-type", "TARGET_TIME_SERIES", "--data-frequency", "D")
    made = aws("forecast", "create-dataset", *name, "--domain", "RETAIL", *kind, "--schema", SCHEMA)
    dataset = made["DatasetArn"]
    assert dataset == "arn:aws:forecast:eu-west-1:000000000000:dataset/sales"
    job = aws(
        *("forecast", "create-dataset-import-job", "--dataset-import-job-name", "monday", "--dataset-arn", dataset),
        *("--data-source", program.place("in/sales.csv"), "--timestamp-format", "yyyy-MM-dd"),
    )["DatasetImportJobArn"]

    def done(noun: str, arn: str) -> bool:
        found = aws("forecast", f"describe-{noun}", f"--{noun}-arn", arn)
        assert not found["Status"].endswith("FAILED"), found["Message"]
        return bool(found["Status"] == "ACTIVE")

    wait_until("the import is done", lambda: done("dataset-import-job", job), JOB_SECONDS)
    group = ("--dataset-group-name", "shop", "--domain", "RETAIL", "--dataset-arns", dataset, "--tags", "Key=a,Value=b")
    group_arn = aws("forecast", "create-dataset-group", *group)["DatasetGroupArn"]
    predictor = aws(
        *("forecast", "create-predictor", "--predictor-name", "npts", "--forecast-horizon", 14),
        *("--algorithm-arn", "arn:aws:forecast:::algorithm/NPTS", "--forecast-types", "0.1", "0.5", "0.9"),
        *("--input-data-config", {"DatasetGroupArn": group_arn}, "--featurization-config", "ForecastFrequency=D"),
    )["PredictorArn"]
    wait_until("the predictor is done", lambda: done("predictor", predictor), JOB_SECONDS)
    told = aws("forecast", "get-accuracy-metrics", "--predictor-arn", predictor)["PredictorEvaluationResults"]
    window = told[0]["TestWindows"][1]  # version 1 of the CLI shows times as they come
    assert (window["TestWindowStart"], window["TestWindowEnd"]) == (1708041600.0, 1708041600.0 + 14 * 86400)
    made = aws("forecast", "create-forecast", "--forecast-name", "next", "--predictor-arn", predictor)
    forecast = made["ForecastArn"]
    wait_until("the forecast is done", lambda: done("forecast", forecast), JOB_SECONDS)
    query = ("--forecast-arn", forecast, "--filters", {"item_id": "a"})
    points = aws("forecastquery", "query-forecast", *query)["Forecast"]["Predictions"]["p50"]
    assert [one["Timestamp"][:10] for one in points] == [
        f"{days[-1] + timedelta(days=ahead)}" for ahead in range(1, 15)
    ]
    assert [one["Value"] for one in points] == [
        date.fromisoformat(one["Timestamp"][:10]).weekday() + 1 for one in points
    ]
    export = ("--forecast-export-job-name", "out", "--forecast-arn", forecast)
    place = f"S3Config={{Path=s3://{program.bucket}/out,RoleArn={ROLE}}}"
    job = aws("forecast", "create-forecast-export-job", *export, "--destination", place)["ForecastExportJobArn"]
    wait_until("the export is done", lambda: done("forecast-export-job", job), JOB_SECONDS)
    assert "download" in aws("s3", "cp", f"s3://{program.bucket}/out/", tmp_path / "out", "--recursive", text=True)
    [part] = (tmp_path / "out").glob("out_*_part0.csv")
    assert part.read_text().startswith("item_id,date,p10,p50,p90\na,2024-03-01T00:00:00Z,")
    filters = f"Key=PredictorArn,Value={predictor},Condition=IS"
    listed = aws("forecast", "list-forecasts", "--filters", filters, "--max-items", 1)["Forecasts"]
    assert [one["ForecastArn"] for one in listed] == [forecast]
    assert aws("forecast", "list-tags-for-resource", "--resource-arn", group_arn) == {
        "Tags": [{"Key": "a", "Value": "b"}]
    }

    def is_gone() -> bool:
        return "ResourceNotFoundException" in str(aws("forecast", "delete-resource-tree", "--resource-arn", group_arn))

    wait_until("the group is gone", is_gone, JOB_SECONDS)
    assert aws("forecast", "list-forecasts") == {"Forecasts": []}


def test_a_refusal_is_shown_as_the_cli_shows_it(aws: Aws) -> None:
    text = aws("forecast", "describe-forecast", "--forecast-arn", "arn:aws:forecast:eu-west-1:000000000000:forecast/x")
    assert (
        "An error occurred (ResourceNotFoundException) when calling the DescribeForecast operation: No resource" in text
    )
    text = aws("forecast", "create-dataset-group", "--dataset-group-name", "a-b", "--domain", "RETAIL")
    assert "(ValidationException) when calling the CreateDatasetGroup operation: 1 validation error detected" in text
