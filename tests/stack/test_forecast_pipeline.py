"""The forecasts' state machine on the gateway: every path, with Athena as it is and Forecast jobs that do as told."""

import dataclasses
import json
import os
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecasting.definitions import reading
from forecasting.definitions.definition import Definition, Predictor
from infra.__main__ import main
from infra.aws import deployment, executions
from infra.aws.deployment import Deployed, Options
from infra.local import gateway as gateway_process
from infra.local.daemon import ROOT
from lakehouse import runs
from lakehouse.settings import Settings, environment
from tests.stack import forecast_lake
from tests.stack.conftest import client, make_settings, wait_until

pytestmark = pytest.mark.stack

NAME = "revenue"
PLAIN = dataclasses.replace(
    reading.load()["revenue_by_country"],
    name=NAME,
    predictors=(Predictor("NPTS", windows=2), Predictor("ETS", windows=2)),
    metric="WAPE",
    holidays="",
)
KINDS = (
    "dataset-import-job", "predictor", "predictor-backtest-export-job", "forecast", "forecast-export-job",
)  # fmt: skip


class Pipeline:
    """A gateway of its own, with the forecasts deployed."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = make_settings(folder, forecast_quotas="predictors_at_once=1", forecast_load_seconds=0)
        self.state = self.settings.data_path / gateway_process.NAME / "forecast"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        given |= dict(gateway_process.process(self.settings).environment)
        command = [sys.executable, str(Path(__file__).with_name("pipeline_gateway.py"))]
        self.process = subprocess.Popen(command, env=given, cwd=ROOT)
        wait_until("the gateway answers", lambda: gateway_process.unready(self.settings) is None)
        gateway_process.ensure_bucket(self.settings)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def client(self, service: str) -> Any:
        return client(self.settings, service)

    def tell(self, **files: dict[str, Any]) -> None:
        """What jobs do from now on."""
        self.state.mkdir(parents=True, exist_ok=True)
        for name in ("wait", "faults", "refusals"):
            fresh = self.state / f"{name}.new"
            fresh.write_text(json.dumps(files.get(name, {})), encoding="utf-8")
            fresh.rename(self.state / f"{name}.json")  # at once: a job may be reading

    def begun(self) -> Counter[str]:
        """Jobs that were begun, with how often."""
        path = self.state / "begun.txt"
        return Counter(path.read_text().splitlines()) if path.exists() else Counter()

    def deploy(self, *definitions: Definition, load_seconds: int = 0) -> Deployed:
        known = {one.name: one for one in definitions or (PLAIN,)}
        return deployment.deploy(self.settings, known, Options(load_seconds=load_seconds))

    def start_run(self, deployed: Deployed, name: str = NAME, **more: Any) -> str:
        given = json.dumps({"DataName": name, **more})
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=deployed.machine, name=uuid.uuid4().hex, input=given
        )
        return str(answer["executionArn"])

    def ended(self, arn: str) -> dict[str, Any]:
        states = self.client("stepfunctions")

        def done() -> Any:
            found = states.describe_execution(executionArn=arn)
            return found if found["status"] != "RUNNING" else None

        return dict(wait_until("the execution ends", done, 60))

    def run(self, deployed: Deployed, name: str = NAME, **more: Any) -> dict[str, Any]:
        return self.ended(self.start_run(deployed, name, **more))

    def plan(self, ended: dict[str, Any]) -> dict[str, Any]:
        assert ended["status"] == "SUCCEEDED", ended.get("cause")
        return dict(json.loads(ended["output"])["plan"])

    def entered(self, arn: str) -> list[str]:
        """Top-level states that an execution has come through."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]

    def failures(self, arn: str) -> list[str]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        return [event["taskFailedEventDetails"]["error"] for event in events if "taskFailedEventDetails" in event]

    def resources(self) -> set[str]:
        forecast, found = self.client("forecast"), set()
        for operation, members, arn in (
            ("list_datasets", "Datasets", "DatasetArn"),
            ("list_dataset_groups", "DatasetGroups", "DatasetGroupArn"),
            ("list_dataset_import_jobs", "DatasetImportJobs", "DatasetImportJobArn"),
            ("list_predictors", "Predictors", "PredictorArn"),
            ("list_predictor_backtest_export_jobs", "PredictorBacktestExportJobs", "PredictorBacktestExportJobArn"),
            ("list_forecasts", "Forecasts", "ForecastArn"),
            ("list_forecast_export_jobs", "ForecastExportJobs", "ForecastExportJobArn"),
        ):
            for page in forecast.get_paginator(operation).paginate():
                found |= {one[arn] for one in page[members]}
        return found

    def listener(self, deployed: Deployed) -> Any:
        """A queue that hears what the topic is told; ask it for the next message."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.client("sns").subscribe(TopicArn=deployed.topic, Protocol="sqs", Endpoint=arn)

        def heard() -> dict[str, Any]:
            found = wait_until("the topic is told", lambda: sqs.receive_message(QueueUrl=url).get("Messages"), 20)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
            return dict(json.loads(found[0]["Body"]))

        return heard


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    found = Pipeline(tmp_path_factory.mktemp("pipeline"))
    try:
        found.start()
        yield found
    finally:
        found.kill()


@pytest.fixture
def pipeline(shared: Pipeline) -> Iterator[Pipeline]:
    """The gateway with fresh gold, so that the test's run is new, and jobs that succeed."""
    shared.tell()
    forecast_lake.small(shared.settings)
    yield shared
    shared.tell()


