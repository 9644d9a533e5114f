"""The whole Forecast API through boto3 against a gateway process: every operation, its errors, events and metrics."""

import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from forecasting.service import model
from tests.stack.conftest import wait_until
from tests.stack.forecast_process import (
    RELATED,
    ROLE,
    Gateway,
    dataset,
    done,
    gone,
    running,
    source,
    start_import,
)

pytestmark = pytest.mark.stack

QUOTAS = "imports_at_once=20,backtest_exports=1,forecast_exports_at_once=1"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("forecast"), forecast_quotas=QUOTAS) as gateway:
        yield gateway


@pytest.fixture
def forecast(gateway: Gateway) -> Any:
    return gateway.client()


@pytest.fixture(scope="module")
def pipeline(gateway: Gateway) -> dict[str, str]:
    """One resource of every kind, made as a program makes them; their ARNs by kind."""
    forecast = gateway.client()
    arns = [dataset(forecast, "shop"), dataset(forecast, "prices", "RELATED_TIME_SERIES", RELATED)]
    for number, arn in enumerate(arns):
        job = start_import(forecast, arn, f"import_{number}")
        done("the import", forecast.describe_dataset_import_job, DatasetImportJobArn=job)
    made = forecast.create_dataset_group(DatasetGroupName="shop", Domain="RETAIL", Tags=[{"Key": "team", "Value": "a"}])
    group = made["DatasetGroupArn"]
    forecast.update_dataset_group(DatasetGroupArn=group, DatasetArns=arns)
    config = {"ForecastHorizon": 14, "ForecastFrequency": "D", "DataConfig": {"DatasetGroupArn": group}}
    auto = forecast.create_auto_predictor(PredictorName="best", **config)["PredictorArn"]
    done("the predictor", forecast.describe_auto_predictor, PredictorArn=auto)
    legacy = forecast.create_predictor(
        PredictorName="npts",
        AlgorithmArn="arn:aws:forecast:::algorithm/NPTS",
        ForecastHorizon=14,
        InputDataConfig={"DatasetGroupArn": group},
        FeaturizationConfig={"ForecastFrequency": "D"},
    )["PredictorArn"]
    done("the legacy predictor", forecast.describe_predictor, PredictorArn=legacy)
    return {
        "group": group,
        "dataset": arns[0],
        "import": job,
        "auto": auto,
        "legacy": legacy,
        **results(forecast, auto),
    }


def results(forecast: Any, auto: str) -> dict[str, str]:
    """What is made of a predictor."""
    backtest = forecast.create_predictor_backtest_export_job(
        PredictorBacktestExportJobName="tests", PredictorArn=auto, Destination=source("s3://bucket/tests/")
    )["PredictorBacktestExportJobArn"]
    done("the export", forecast.describe_predictor_backtest_export_job, PredictorBacktestExportJobArn=backtest)
    arn = forecast.create_forecast(ForecastName="next", PredictorArn=auto)["ForecastArn"]
    done("the forecast", forecast.describe_forecast, ForecastArn=arn)
    export = forecast.create_forecast_export_job(
        ForecastExportJobName="out", ForecastArn=arn, Destination=source("s3://bucket/out"), Format="PARQUET"
    )["ForecastExportJobArn"]
    done("the export", forecast.describe_forecast_export_job, ForecastExportJobArn=export)
    analysis = forecast.create_what_if_analysis(WhatIfAnalysisName="sale", ForecastArn=arn)["WhatIfAnalysisArn"]
    done("the analysis", forecast.describe_what_if_analysis, WhatIfAnalysisArn=analysis)
    action = {"AttributeName": "price", "Operation": "MULTIPLY", "Value": 0.9}
    when = {"AttributeName": "timestamp", "AttributeValue": "2019-09-01 00:00:00", "Condition": "GREATER_THAN"}
    cheap = forecast.create_what_if_forecast(
        WhatIfForecastName="cheap",
        WhatIfAnalysisArn=analysis,
        TimeSeriesTransformations=[{"Action": action, "TimeSeriesConditions": [when]}],
    )["WhatIfForecastArn"]
    done("the what-if forecast", forecast.describe_what_if_forecast, WhatIfForecastArn=cheap)
    all_out = forecast.create_what_if_forecast_export(
        WhatIfForecastExportName="all", WhatIfForecastArns=[cheap], Destination=source("s3://bucket/all")
    )["WhatIfForecastExportArn"]
    done("the what-if export", forecast.describe_what_if_forecast_export, WhatIfForecastExportArn=all_out)
    found = {"backtest": backtest, "forecast": arn, "export": export, "analysis": analysis, "cheap": cheap}
    return {**found, "all_out": all_out}


