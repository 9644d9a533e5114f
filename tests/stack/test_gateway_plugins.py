"""A service of ours answers boto3 and Step Functions, also in the place of one of the emulator's."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from infra.local import gateway
from infra.local.daemon import ROOT
from infra.local.journal import Journal
from lakehouse.settings import Settings
from tests.stack.conftest import client, make_settings, wait_until

pytestmark = pytest.mark.stack

ARN = "arn:aws:forecast:eu-west-1:000000000000:forecast/"
ROLE = "arn:aws:iam::000000000000:role/any"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, subprocess.Popen[str]]]:
    settings = make_settings(tmp_path_factory.mktemp("plugins"))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **gateway.process(settings).environment}
    command = [sys.executable, str(Path(__file__).with_name("plugin_gateway.py"))]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_until("the gateway answers", lambda: gateway.unready(settings) is None)
            yield settings, process
        finally:
            process.kill()


@pytest.fixture
def settings(running: tuple[Settings, subprocess.Popen[str]]) -> Settings:
    return running[0]


def machine_output(settings: Settings, name: str, resource: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Run a state machine of one task and return its description when it has ended."""
    states = client(settings, "stepfunctions")
    task = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
    definition = json.dumps({"StartAt": "Ask", "States": {"Ask": task}})
    machine = states.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=execution)
        return None if found["status"] == "RUNNING" else found

    return dict(wait_until("the execution ends", ended))


def test_a_new_service_answers_boto3(settings: Settings) -> None:
    forecast = client(settings, "forecast")
    assert forecast.describe_forecast(ForecastArn=f"{ARN}sales")["ForecastName"] == "sales"
    with pytest.raises(ClientError) as caught:
        forecast.describe_forecast(ForecastArn=f"{ARN}absent")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_new_service_answers_a_state_machine(settings: Settings) -> None:
    resource = "arn:aws:states:::aws-sdk:forecast:describeForecast"
    ended = machine_output(settings, "new", resource, {"ForecastArn": f"{ARN}sales"})
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["Status"] == "ACTIVE"
    failed = machine_output(settings, "failing", resource, {"ForecastArn": f"{ARN}absent"})
    assert failed["status"] == "FAILED"
    assert failed["error"] == "Forecast.ResourceNotFoundException"


def test_a_service_of_the_emulator_is_replaced(settings: Settings) -> None:
    found = client(settings, "athena").start_query_execution(QueryString="select 1")
    assert found["QueryExecutionId"] == "ours"
    resource = "arn:aws:states:::aws-sdk:athena:startQueryExecution"
    ended = machine_output(settings, "replaced", resource, {"QueryString": "select 1"})
    assert json.loads(ended["output"])["QueryExecutionId"] == "ours"


def test_a_request_without_a_signature_is_recognised_by_its_pattern(settings: Settings) -> None:
    request = urllib.request.Request(
        settings.aws_endpoint_url,
        data=json.dumps({"ForecastArn": f"{ARN}sales"}).encode(),
        headers={"X-Amz-Target": "AmazonForecast.DescribeForecast"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert json.load(answer)["Status"] == "ACTIVE"


def test_plugins_are_stopped_in_time_while_a_client_waits(running: tuple[Settings, subprocess.Popen[str]]) -> None:
    settings, process = running
    sqs = client(settings, "sqs")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    waiting = http.client.HTTPConnection(*gateway.address(settings), timeout=20)
    waiting.request("GET", f"/?Action=ReceiveMessage&QueueUrl={quote(queue)}&WaitTimeSeconds=20")
    wait_until("the long poll is under way", lambda: gateway.unready(settings) is None)
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=10)
    # Shorter, and the client did not wait at all.
    assert 2 < time.monotonic() - begin < gateway.STOP_SECONDS
    waiting.close()
    assert output.split("\n")[:4] == ["start forecast", "start athena", "stop athena", "stop forecast"]
    with closing(Journal(settings.data_path / "gateway" / "journal.sqlite")) as journal:
        assert journal.state("service:stepfunctions")  # the emulator has saved its state, too