def test_a_run_makes_each_resource_once_and_writes_its_object(pipeline: Pipeline) -> None:
    deployed = pipeline.deploy()
    heard = pipeline.listener(deployed)
    before, begun = pipeline.resources(), pipeline.begun()
    plan = pipeline.plan(pipeline.run(deployed))
    made = pipeline.resources() - before
    text = client(pipeline.settings).get_object(Bucket=pipeline.settings.bucket, Key=runs.run_key(NAME, plan["run_id"]))
    run = runs.Run.from_json(text["Body"].read().decode())
    assert (run.source_table, run.item_column, run.target_column) == ("gold.daily_sales", "country", "net_revenue")
    assert run.predictor == "ETS"  # its WAPE on the older window is less; what is told is of the newest
    assert run.metrics == {"WAPE": 0.3, "RMSE": 2.0, "AverageWeightedQuantileLoss": 0.2}
    assert (run.reported_from, run.is_optimistic) == ("2024-03-21T00:00:00Z", False)
    assert run.exports.startswith(runs.files(NAME, plan["run_id"], "export"))
    assert run.backtests.startswith(runs.files(NAME, plan["run_id"], "backtest"))
    assert run.made_at.endswith("Z")
    assert heard()["Subject"] == "Forecast is there"
    # One import, two predictors, a backtest export, a forecast and its export.
    assert sorted((pipeline.begun() - begun).values()) == [1] * 6
    again = pipeline.start_run(deployed)
    assert pipeline.plan(pipeline.ended(again))["run_id"] == plan["run_id"]
    assert pipeline.entered(again)[:3] == ["Plan", "Is it planned", "Is it to be loaded"]
    assert pipeline.resources() == before | made
    assert sorted((pipeline.begun() - begun).values()) == [1] * 6


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_ends_the_run_with_its_message_and_the_next_run_makes_it_anew(pipeline: Pipeline, kind: str) -> None:
    deployed = pipeline.deploy()
    heard = pipeline.listener(deployed)
    begun = pipeline.begun()
    pipeline.tell(faults={kind: "row 7: 'x' is no number"})
    arn = pipeline.start_run(deployed)
    found = pipeline.ended(arn)
    assert (found["status"], found["error"]) == ("FAILED", "Forecast.CreateFailed")
    assert found["cause"].endswith(": row 7: 'x' is no number")
    assert pipeline.entered(arn)[-2:] == ["Tell of the failure", "Failed"]
    told = heard()
    assert told["Subject"] == "Forecast failed"
    assert "row 7: 'x' is no number" in told["Message"]
    pipeline.tell()
    plan = pipeline.plan(pipeline.run(deployed))
    ran = pipeline.begun() - begun
    assert all(count == (2 if one.startswith(f"{kind} ") else 1) for one, count in ran.items()), ran
    assert any(one.startswith(f"{kind} ") for one in ran)
    assert plan["status"] == "NEW"