def test_every_resource_is_active_and_shows_what_was_asked(forecast: Any, pipeline: dict[str, str]) -> None:
    predictor = forecast.describe_auto_predictor(PredictorArn=pipeline["auto"])
    assert predictor["Status"] == "ACTIVE"
    assert len(predictor["DatasetImportJobArns"]) == 2
    group = forecast.describe_dataset_group(DatasetGroupArn=pipeline["group"])
    assert (group["Status"], len(group["DatasetArns"])) == ("ACTIVE", 2)
    job = forecast.describe_dataset_import_job(DatasetImportJobArn=pipeline["import"])
    assert (job["DataSize"], job["FieldStatistics"]["demand"]["Avg"]) == (0.5, 1.5)
    assert job["CreationTime"] <= job["LastModificationTime"]
    assert forecast.describe_predictor(PredictorArn=pipeline["legacy"])["PredictorExecutionDetails"]
    found = forecast.describe_forecast(ForecastArn=pipeline["forecast"])
    assert found["ForecastTypes"] == ["0.1", "0.5", "0.9"]
    assert forecast.describe_forecast_export_job(ForecastExportJobArn=pipeline["export"])["Format"] == "PARQUET"
    cheap = forecast.describe_what_if_forecast(WhatIfForecastArn=pipeline["cheap"])
    assert cheap["TimeSeriesTransformations"][0]["Action"]["Value"] == 0.9
    metrics = forecast.get_accuracy_metrics(PredictorArn=pipeline["auto"])["PredictorEvaluationResults"][0][
        "TestWindows"
    ]
    assert [window["EvaluationType"] for window in metrics] == ["SUMMARY", "COMPUTED"]


@pytest.mark.parametrize(
    ("list_name", "members", "key", "kind"),
    [
        ("list_datasets", "Datasets", "DatasetArn", "dataset"),
        ("list_dataset_groups", "DatasetGroups", "DatasetGroupArn", "group"),
        ("list_dataset_import_jobs", "DatasetImportJobs", "DatasetImportJobArn", "import"),
        ("list_predictors", "Predictors", "PredictorArn", "auto"),
        (
            "list_predictor_backtest_export_jobs",
            "PredictorBacktestExportJobs",
            "PredictorBacktestExportJobArn",
            "backtest",
        ),
        ("list_forecasts", "Forecasts", "ForecastArn", "forecast"),
        ("list_forecast_export_jobs", "ForecastExportJobs", "ForecastExportJobArn", "export"),
        ("list_what_if_analyses", "WhatIfAnalyses", "WhatIfAnalysisArn", "analysis"),
        ("list_what_if_forecasts", "WhatIfForecasts", "WhatIfForecastArn", "cheap"),
        ("list_what_if_forecast_exports", "WhatIfForecastExports", "WhatIfForecastExportArn", "all_out"),
    ],
)
def test_every_list_is_paged(
    forecast: Any, pipeline: dict[str, str], list_name: str, members: str, key: str, kind: str
) -> None:
    listed: list[str] = []
    for page in forecast.get_paginator(list_name).paginate(PaginationConfig={"PageSize": 1}):
        listed += [one[key] for one in page[members]]
    assert pipeline[kind] in listed
    assert len(set(listed)) == len(listed)


def test_filters_find_what_they_name(forecast: Any, pipeline: dict[str, str]) -> None:
    def found(**filters: str) -> list[str]:
        given = [{"Key": key, "Value": value, "Condition": "IS"} for key, value in filters.items()]
        return [one["ForecastArn"] for one in forecast.list_forecasts(Filters=given)["Forecasts"]]

    assert found(PredictorArn=pipeline["auto"], Status="ACTIVE") == [pipeline["forecast"]]
    assert found(PredictorArn=pipeline["legacy"]) == []
    with pytest.raises(
        forecast.exceptions.InvalidInputException, match="Valid keys: DatasetGroupArn, PredictorArn, Status"
    ):
        found(Name="x")
    with pytest.raises(forecast.exceptions.InvalidNextTokenException):
        forecast.list_forecasts(NextToken="x")


def test_tags_are_kept(forecast: Any, pipeline: dict[str, str]) -> None:
    arn = pipeline["group"]
    forecast.tag_resource(ResourceArn=arn, Tags=[{"Key": "owner", "Value": "me"}])
    assert len(forecast.list_tags_for_resource(ResourceArn=arn)["Tags"]) == 2
    forecast.untag_resource(ResourceArn=arn, TagKeys=["owner"])
    assert forecast.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]


