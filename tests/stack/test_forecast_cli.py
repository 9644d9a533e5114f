"""The Forecast API through the AWS CLI: commands as a person types them, against a gateway process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack.conftest import wait_until
from tests.stack.forecast_process import ROLE, SCHEMA, Gateway, running, source

pytestmark = pytest.mark.stack

PROGRAM = str(Path(sys.executable).with_name("aws"))  # of requirements.txt

Aws = Callable[..., Any]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("cli")) as gateway:
        yield gateway


@pytest.fixture
def aws(gateway: Gateway, tmp_path: Path) -> Aws:
    """Run `aws <words>` and return what it prints; a failure is returned as its text."""
    keys = gateway.settings.client_arguments
    given = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": keys["endpoint_url"],
        "AWS_DEFAULT_REGION": keys["region_name"],
        "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
    }

    def run(*words: Any) -> Any:
        texts = [json.dumps(word) if isinstance(word, dict | list) else str(word) for word in words]
        ended = subprocess.run([PROGRAM, *texts], env=given, capture_output=True, text=True, timeout=60, check=False)
        if ended.returncode:
            return ended.stderr
        return json.loads(ended.stdout) if ended.stdout.strip() else {}

    return run


def test_a_forecast_is_made_and_taken_away_at_the_command_line(aws: Aws, gateway: Gateway) -> None:
    name, kind = ("--dataset-name", "sales"), ("--dataset-type", "TARGET_TIME_SERIES", "--data-frequency", "D")
    made = aws("forecast", "create-dataset", *name, "--domain", "RETAIL", *kind, "--schema", SCHEMA)
    dataset = made["DatasetArn"]
    assert dataset == "arn:aws:forecast:eu-west-1:000000000000:dataset/sales"
    job = aws(
        *("forecast", "create-dataset-import-job", "--dataset-import-job-name", "monday", "--dataset-arn", dataset),
        *("--data-source", source(), "--timestamp-format", "yyyy-MM-dd"),
    )["DatasetImportJobArn"]

    def status(noun: str, arn: str) -> str:
        found = aws("forecast", f"describe-{noun}", f"--{noun.removeprefix('auto-')}-arn", arn, "--query", "Status")
        assert not str(found).endswith("FAILED"), found
        return str(found)

    wait_until("the import is done", lambda: status("dataset-import-job", job) == "ACTIVE", 60)
    group = ("--dataset-group-name", "shop", "--domain", "RETAIL", "--dataset-arns", dataset, "--tags", "Key=a,Value=b")
    group_arn = aws("forecast", "create-dataset-group", *group)["DatasetGroupArn"]
    config = ("--forecast-horizon", 14, "--forecast-frequency", "D", "--data-config", {"DatasetGroupArn": group_arn})
    predictor = aws("forecast", "create-auto-predictor", "--predictor-name", "best", *config)["PredictorArn"]
    wait_until("the predictor is done", lambda: status("auto-predictor", predictor) == "ACTIVE", 60)
    made = aws("forecast", "create-forecast", "--forecast-name", "next", "--predictor-arn", predictor)
    forecast = made["ForecastArn"]
    wait_until("the forecast is done", lambda: status("forecast", forecast) == "ACTIVE", 60)
    query = ("--forecast-arn", forecast, "--filters", {"item_id": "a"})
    assert aws("forecastquery", "query-forecast", *query)["Forecast"]["Predictions"]["p50"]
    export = ("--forecast-export-job-name", "out", "--forecast-arn", forecast)
    place = f"S3Config={{Path=s3://bucket/out,RoleArn={ROLE}}}"
    assert "ForecastExportJobArn" in aws("forecast", "create-forecast-export-job", *export, "--destination", place)
    filters = f"Key=PredictorArn,Value={predictor},Condition=IS"
    listed = aws("forecast", "list-forecasts", "--filters", filters, "--max-items", 1)["Forecasts"]
    assert [one["ForecastArn"] for one in listed] == [forecast]
    assert aws("forecast", "list-tags-for-resource", "--resource-arn", group_arn) == {
        "Tags": [{"Key": "a", "Value": "b"}]
    }

    def is_gone() -> bool:
        return "ResourceNotFoundException" in str(aws("forecast", "delete-resource-tree", "--resource-arn", group_arn))

    wait_until("the group is gone", is_gone, 60)
    assert aws("forecast", "list-forecasts") == {"Forecasts": []}


def test_a_refusal_is_shown_as_the_cli_shows_it(aws: Aws, gateway: Gateway) -> None:
    text = aws("forecast", "describe-forecast", "--forecast-arn", "arn:aws:forecast:eu-west-1:000000000000:forecast/x")
    assert (
        "An error occurred (ResourceNotFoundException) when calling the DescribeForecast operation: No resource" in text
    )
    text = aws("forecast", "create-dataset-group", "--dataset-group-name", "a-b", "--domain", "RETAIL")
    assert "(ValidationException) when calling the CreateDatasetGroup operation: 1 validation error detected" in text