def test_a_query_that_fails_is_the_cause(pipeline: Pipeline) -> None:
    wrong = dataclasses.replace(PLAIN, query='SELECT sales_date, country, nope AS net_revenue FROM gold."daily_sales"')
    before = pipeline.resources()
    found = pipeline.run(pipeline.deploy(wrong))
    assert pipeline.resources() == before
    assert (found["status"], found["error"]) == ("FAILED", "Athena.Failed")
    assert "Column 'nope' cannot be resolved" in found["cause"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"DataName": "nope"}, 'DataName "nope"; expected one of products, revenue'),
        ({"DataName": NAME, "ForecastHorizon": 0}, "ForecastHorizon 0; expected a whole number from 1 to 500"),
        ({"DataName": "products"}, "gold.daily_product_sales has no data"),
    ],
)
def test_a_wrong_order_is_refused_in_a_line_and_nothing_is_made(
    pipeline: Pipeline, given: dict[str, Any], words: str
) -> None:
    products = dataclasses.replace(reading.load()["units_of_top_products"], name="products")
    deployed = pipeline.deploy(PLAIN, products)
    before = pipeline.resources()
    states = pipeline.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=deployed.machine, input=json.dumps(given))["executionArn"]
    found = pipeline.ended(arn)
    assert (found["status"], found["error"]) == ("FAILED", "Refused")
    assert found["cause"].startswith(words)
    assert pipeline.resources() == before


def test_a_limit_is_waited_for(pipeline: Pipeline) -> None:
    deployed = pipeline.deploy()
    pipeline.tell(wait={"predictor": True})
    arn = pipeline.start_run(deployed)
    # Two predictors, of which one is trained at a time.
    wait_until("the limit is met", lambda: "Forecast.LimitExceededException" in pipeline.failures(arn))
    pipeline.tell()
    assert len(pipeline.plan(pipeline.ended(arn))["predictors"]) == 2


OPERATIONS = (
    "CreateDataset", "DescribeDatasetImportJob", "CreateDatasetImportJob", "CreateDatasetGroup", "ListPredictors",
    "CreatePredictor", "GetAccuracyMetrics", "ListPredictorBacktestExportJobs", "CreatePredictorBacktestExportJob",
    "DescribeForecast", "CreateForecast", "DescribeForecastExportJob", "CreateForecastExportJob",
)  # fmt: skip


def test_throttling_of_any_call_is_waited_for(pipeline: Pipeline) -> None:
    deployed = pipeline.deploy()
    pipeline.tell(refusals=dict.fromkeys(OPERATIONS, ("ThrottlingException", 1)))
    arn = pipeline.start_run(deployed)
    assert pipeline.plan(pipeline.ended(arn))["status"] == "NEW"
    assert Counter(pipeline.failures(arn))["Forecast.ThrottlingException"] == len(OPERATIONS)


def test_whatever_call_is_refused_for_good_the_run_fails_with_its_reason(pipeline: Pipeline) -> None:
    deployed = pipeline.deploy()
    heard = pipeline.listener(deployed)
    # one for each Catch: of the lists of data sets and of predictors, of the group, of the branches
    for name in ("CreateDataset", "CreateDatasetGroup", "GetAccuracyMetrics", "CreateForecast"):
        pipeline.tell(refusals={name: ("InvalidInputException", 99)})
        arn = pipeline.start_run(deployed)
        found = pipeline.ended(arn)
        assert (found["status"], found["error"]) == ("FAILED", "Forecast.InvalidInputException"), name
        assert f"{name} is refused" in found["cause"]
        assert pipeline.entered(arn)[-2:] == ["Tell of the failure", "Failed"]
        told = heard()
        assert told["Subject"] == "Forecast failed"
        assert f"{name} is refused" in told["Message"]
    pipeline.tell()
    assert pipeline.plan(pipeline.run(deployed))["status"] == "NEW"


def test_a_function_that_fails_ends_the_run_with_its_line(pipeline: Pipeline) -> None:
    deployed = pipeline.deploy()
    pipeline.tell(faults={"accuracy": "none"})
    arn = pipeline.start_run(deployed)
    found = pipeline.ended(arn)
    assert (found["status"], executions.cause(found["cause"])) == (
        "FAILED", "accuracy metrics without a SUMMARY; expected one",
    )  # fmt: skip
    assert pipeline.entered(arn)[-3:] == ["Choose", "Tell of the failure", "Failed"]


