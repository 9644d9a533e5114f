"""The commands that take ENV=, on a deployed environment as on the local stack: generate, query, forecast, status.

And what they show: changes of both ways, those of the DynamoDB way from a table that was there before.
"""

import os
import signal
import threading
from collections.abc import Callable

import pytest

from infra.__main__ import main
from infra.aws import account as accounts
from infra.aws import environment as environments
from infra.aws import source
from infra.commands import catalog
from lakehouse import places
from lakehouse.mapping import FieldMapping
from lakehouse.settings import environment as variables
from tests.stack.environment import ID, SMALL, Deployed, until

pytestmark = pytest.mark.stack

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(environment: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command with ENV=tried; its exit code and what it wrote."""
    for name, value in variables(environment.settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(environments, "load", lambda name: {"tried": SMALL}[name])

    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        return code, *capsys.readouterr()

    return run


def test_a_simulated_shop_sends_to_the_environments_topic(run: Run, environment: Deployed) -> None:
    account = environment.account
    bucket, s3, topic = account.outputs("storage")["Bucket"], account.client("s3"), account.outputs("kafka")["TopicId"]
    prefix = f"{places.BRONZE_KAFKA}{places.TOPIC}/{topic}/"
    before = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"]
    landed: list[int] = []

    def stop_when_landed() -> None:
        until("changes in bronze", lambda: s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] > before, 30)
        landed.append(1)
        os.kill(os.getpid(), signal.SIGINT)  # Ctrl-C

    watching = threading.Thread(target=stop_when_landed, daemon=True)
    watching.start()
    code, out, _ = run("--env", "tried", "generate", "--rate", "100", "--noise", "none")
    watching.join()
    assert code == 0
    assert landed
    assert "changes" in out


def test_an_existing_table_is_read_by_its_mapping_and_not_touched(environment: Deployed) -> None:
    account = environment.account
    bucket = account.outputs("storage")["Bucket"]
    applied = account.client("s3").get_object(Bucket=bucket, Key=places.MAPPING)["Body"].read().decode()
    assert FieldMapping.from_json(applied) == source.mapping_of(SMALL)
    listed = account.client("cloudformation").describe_stack_resources(StackName=SMALL.stack("streaming"))
    kinds = {one["ResourceType"] for one in listed["StackResources"]}
    assert "AWS::Pipes::Pipe" in kinds
    assert not {"AWS::DynamoDB::Table", "AWS::IAM::ManagedPolicy"} & kinds
    table = account.client("dynamodb").describe_table(TableName="orders")["Table"]
    pipe = account.client("pipes").describe_pipe(Name=account.outputs("streaming")["Pipe"])
    assert pipe["Source"] == table["LatestStreamArn"] == account.outputs("streaming")["TableStream"]
    assert source.apply(account, bucket) is False


def test_query_shows_what_came_by_both_ways(run: Run, environment: Deployed) -> None:
    assert environment.job_ended()["state"] == "SUCCESS"
    found = accounts.settings_of(environment.settings, SMALL)
    catalog.tables(found)
    code, out, _ = run(
        "--env", "tried", "query", "--format", "csv",
        "SELECT source, order_id, line_no, product_id, quantity, unit_price, country "
        "FROM tried_silver.current_order_lines "
        "WHERE order_id NOT LIKE 'S%' ORDER BY source",  # but for the simulated shop's
    )  # fmt: skip
    assert code == 0
    assert out.splitlines()[1] == "dynamodb,1001,1,Laptop,2,999.500,Unknown"
    assert [line.split(",")[::4] for line in out.splitlines()[2:]] == [["kafka", "7"]]
    code, out, _ = run(
        "--env", "tried", "query", "--format", "csv",
        "SELECT (SELECT sum(units_sold) FROM daily_sales WHERE country = 'Unknown'), "
        "(SELECT json_extract_scalar(dynamodb, '$.NewImage.product_name.S') FROM tried_bronze.order_lines_dynamodb), "
        f"(SELECT count(*) FROM tried_bronze.order_lines WHERE topic_id = '{ID}')",
    )  # fmt: skip
    assert (code, out.splitlines()[1]) == (0, "2,Laptop,2")


def test_forecast_runs_in_the_environments_own_machine(run: Run, environment: Deployed) -> None:
    """Which refuses a horizon that Amazon Forecast does not know: its function has looked, under its role."""
    code, _, err = run("--env", "tried", "forecast", "revenue_by_country", "--horizon", "5000")
    assert code == 1
    machine = environment.account.outputs("forecasting")["Machine"]
    found = environment.account.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [one["name"].startswith("revenue_by_country-") for one in found] == [True]
    said = "error: revenue_by_country: ForecastHorizon 5000; expected a whole number from 1 to 500"
    assert err.splitlines()[-1] == said


def test_status_shows_stacks_outputs_and_what_works(run: Run) -> None:
    code, out, _ = run("stacks", "tried")
    assert code == 0
    assert out.count("_COMPLETE") == 7
    assert "storage.Bucket" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["sink", "running"] in lines