def test_a_predictor_is_retrained(forecast: Any, pipeline: dict[str, str]) -> None:
    arn = forecast.create_auto_predictor(PredictorName="again", ReferencePredictorArn=pipeline["auto"])["PredictorArn"]
    found = done("the predictor", forecast.describe_auto_predictor, PredictorArn=arn)
    assert found["ReferencePredictorSummary"] == {"Arn": pipeline["auto"], "State": "Active"}
    gone("the predictor", forecast, forecast.delete_predictor, PredictorArn=arn)


# --- errors


def test_every_modelled_error_has_its_class(forecast: Any, pipeline: dict[str, str]) -> None:
    errors = forecast.exceptions
    with pytest.raises(errors.ResourceNotFoundException, match="No resource found"):
        forecast.describe_dataset(DatasetArn=f"{pipeline['dataset']}x")
    with pytest.raises(errors.ResourceAlreadyExistsException, match="A dataset already exists with the arn"):
        dataset(forecast, "shop")
    with pytest.raises(errors.ResourceInUseException):
        forecast.delete_predictor(PredictorArn=pipeline["auto"])
    with pytest.raises(errors.InvalidInputException, match="use DescribeAutoPredictor"):
        forecast.describe_predictor(PredictorArn=pipeline["auto"])
    with pytest.raises(errors.LimitExceededException, match="at most 50 tags"):
        tags = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
        forecast.tag_resource(ResourceArn=pipeline["group"], Tags=tags)


@pytest.mark.parametrize("name", ["a-b", "x" * 64, "x" * 10**6, "a'b", 'a"b', "a/b", "ü"])
def test_a_bad_name_is_a_validation_error(forecast: Any, name: str) -> None:
    with pytest.raises(ClientError) as caught:
        dataset(forecast, name)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "at 'datasetName' failed to satisfy constraint" in caught.value.response["Error"]["Message"]


def test_what_is_not_offered_says_so(forecast: Any, pipeline: dict[str, str]) -> None:
    everything = ("ALL", "ALL")
    config = dict(zip(("TimeSeriesGranularity", "TimePointGranularity"), everything, strict=True))
    for call in (
        forecast.list_monitors,
        forecast.list_explainabilities,
        lambda: forecast.create_monitor(MonitorName="m", ResourceArn=pipeline["auto"]),
        lambda: forecast.create_explainability(
            ExplainabilityName="e", ResourceArn=pipeline["auto"], ExplainabilityConfig=config
        ),
        lambda: forecast.resume_resource(ResourceArn=pipeline["auto"]),
    ):
        with pytest.raises(forecast.exceptions.InvalidInputException, match="does not offer"):
            call()


def test_every_operation_answers_a_client(gateway: Gateway) -> None:
    """With nothing but its required members, each operation answers 200 or a modelled error."""
    for service in model.PREFIXES.values():
        client = gateway.client(service, parameter_validation=False)
        for name in model.service(service).operation_names:
            operation = model.service(service).operation_model(name)
            members = {
                one: minimal(operation.input_shape.members[one]) for one in operation.input_shape.required_members
            }
            try:
                client._make_api_call(name, members)
            except ClientError as fault:
                assert fault.response["ResponseMetadata"]["HTTPStatusCode"] == 400, (name, fault)
                assert fault.response["Error"]["Message"], (name, fault)


def minimal(shape: Any) -> Any:
    values = {"list": [], "map": {"item_id": "a"}, "integer": 1, "structure": {}}
    return values.get(shape.type_name, "arn:aws:forecast:eu-west-1:000000000000:x/y" if "Arn" in shape.name else "a")


def test_an_unknown_operation_and_no_json_are_400(gateway: Gateway) -> None:
    for target, body, code in (
        ("AmazonForecast.Nope", b"{}", "UnknownOperationException"),
        ("AmazonForecast.ListDatasets", b"{", "SerializationException"),
        ("AmazonForecastRuntime.QueryForecast", b"{}", "ValidationException"),
    ):
        request = urllib.request.Request(gateway.settings.aws_endpoint_url, body, {"X-Amz-Target": target})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        with caught.value as answer:
            assert answer.code == 400
            assert json.load(answer)["__type"] == code


def test_a_second_import_into_a_dataset_is_refused_and_a_stop_ends_the_first(forecast: Any) -> None:
    arn = dataset(forecast, "busy")
    job = start_import(forecast, arn, "waits")
    wait_until("it is at work", lambda: forecast.describe_dataset(DatasetArn=arn)["Status"] == "UPDATE_IN_PROGRESS")
    with pytest.raises(forecast.exceptions.ResourceInUseException):
        start_import(forecast, arn, "second")
    with pytest.raises(forecast.exceptions.ResourceInUseException):
        forecast.delete_dataset(DatasetArn=arn)
    forecast.stop_resource(ResourceArn=job)
    found = done("the import", forecast.describe_dataset_import_job, DatasetImportJobArn=job)
    assert found["Status"] == "CREATE_STOPPED"
    assert forecast.describe_dataset(DatasetArn=arn)["Status"] == "ACTIVE"
    gone("the dataset", forecast, forecast.delete_resource_tree, ResourceArn=arn)