def test_two_runs_at_once_make_everything_once(pipeline: Pipeline) -> None:
    deployed, begun = pipeline.deploy(), pipeline.begun()
    pipeline.tell(wait={"predictor": True})
    first, second = pipeline.start_run(deployed), pipeline.start_run(deployed)
    for arn in (first, second):
        wait_until("both have begun", lambda arn=arn: "Is it planned" in pipeline.entered(arn))
    pipeline.tell()
    plans = [pipeline.plan(pipeline.ended(arn)) for arn in (first, second)]
    assert plans[0]["run_id"] == plans[1]["run_id"]
    assert sorted(plan["status"] for plan in plans) == ["DONE", "NEW"]
    assert set((pipeline.begun() - begun).values()) == {1}


def test_a_run_on_newer_data_waits_for_the_one_before(pipeline: Pipeline) -> None:
    deployed = pipeline.deploy()
    pipeline.tell(wait={"predictor": True})
    first = pipeline.start_run(deployed)
    wait_until("it trains", lambda: "Train" in pipeline.entered(first))
    forecast_lake.small(pipeline.settings, days=91)
    second = pipeline.start_run(deployed)
    wait_until("it waits", lambda: "Wait for the run before" in pipeline.entered(second))
    pipeline.tell()
    ids = [pipeline.plan(pipeline.ended(arn))["run_id"] for arn in (first, second)]
    assert ids[0] != ids[1]
    assert ids[0][:5] == ids[1][:5]


def test_only_so_many_runs_are_kept_and_only_of_this_forecast(pipeline: Pipeline) -> None:
    few, other = dataclasses.replace(PLAIN, name="few", keep_runs=1), dataclasses.replace(PLAIN, name="few_more")
    deployed = pipeline.deploy(few, other)
    first, beside = (pipeline.plan(pipeline.run(deployed, name)) for name in ("few", "few_more"))
    forecast_lake.small(pipeline.settings, days=92)
    second = pipeline.plan(pipeline.run(deployed, "few"))
    wait_until("the first is gone", lambda: not any(first["run_id"] in arn for arn in pipeline.resources()))
    assert any(second["run_id"] in arn for arn in pipeline.resources())
    assert any(beside["run_id"] in arn for arn in pipeline.resources())
    assert main_in(pipeline.settings, ["forecast-clean", "few"]) == 0
    left = pipeline.resources()
    assert not [arn for arn in left if "/few_" in arn and "/few_more_" not in arn]
    assert any(beside["run_id"] in arn for arn in left)


def test_a_message_starts_a_run_and_a_wrong_one_goes_to_the_dead_letters_with_the_reason(pipeline: Pipeline) -> None:
    deployed = pipeline.deploy()
    sqs, before = pipeline.client("sqs"), pipeline.resources()
    wrong = ("not json", '{"DataName": 7}', f'{{"DataName": "{NAME}", "ForecastHorizon": "14"}}')
    for body in wrong:
        sqs.send_message(QueueUrl=deployed.queue, MessageBody=body, MessageGroupId="tests")
    dead: dict[str, str] = {}

    def collected() -> bool:
        answer = sqs.receive_message(
            QueueUrl=deployed.dead_letters, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for one in answer.get("Messages", []):
            dead[one["Body"]] = one["MessageAttributes"]["Reason"]["StringValue"]
            sqs.delete_message(QueueUrl=deployed.dead_letters, ReceiptHandle=one["ReceiptHandle"])
        return len(dead) == len(wrong)

    wait_until("the dead letters are there", collected)
    assert dead[wrong[0]].startswith("a message that is no JSON: 'not json'")
    assert dead[wrong[1]].startswith("DataName 7; expected one of revenue")
    assert dead[wrong[2]].startswith('ForecastHorizon "14"; expected a whole number from 1 to 500')
    assert pipeline.resources() == before
    body = json.dumps({"DataName": NAME, "ForecastHorizon": 7, "Models": ["NPTS"], "NumberOfBacktestWindows": 2})
    sqs.send_message(QueueUrl=deployed.queue, MessageBody=body, MessageGroupId="tests")
    (arn,) = wait_until("a run starts", lambda: running(pipeline, deployed))
    plan = pipeline.plan(pipeline.ended(arn))
    (predictor,) = plan["predictors"]
    assert predictor["create"]["ForecastHorizon"] == 7
    assert predictor["create"]["EvaluationParameters"]["NumberOfBacktestWindows"] == 2


def test_a_message_may_ask_that_nothing_is_left(pipeline: Pipeline) -> None:
    deployed = pipeline.deploy()
    plan = pipeline.plan(pipeline.run(deployed, PerformDelete=True))
    wait_until("it is gone", lambda: not any(plan["run_id"] in arn for arn in pipeline.resources()))


def running(pipeline: Pipeline, deployed: Deployed) -> list[str]:
    found = pipeline.client("stepfunctions").list_executions(stateMachineArn=deployed.machine, statusFilter="RUNNING")
    return [one["executionArn"] for one in found["executions"]]


def test_the_newest_file_starts_a_run_and_the_same_file_never_another(pipeline: Pipeline) -> None:
    deployed = pipeline.deploy()
    s3, states = client(pipeline.settings), pipeline.client("stepfunctions")
    rows = "".join(f"UK,2024-01-{day:02d},{day}\n" for day in range(1, 31))
    heard = pipeline.listener(deployed)
    s3.put_object(Bucket=pipeline.settings.bucket, Key="input/nobody/a.csv", Body=rows.encode())
    assert heard()["Message"].startswith(
        "input/nobody/a.csv starts no forecast; expected input/NAME/….csv, NAME one of"
    )
    s3.put_object(Bucket=pipeline.settings.bucket, Key=f"input/{NAME}/a.csv", Body=rows.encode())

    def of_uploads() -> list[str]:
        found = states.list_executions(stateMachineArn=deployed.machine)["executions"]
        inputs = {
            one["executionArn"]: json.loads(states.describe_execution(executionArn=one["executionArn"])["input"])
            for one in found
        }
        return [arn for arn, given in inputs.items() if "Upload" in given]

    (arn,) = wait_until("a run starts", of_uploads)
    plan = pipeline.plan(pipeline.ended(arn))
    source = plan["datasets"][0]["import"]["DataSource"]["S3Config"]["Path"]
    assert source == f"s3://{pipeline.settings.bucket}/input/{NAME}/a.csv"
    assert plan["datasets"][0]["import"]["Format"] == "CSV"
    begun = pipeline.begun()
    s3.put_object(Bucket=pipeline.settings.bucket, Key=f"input/{NAME}/b.csv", Body=rows.encode())
    second = wait_until("the copy is looked at", lambda: [one for one in of_uploads() if one != arn])[0]
    assert pipeline.plan(pipeline.ended(second))["status"] == "DONE"
    assert pipeline.begun() == begun


def test_a_person_lets_a_predictor_serve_or_not(pipeline: Pipeline) -> None:
    gated = dataclasses.replace(PLAIN, name="gated", needs_approval=True)
    deployed = pipeline.deploy(gated)
    heard = pipeline.listener(deployed)
    first = pipeline.start_run(deployed, "gated")
    assert "ETS is to serve" in heard()["Message"]
    assert not [arn for arn in pipeline.resources() if "forecast/gated_" in arn]
    assert main_in(pipeline.settings, ["forecast-approve", "gated"]) == 0
    pipeline.plan(pipeline.ended(first))
    assert main_in(pipeline.settings, ["forecast-approve", "gated"]) == 2
    forecast_lake.small(pipeline.settings, days=93)
    assert heard()["Subject"] == "Forecast is there"
    second = pipeline.start_run(deployed, "gated")
    assert heard()["Subject"] == "Forecast asks for approval"
    assert main_in(pipeline.settings, ["forecast-approve", "gated", "--reject"]) == 0
    found = pipeline.ended(second)
    assert (found["status"], found["error"]) == ("FAILED", "Rejected")
    assert "ETS of run" in found["cause"]


def test_a_predictor_that_is_young_enough_serves_once_more(pipeline: Pipeline) -> None:
    lasting = dataclasses.replace(PLAIN, name="lasting", retrain_days=7)
    deployed = pipeline.deploy(lasting)
    first = pipeline.plan(pipeline.run(deployed, "lasting"))
    forecast_lake.small(pipeline.settings, days=94)
    begun = pipeline.begun()
    second = pipeline.plan(pipeline.run(deployed, "lasting"))
    ran = [one.partition(" ")[0] for one in pipeline.begun() - begun]
    assert second["trained_by"] == first["run_id"] != second["run_id"]
    assert sorted(ran) == sorted(set(KINDS) - {"predictor"})


@pytest.mark.parametrize("fault", ["", "p50 is no number"])
def test_the_driver_is_waited_for_and_its_word_counts(pipeline: Pipeline, fault: str) -> None:
    deployed = pipeline.deploy(load_seconds=60)
    arn = pipeline.start_run(deployed)
    wait_until("it waits", lambda: "Wait for the driver" in pipeline.entered(arn))
    s3, bucket = client(pipeline.settings), pipeline.settings.bucket
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=f"{runs.RUNS}{NAME}/")["Contents"]]
    body = json.dumps({"rows": {"gold.sales_forecast": 28}, "fault": fault, "loaded_at": "2026-01-01T00:00:00Z"})
    for key in keys:
        s3.put_object(Bucket=bucket, Key=runs.LOADED + key.removeprefix(runs.RUNS), Body=body.encode())
    found = pipeline.ended(arn)
    assert found["status"] == ("FAILED" if fault else "SUCCEEDED")
    assert found.get("cause", "") == fault
    pipeline.deploy()