def test_a_job_fails_with_its_message(forecast: Any) -> None:
    job = start_import(forecast, dataset(forecast, "failing"), "contract")
    found = done("the import", forecast.describe_dataset_import_job, DatasetImportJobArn=job)
    assert (found["Status"], found["Message"][:25]) == ("CREATE_FAILED", "sales.csv, line 3, column")


def test_quotas_are_those_of_the_setting(forecast: Any, pipeline: dict[str, str]) -> None:
    limit = forecast.exceptions.LimitExceededException
    with pytest.raises(limit, match="Quota limit of 1 predictor backtest export jobs has been reached"):
        forecast.create_predictor_backtest_export_job(
            PredictorBacktestExportJobName="more", PredictorArn=pipeline["auto"], Destination=source()
        )
    given = {"ForecastArn": pipeline["forecast"], "Destination": source()}
    first = forecast.create_forecast_export_job(ForecastExportJobName="waits", **given)["ForecastExportJobArn"]
    with pytest.raises(limit, match="Cannot create more than 1 forecast export jobs concurrently"):
        forecast.create_forecast_export_job(ForecastExportJobName="more", **given)
    forecast.stop_resource(ResourceArn=first)
    found = done("the export", forecast.describe_forecast_export_job, ForecastExportJobArn=first)
    assert found["Status"] == "CREATE_STOPPED"
    gone("the export", forecast, forecast.delete_forecast_export_job, ForecastExportJobArn=first)


# --- queries


def test_a_forecast_is_queried(gateway: Gateway, pipeline: dict[str, str]) -> None:
    client = gateway.client("forecastquery")
    found = client.query_forecast(ForecastArn=pipeline["forecast"], Filters={"item_id": "a"})
    assert uuid.UUID(found["ResponseMetadata"]["RequestId"])  # one alone
    assert found["Forecast"]["Predictions"] == {"p50": [{"Timestamp": "2024-01-01T00:00:00", "Value": 4.0}]}
    found = client.query_what_if_forecast(
        WhatIfForecastArn=pipeline["cheap"], Filters={"item_id": "a"}, StartDate="2024-02-03T00:00:00"
    )
    assert found["Forecast"]["Predictions"] == {"p50": [{"Timestamp": "2024-02-03T00:00:00", "Value": 5.0}]}
    errors = client.exceptions
    with pytest.raises(errors.ResourceNotFoundException, match="no forecast of item_id=absent"):
        client.query_forecast(ForecastArn=pipeline["forecast"], Filters={"item_id": "absent"})
    with pytest.raises(errors.InvalidInputException, match="no filter on item_id"):
        client.query_forecast(ForecastArn=pipeline["forecast"], Filters={"store": "a"})
    with pytest.raises(errors.ResourceNotFoundException, match="No resource found"):
        client.query_forecast(ForecastArn=pipeline["cheap"], Filters={"item_id": "a"})


def test_a_slow_answer_holds_up_nobody_else(gateway: Gateway, pipeline: dict[str, str]) -> None:
    slow = {"ForecastArn": pipeline["forecast"], "Filters": {"item_id": "slow"}}
    answers: list[Any] = []
    thread = threading.Thread(
        target=lambda: answers.append(gateway.client("forecastquery").query_forecast(**slow)), daemon=True
    )
    thread.start()
    forecast, s3 = gateway.client(), gateway.client("s3")
    begin = time.monotonic()
    for _ in range(5):
        s3.list_buckets()
        forecast.list_forecasts()
    assert time.monotonic() - begin < 10
    assert answers == []
    gateway.mark("answer")
    thread.join(20)
    assert answers[0]["Forecast"]["Predictions"]["p50"]


# --- events, metrics, state machines