def test_a_killed_gateway_begins_the_run_again_with_the_same_result(pipeline: Pipeline) -> None:
    deployed = pipeline.deploy()
    pipeline.tell(wait={"forecast": True})
    begun = pipeline.begun()
    arn = pipeline.start_run(deployed)
    wait_until("it forecasts", lambda: any(one.startswith("forecast ") for one in pipeline.begun() - begun))
    run_id = wait_until("the plan is there", lambda: [one for one in pipeline.begun() - begun if "forecast " in one])[0]
    pipeline.kill()
    pipeline.start()
    pipeline.tell()
    forecast_lake.catalog.tables(pipeline.settings)
    with pytest.raises(pipeline.client("stepfunctions").exceptions.ExecutionDoesNotExist):
        pipeline.client("stepfunctions").describe_execution(executionArn=arn)
    plan = pipeline.plan(pipeline.run(pipeline.deploy()))
    assert run_id.endswith(plan["run_id"])
    ran = pipeline.begun() - begun
    # What the kill cut off runs again, and nothing else.
    assert {one.partition(" ")[0] for one, count in ran.items() if count > 1} <= {"forecast", KINDS[2]}
    assert len(ran) == 6


def test_deploying_again_changes_nothing_and_schedules_follow_the_definitions(pipeline: Pipeline) -> None:
    daily = dataclasses.replace(PLAIN, name="daily", schedule="cron(0 2 * * ? *)")
    pipeline.deploy(PLAIN, daily)
    scheduler, stacks = pipeline.client("scheduler"), pipeline.client("cloudformation")
    found = scheduler.get_schedule(Name="saleslake-forecast-daily")
    assert found["ScheduleExpression"] == "cron(0 2 * * ? *)"
    assert json.loads(found["Target"]["Input"]) == {"DataName": "daily"}
    events = len(stacks.describe_stack_events(StackName=deployment.NAME)["StackEvents"])
    pipeline.deploy(PLAIN, daily)
    assert len(stacks.describe_stack_events(StackName=deployment.NAME)["StackEvents"]) == events
    pipeline.deploy(PLAIN)
    assert scheduler.list_schedules()["Schedules"] == []


def test_the_command_tells_the_cause_and_ends_with_1(
    pipeline: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "forecasts.yaml"
    path.write_text(
        "revenue:\n  {table: gold.daily_sales, item: country, time: sales_date, target: net_revenue, horizon: 14}\n",
        encoding="utf-8",
    )
    settings = dataclasses.replace(pipeline.settings, forecasts=str(path))
    pipeline.tell(faults={"predictor": "the history is too short"})
    assert main_in(settings, ["forecast"]) == 1
    _, err = capsys.readouterr()
    last = err.splitlines()[-1]
    assert last.startswith("error: revenue: revenue_")
    assert last.endswith(": the history is too short")
    assert any(" s  revenue: " in line for line in err.splitlines())  # which states are seen, is chance
    path.write_text("revenue:\n  table: gold.sales\n", encoding="utf-8")
    assert main_in(settings, ["forecast"]) == 2
    assert "\nforecasts.yaml:2: table is gold.sales; expected gold.daily_sales, or" in capsys.readouterr().err


def main_in(settings: Settings, arguments: list[str]) -> int:
    """Run a command with these settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(settings).items():
            patch.setenv(name, value)
        return main(arguments)


def test_causes_of_functions_are_a_line() -> None:
    assert executions.cause("two\n lines") == "two lines"