def test_an_event_rule_hears_of_a_job(gateway: Gateway) -> None:
    sqs, events, forecast = gateway.client("sqs"), gateway.client("events"), gateway.client()
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.forecast"], "detail": {"Status": ["ACTIVE", "CREATE_FAILED"]}}
    events.put_rule(Name="done", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="done", Targets=[{"Id": "1", "Arn": arn}])
    job = start_import(forecast, dataset(forecast, "heard"), "import")
    messages = wait_until(
        "the event arrives", lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2).get("Messages")
    )
    event = json.loads(messages[0]["Body"])
    assert (event["source"], event["detail-type"]) == ("aws.forecast", "Forecast Dataset Import Job State Change")
    assert (event["resources"], event["account"], event["region"]) == ([job], "000000000000", "eu-west-1")
    assert event["detail"] == {"Arn": job, "Status": "ACTIVE", "Duration": 1}
    answer = events.put_events(Entries=[{"Source": "aws.forecast", "DetailType": "x", "Detail": "{}"}])
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"  # of a client, as at AWS


def test_cloudwatch_has_the_size_of_what_was_imported(gateway: Gateway) -> None:
    forecast, cloudwatch = gateway.client(), gateway.client("cloudwatch")
    arn = dataset(forecast, "measured")
    job = start_import(forecast, arn, "import")
    now = datetime.now(UTC)

    def measured() -> list[dict[str, Any]]:
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/Forecast",
            MetricName="DatasetSize",
            Dimensions=[{"Name": "DatasetArn", "Value": arn}, {"Name": "DatasetImportJobArn", "Value": job}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=3600,
            Statistics=["Maximum"],
        )
        return list(answer["Datapoints"])

    (point,) = wait_until("the metric arrives", measured)
    assert (point["Maximum"], point["Unit"]) == (512.0, "Kilobytes")


def test_a_state_machine_forecasts(gateway: Gateway, pipeline: dict[str, str]) -> None:
    states = gateway.client("stepfunctions")

    def task(operation: str, **parameters: Any) -> dict[str, Any]:
        resource = f"arn:aws:states:::aws-sdk:{operation}"
        return {"Type": "Task", "Resource": resource, "Parameters": parameters}

    steps = {
        "Ask": {**task("forecast:describeForecast", ForecastArn=pipeline["forecast"]), "Next": "Query"},
        "Query": {
            **task("forecastquery:queryForecast", ForecastArn=pipeline["forecast"], Filters={"item_id": "a"}),
            "Next": "Miss",
        },
        "Miss": {
            **task("forecast:describeForecast", ForecastArn=f"{pipeline['forecast']}x"),
            "Catch": [{"ErrorEquals": ["Forecast.ResourceNotFoundException"], "Next": "Caught"}],
            "End": True,
        },
        "Caught": {"Type": "Succeed"},
    }
    definition = json.dumps({"StartAt": "Ask", "States": steps})
    machine = states.create_state_machine(name="pipeline", definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=execution)
        return None if found["status"] == "RUNNING" else found

    assert wait_until("the execution ends", ended)["status"] == "SUCCEEDED"
    history = states.get_execution_history(executionArn=execution)["events"]
    entered = [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]
    assert entered == ["Ask", "Query", "Miss", "Caught"]


def test_another_region_has_its_own_resources(gateway: Gateway, pipeline: dict[str, str]) -> None:
    import boto3  # noqa: PLC0415 (a client unlike those of the other tests)

    options = {**gateway.settings.client_arguments, "region_name": "us-west-2"}
    elsewhere = boto3.client("forecast", **options)
    assert elsewhere.list_forecasts()["Forecasts"] == []
    arn = dataset(elsewhere, "west")
    assert arn == "arn:aws:forecast:us-west-2:000000000000:dataset/west"
    job = start_import(elsewhere, arn, "import")
    assert done("the import", elsewhere.describe_dataset_import_job, DatasetImportJobArn=job)["Status"] == "ACTIVE"


# --- the end of everything


def test_a_tree_is_deleted_leaf_by_leaf(gateway: Gateway, pipeline: dict[str, str]) -> None:
    forecast = gateway.client()
    exports = {"ForecastExportJobArn": pipeline["export"]}
    gone("the export", forecast, forecast.delete_forecast_export_job, **exports)
    with pytest.raises(forecast.exceptions.ResourceInUseException):
        forecast.delete_forecast(ForecastArn=pipeline["forecast"])
    gone("the tree", forecast, forecast.delete_resource_tree, ResourceArn=pipeline["group"])
    for describe, arn in (
        (forecast.describe_forecast, {"ForecastArn": pipeline["forecast"]}),
        (forecast.describe_auto_predictor, {"PredictorArn": pipeline["auto"]}),
        (forecast.describe_what_if_forecast_export, {"WhatIfForecastExportArn": pipeline["all_out"]}),
    ):
        with pytest.raises(forecast.exceptions.ResourceNotFoundException):
            describe(**arn)
    assert forecast.describe_dataset(DatasetArn=pipeline["dataset"])["Status"] == "ACTIVE"
