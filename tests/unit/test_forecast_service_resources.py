"""Resources from their creation to their end: names, states, lists, tags, quotas, what may be deleted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecasting.service import model
from forecasting.service.kinds import ALL, KINDS
from forecasting.service.service import HANDLERS
from forecasting.service.tokens import SECONDS as TOKEN_SECONDS
from tests.unit.forecast_api import KINDS as TYPES
from tests.unit.forecast_api import NOW, PREFIX, Api, RefusedError, destination

pytestmark = pytest.mark.unit

MANY = (
    "imports_at_once=999,auto_predictors_at_once=999,forecasts_at_once=999,forecasts=999,forecast_exports_at_once=999"
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    api = Api(tmp_path, MANY)
    yield api
    api.service.stop()


def code_of(api: Api, operation: str, **members: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        api(operation, **members)
    assert caught.value.status == 400
    return caught.value.code


def tree(api: Api) -> dict[str, str]:
    """One ACTIVE resource of every kind, by kind."""
    group = api.group("shop", *TYPES)
    found = {"dataset-group": group, "dataset": api("DescribeDatasetGroup", DatasetGroupArn=group)["DatasetArns"][0]}
    found["dataset-import-job"] = f"{PREFIX}dataset-import-job/shop_target_time_series/monday"
    found["predictor"] = api.end(api.auto_predictor(group))
    job = {"PredictorBacktestExportJobName": "b", "PredictorArn": found["predictor"], "Destination": destination()}
    made = api("CreatePredictorBacktestExportJob", **job)["PredictorBacktestExportJobArn"]
    found["predictor-backtest-export-job"] = api.end(made)
    found["forecast"] = api.end(api.forecast(found["predictor"]))
    export = {"ForecastExportJobName": "e", "ForecastArn": found["forecast"], "Destination": destination()}
    found["forecast-export-job"] = api.end(api("CreateForecastExportJob", **export)["ForecastExportJobArn"])
    made = api("CreateWhatIfAnalysis", WhatIfAnalysisName="a", ForecastArn=found["forecast"])["WhatIfAnalysisArn"]
    found["what-if-analysis"] = api.end(made)
    action = {"Action": {"AttributeName": "price", "Operation": "ADD", "Value": 1}}
    what_if = {"WhatIfForecastName": "f", "WhatIfAnalysisArn": made, "TimeSeriesTransformations": [action]}
    found["what-if-forecast"] = api.end(api("CreateWhatIfForecast", **what_if)["WhatIfForecastArn"])
    export = {"WhatIfForecastExportName": "x", "WhatIfForecastArns": [found["what-if-forecast"]]}
    made = api("CreateWhatIfForecastExport", Destination=destination(), **export)["WhatIfForecastExportArn"]
    found["what-if-forecast-export"] = api.end(made)
    return found


# --- the table of kinds


def test_every_operation_of_the_model_is_answered_or_not_offered() -> None:
    known = set(model.service("forecast").operation_names)
    assert set(HANDLERS) <= known
    absent = {name for name in known - set(HANDLERS) if "Explainabilit" not in name and "Monitor" not in name}
    assert absent == {"ResumeResource"}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.resource)
def test_the_members_of_a_kind_are_those_of_the_model(kind: Any) -> None:
    request = model.service("forecast").operation_model(f"Create{kind.noun}").input_shape
    assert kind.name_member in request.required_members
    listed = model.output(f"List{kind.plural}").members[kind.plural].member
    assert {kind.arn_member, kind.name_member} <= set(listed.members)
    described = set(model.output(f"Describe{kind.noun}").members)
    assert {kind.arn_member, kind.name_member, "Status", "CreationTime", "LastModificationTime"} <= described
    assert (kind.parents in described or kind.resource == "predictor") if kind.parents else not kind.is_job


# --- describe and list


def test_every_kind_is_made_described_listed_and_named_as_aws_does(api: Api) -> None:
    found = tree(api)
    assert set(found) == set(KINDS)
    for kind in ALL:
        describe = f"Describe{'Auto' if kind.resource == 'predictor' else ''}{kind.noun}"
        described = api(describe, **{kind.arn_member: found[kind.resource]})
        assert described[kind.arn_member] == found[kind.resource]
        assert described["Status"] == "ACTIVE"
        assert "Message" not in described
        assert described["CreationTime"].timestamp() == NOW
        listed = api(f"List{kind.plural}")[kind.plural]
        assert found[kind.resource] in [one[kind.arn_member] for one in listed]
        if kind.resource in ("dataset", "dataset-group"):
            assert not any({"Status", "Message"} & set(one) for one in listed)
        else:
            assert listed[0]["Status"] == "ACTIVE"
    assert found["predictor-backtest-export-job"] == f"{PREFIX}predictor-backtest-export-job/best/b"
    assert found["forecast-export-job"] == f"{PREFIX}forecast-export-job/next/e"
    assert found["what-if-forecast"] == f"{PREFIX}what-if-forecast/a/f"


def test_an_auto_predictor_has_a_ulid_and_a_legacy_one_has_not(api: Api) -> None:
    group = api.group()
    auto, legacy = api.auto_predictor(group), api.predictor(group)
    name, _, ulid = auto.removeprefix(f"{PREFIX}predictor/").rpartition("_")
    assert name == "best"
    assert len(ulid) == 26
    assert not set(ulid) - set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    assert legacy == f"{PREFIX}predictor/npts"
    assert code_of(api, "DescribePredictor", PredictorArn=auto) == "InvalidInputException"
    assert code_of(api, "DescribeAutoPredictor", PredictorArn=legacy) == "InvalidInputException"


def test_summaries_have_what_their_kind_has_beside(api: Api) -> None:
    found = tree(api)
    predictor = api("ListPredictors")["Predictors"][0]
    assert (predictor["DatasetGroupArn"], predictor["IsAutoPredictor"]) == (found["dataset-group"], True)
    forecast = api("ListForecasts")["Forecasts"][0]
    assert (forecast["PredictorArn"], forecast["CreatedUsingAutoPredictor"]) == (found["predictor"], True)
    assert forecast["DatasetGroupArn"] == found["dataset-group"]
    job = api("ListDatasetImportJobs")["DatasetImportJobs"][0]
    assert job["ImportMode"] == "FULL"
    assert api("ListForecastExportJobs")["ForecastExportJobs"][0]["Destination"] == destination()


def test_an_unknown_resource_is_not_found(api: Api) -> None:
    for kind in ALL:
        arn = f"{PREFIX}{kind.resource}/none"
        assert code_of(api, f"Describe{kind.noun}", **{kind.arn_member: arn}) == "ResourceNotFoundException"
        assert code_of(api, f"Delete{kind.noun}", **{kind.arn_member: arn}) == "ResourceNotFoundException"
    for operation in ("StopResource", "DeleteResourceTree", "ListTagsForResource"):
        assert code_of(api, operation, ResourceArn="arn:aws:forecast:a:b:c") == "ResourceNotFoundException"


def test_a_resource_of_another_kind_is_not_found(api: Api) -> None:
    assert code_of(api, "DescribeForecast", ForecastArn=api.dataset("sales")) == "ResourceNotFoundException"


def test_regions_are_apart(api: Api) -> None:
    here = api.dataset("sales")
    with pytest.raises(RefusedError, match="ResourceNotFoundException"):
        api("DescribeDataset", region="us-east-1", DatasetArn=here)
    members = {
        "Domain": "RETAIL",
        "DatasetType": "TARGET_TIME_SERIES",
        "Schema": {"Attributes": TYPES["TARGET_TIME_SERIES"]},
    }
    there = api("CreateDataset", region="us-east-1", DatasetName="sales", **members)["DatasetArn"]
    assert there == here.replace("eu-west-1", "us-east-1")
    assert [one["DatasetArn"] for one in api("ListDatasets", region="us-east-1")["Datasets"]] == [there]
    assert [one["DatasetArn"] for one in api("ListDatasets")["Datasets"]] == [here]


def test_a_name_is_taken_once(api: Api) -> None:
    group = api.group()
    first = api.auto_predictor(group, "one")
    with pytest.raises(RefusedError) as caught:
        api.predictor(group, "one")
    assert caught.value.code == "ResourceAlreadyExistsException"
    assert caught.value.message == f"A predictor already exists with the arn: {first}"
    with pytest.raises(RefusedError, match="A dataset group already exists with the arn"):
        api("CreateDatasetGroup", DatasetGroupName="shop", Domain="CUSTOM")
    sales = api.dataset("sales")
    api.start_import(sales, "monday")
    with pytest.raises(RefusedError, match="ResourceAlreadyExistsException"):
        api.start_import(sales, "monday")  # though the dataset is busy: a pipeline that runs again goes on
    with pytest.raises(RefusedError, match="ResourceInUseException"):
        api.start_import(sales, "tuesday")


# --- states


def test_a_dataset_is_updated_while_data_are_imported(api: Api) -> None:
    sales = api.dataset("sales")

    def seen() -> tuple[str, float]:
        found = api("DescribeDataset", DatasetArn=sales)
        return found["Status"], found["LastModificationTime"].timestamp()

    assert seen() == ("ACTIVE", NOW)
    job = api.start_import(sales)
    api.clock.now += 5
    assert seen() == ("UPDATE_PENDING", NOW + 5)
    api.end(job, "CREATE_IN_PROGRESS")
    api.clock.now += 5
    assert seen() == ("UPDATE_IN_PROGRESS", NOW + 10)
    assert code_of(api, "DeleteDataset", DatasetArn=sales) == "ResourceInUseException"
    api.end(job, "CREATE_FAILED")
    assert seen()[0] == "ACTIVE"
    api.start_import(sales, "again")


def test_modification_times_follow_the_state(api: Api) -> None:
    job = api.start_import(api.dataset("sales"))

    def seen() -> float:
        return float(api("DescribeDatasetImportJob", DatasetImportJobArn=job)["LastModificationTime"].timestamp())

    api.clock.now += 10
    assert seen() == NOW
    for status in ("CREATE_IN_PROGRESS", "CREATE_STOPPING"):
        api.end(job, status)
        api.clock.now += 10
        assert seen() == api.clock.now
    for status in ("CREATE_STOPPED", "ACTIVE", "CREATE_FAILED"):
        api.end(job, status)
        finished = api.clock.now
        api.clock.now += 10
        assert seen() == finished


def test_the_time_that_remains_follows_from_what_is_done(api: Api) -> None:
    job = api.start_import(api.dataset("sales"))

    def seen() -> int | None:
        return api("DescribeDatasetImportJob", DatasetImportJobArn=job).get("EstimatedTimeRemainingInMinutes")

    found = api.store.at(job)
    assert found is not None
    assert seen() == 1  # as long as a job that nobody has timed
    api.end(job, "CREATE_IN_PROGRESS")
    api.clock.now += 300
    folder = api.folder / "artefacts" / found.id
    folder.mkdir()
    assert seen() == 0
    (folder / "progress.json").write_text(json.dumps({"share": 0.25}))
    assert seen() == 15
    (folder / "progress.json").write_text("{")
    assert seen() == 0
    api.end(job)
    assert seen() is None
    api.store.change(found.number, started_at=NOW, modified_at=NOW + 600)
    other = api.start_import(api.dataset("other"))
    estimate = api("DescribeDatasetImportJob", DatasetImportJobArn=other)["EstimatedTimeRemainingInMinutes"]
    assert estimate == 10


def test_a_group_is_updated_by_replacing_its_list(api: Api) -> None:
    one, two = api.dataset("one"), api.dataset("two", "ITEM_METADATA")
    arn = api("CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL", DatasetArns=[one])["DatasetGroupArn"]
    api.clock.now += 9
    assert api("UpdateDatasetGroup", DatasetGroupArn=arn, DatasetArns=[two]) == {}
    found = api("DescribeDatasetGroup", DatasetGroupArn=arn)
    assert (found["DatasetArns"], found["Status"]) == ([two], "UPDATE_PENDING")
    assert found["LastModificationTime"].timestamp() == NOW + 9
    assert code_of(api, "DeleteDatasetGroup", DatasetGroupArn=arn) == "ResourceInUseException"


@pytest.mark.parametrize("status", ["CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_STOPPING", "DELETE_PENDING"])
def test_nothing_is_built_on_what_is_busy(api: Api, status: str) -> None:
    predictor = api.end(api.auto_predictor(api.group()), status)
    assert code_of(api, "CreateForecast", ForecastName="f", PredictorArn=predictor) == "ResourceInUseException"
    assert code_of(api, "GetAccuracyMetrics", PredictorArn=predictor) == "ResourceInUseException"


@pytest.mark.parametrize("status", ["CREATE_FAILED", "CREATE_STOPPED"])
def test_nothing_is_built_on_what_failed(api: Api, status: str) -> None:
    predictor = api.end(api.auto_predictor(api.group()), status)
    assert code_of(api, "CreateForecast", ForecastName="f", PredictorArn=predictor) == "InvalidInputException"
    assert code_of(api, "GetAccuracyMetrics", PredictorArn=predictor) == "InvalidInputException"


def test_accuracy_is_what_the_job_has_found(api: Api) -> None:
    predictor = api.auto_predictor(api.group(), OptimizationMetric="MASE")
    metrics = {"RMSE": 1.5, "AverageWeightedQuantileLoss": float("nan"), "Unknown": 1}
    window = {"EvaluationType": "COMPUTED", "TestWindowStart": "2024-01-01T00:00:00", "TestWindowEnd": 1704153600.0}
    results = [
        {
            "TestWindows": [
                {"EvaluationType": "SUMMARY", "Metrics": metrics},
                {**window, "ItemCount": 3, "Metrics": metrics},
            ]
        }
    ]
    api.end(predictor, PredictorEvaluationResults=results)
    found = api("GetAccuracyMetrics", PredictorArn=predictor)
    assert (found["IsAutoPredictor"], found["OptimizationMetric"]) == (True, "MASE")
    summary, computed = found["PredictorEvaluationResults"][0]["TestWindows"]
    assert summary == {"EvaluationType": "SUMMARY", "Metrics": {"RMSE": 1.5}}
    assert computed["TestWindowEnd"].timestamp() - computed["TestWindowStart"].timestamp() == 86_400


def test_the_backtests_of_a_legacy_predictor_are_told_of(api: Api) -> None:
    predictor = api.predictor(api.group())
    assert "PredictorExecutionDetails" not in api("DescribePredictor", PredictorArn=predictor)
    window = {"EvaluationType": "COMPUTED", "TestWindowStart": 1704067200.0, "TestWindowEnd": 1704153600.0}
    results = [
        {"AlgorithmArn": "arn:aws:forecast:::algorithm/NPTS", "TestWindows": [{"EvaluationType": "SUMMARY"}, window]}
    ]
    api.end(predictor, PredictorEvaluationResults=results)
    (one,) = api("DescribePredictor", PredictorArn=predictor)["PredictorExecutionDetails"]["PredictorExecutions"]
    assert one["AlgorithmArn"].endswith("NPTS")
    assert [window["Status"] for window in one["TestWindows"]] == ["ACTIVE"]


# --- stopping


def test_what_waits_or_works_can_be_stopped_and_twice(api: Api) -> None:
    job = api.start_import(api.dataset("sales"))
    for _ in range(2):
        assert api("StopResource", ResourceArn=job) == {}
        assert api("DescribeDatasetImportJob", DatasetImportJobArn=job)["Status"] == "CREATE_STOPPING"
    api.end(job)
    assert code_of(api, "StopResource", ResourceArn=job) == "InvalidInputException"
    assert code_of(api, "StopResource", ResourceArn=api.dataset("other")) == "InvalidInputException"


def test_three_stops_of_a_kind_at_a_time(api: Api) -> None:
    jobs = [api.start_import(api.dataset(f"d{number}")) for number in range(4)]
    for job in jobs[:3]:
        api("StopResource", ResourceArn=job)
    assert code_of(api, "StopResource", ResourceArn=jobs[3]) == "LimitExceededException"


# --- deleting


def test_children_are_deleted_before_their_parents(api: Api) -> None:
    found = tree(api)
    order = ["what-if-forecast-export", "what-if-forecast", "what-if-analysis", "forecast-export-job", "forecast"]
    order += ["predictor-backtest-export-job", "predictor", "dataset-group", "dataset-import-job", "dataset"]
    with_children = {"what-if-forecast", "what-if-analysis", "forecast", "predictor", "dataset-group", "dataset"}
    for resource in with_children:
        kind = KINDS[resource]
        assert code_of(api, f"Delete{kind.noun}", **{kind.arn_member: found[resource]}) == "ResourceInUseException"
    for resource in order:
        kind, arn = KINDS[resource], found[resource]
        assert api(f"Delete{kind.noun}", **{kind.arn_member: arn}) == {}
        assert api(f"Delete{kind.noun}", **{kind.arn_member: arn}) == {}  # as AWS's samples ask until it is gone
        row = api.store.at(arn)
        assert row is not None
        assert row.status == "DELETE_PENDING"
        api.store.remove(row.number)
        assert code_of(api, f"Delete{kind.noun}", **{kind.arn_member: arn}) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("root", "gone"),
    [
        ("forecast", 5),
        ("predictor", 7),
        ("dataset-group", 8),
        ("what-if-analysis", 3),
        ("forecast-export-job", 1),
        ("dataset", 2),
    ],
)
def test_a_tree_is_deleted_whole(api: Api, root: str, gone: int) -> None:
    found = tree(api)
    api("DeleteResourceTree", ResourceArn=found[root])
    api("DeleteResourceTree", ResourceArn=found[root])
    rows = api.store.in_status(("DELETE_PENDING",))
    assert len(rows) == gone
    assert {row.kind for row in rows} <= set(KINDS)
    assert (root == "dataset") == ("dataset" in {row.kind for row in rows})


def test_a_tree_with_a_busy_leaf_stays_whole(api: Api) -> None:
    found = tree(api)
    api.end(found["forecast-export-job"], "CREATE_IN_PROGRESS")
    assert code_of(api, "DeleteResourceTree", ResourceArn=found["dataset-group"]) == "ResourceInUseException"
    assert api.store.in_status(("DELETE_PENDING",)) == []


def test_an_import_that_a_job_reads_cannot_be_deleted(api: Api) -> None:
    predictor = api.auto_predictor(api.group())
    job = f"{PREFIX}dataset-import-job/shop_target_time_series/monday"
    assert code_of(api, "DeleteDatasetImportJob", DatasetImportJobArn=job) == "ResourceInUseException"
    api.end(predictor)
    api("DeleteDatasetImportJob", DatasetImportJobArn=job)


def test_a_group_keeps_the_arn_of_a_deleted_dataset(api: Api) -> None:
    sales = api.dataset("sales")
    group = api("CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL", DatasetArns=[sales])["DatasetGroupArn"]
    row = api.store.at(sales)
    assert row is not None
    api.store.remove(row.number)
    assert api("DescribeDatasetGroup", DatasetGroupArn=group)["DatasetArns"] == [sales]
    with pytest.raises(RefusedError, match="ResourceNotFoundException"):
        api.auto_predictor(group)


# --- lists


def names(api: Api, **members: Any) -> list[str]:
    return [one["DatasetImportJobName"] for one in api("ListDatasetImportJobs", **members)["DatasetImportJobs"]]


def test_filters_are_joined_by_and(api: Api) -> None:
    one, two = api.dataset("one"), api.dataset("two")
    api.end(api.start_import(one, "a"))
    api.end(api.start_import(one, "b"), "CREATE_FAILED")
    api.end(api.start_import(two, "c"))
    api.start_import(two, "d")

    def by(key: str, value: str, condition: str = "IS") -> dict[str, str]:
        return {"Key": key, "Value": value, "Condition": condition}

    assert names(api) == ["d", "c", "b", "a"]
    assert names(api, Filters=[by("DatasetArn", one)]) == ["b", "a"]
    assert names(api, Filters=[by("DatasetArn", one, "IS_NOT")]) == ["d", "c"]
    assert names(api, Filters=[by("DatasetArn", one), by("Status", "ACTIVE")]) == ["a"]
    neither = [by("Status", "ACTIVE", "IS_NOT"), by("Status", "CREATE_FAILED", "IS_NOT")]
    assert names(api, Filters=neither) == ["d"]
    assert names(api, Filters=[by("Status", "NONE")]) == []
    with pytest.raises(RefusedError, match=r"Invalid filter key: Name\. Valid keys: DatasetArn, Status"):
        names(api, Filters=[by("Name", "a")])


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind.filters], ids=lambda kind: kind.resource)
def test_every_filter_key_finds_the_resource(api: Api, kind: Any) -> None:
    found = tree(api)
    described = api(f"List{kind.plural}")[kind.plural]
    members = api.store.at(found[kind.resource])
    assert members is not None
    for key in kind.filters:
        value = next(arn for resource, arn in found.items() if KINDS[resource].arn_member == key)
        same = {"Filters": [{"Key": key, "Value": value, "Condition": "IS"}]}
        other = {"Filters": [{"Key": key, "Value": value, "Condition": "IS_NOT"}]}
        count = len(described) if kind.resource != "dataset-import-job" else 1
        assert len(api(f"List{kind.plural}", **same)[kind.plural]) == count
        assert len(api(f"List{kind.plural}", **other)[kind.plural]) == len(described) - count


def test_pages_are_whole_while_resources_come_and_go(api: Api) -> None:
    for number in range(7):
        api.dataset(f"d{number}")
    first = api("ListDatasets", MaxResults=3)
    assert [one["DatasetName"] for one in first["Datasets"]] == ["d6", "d5", "d4"]
    gone = api.store.at(f"{PREFIX}dataset/d4")
    assert gone is not None
    api.store.remove(gone.number)
    api.dataset("new")
    second = api("ListDatasets", MaxResults=3, NextToken=first["NextToken"])
    assert [one["DatasetName"] for one in second["Datasets"]] == ["d3", "d2", "d1"]
    last = api("ListDatasets", NextToken=second["NextToken"])
    assert [one["DatasetName"] for one in last["Datasets"]] == ["d0"]
    assert "NextToken" not in last
    assert "NextToken" not in api("ListDatasets", MaxResults=7)


def test_a_page_holds_a_hundred(api: Api) -> None:
    for number in range(101):
        api.dataset(f"d{number}")
    page = api("ListDatasets")
    assert len(page["Datasets"]) == 100
    assert len(api("ListDatasets", NextToken=page["NextToken"])["Datasets"]) == 1


def test_a_token_is_good_for_a_day_and_for_its_own_list(api: Api) -> None:
    sales = api.dataset("sales")
    for name in ("a", "b"):
        api.end(api.start_import(sales, name))
    given = {"Filters": [{"Key": "Status", "Value": "ACTIVE", "Condition": "IS"}]}
    token = api("ListDatasetImportJobs", MaxResults=1, **given)["NextToken"]
    bad = "InvalidNextTokenException"
    assert code_of(api, "ListDatasetImportJobs", NextToken=token) == bad
    assert code_of(api, "ListForecasts", NextToken=token, **given) == bad
    assert code_of(api, "ListDatasetImportJobs", NextToken=f"{token[:-5]}AAAA=", **given) == bad
    assert code_of(api, "ListDatasetImportJobs", NextToken="ü" * 99, **given) == bad
    api.clock.now += TOKEN_SECONDS
    assert names(api, NextToken=token, **given) == ["a"]
    api.clock.now += 1
    assert code_of(api, "ListDatasetImportJobs", NextToken=token, **given) == bad


# --- tags


def test_tags_are_added_changed_and_removed(api: Api) -> None:
    made = api("CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL", Tags=[{"Key": "a", "Value": "1"}])
    arn = made["DatasetGroupArn"]

    def seen() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in api("ListTagsForResource", ResourceArn=arn)["Tags"]}

    assert "Tags" not in api("DescribeDatasetGroup", DatasetGroupArn=arn)
    api("TagResource", ResourceArn=arn, Tags=[{"Key": "a", "Value": ""}, {"Key": "ä b", "Value": "aws:x"}])
    assert seen() == {"a": "", "ä b": "aws:x"}
    api("UntagResource", ResourceArn=arn, TagKeys=["a", "absent"])
    assert seen() == {"ä b": "aws:x"}
    assert code_of(api, "UntagResource", ResourceArn=arn, TagKeys=["aws:x"]) == "InvalidInputException"


def test_a_resource_has_fifty_tags(api: Api) -> None:
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]
    members = {"DatasetGroupName": "g", "Domain": "RETAIL"}
    assert code_of(api, "CreateDatasetGroup", Tags=tags, **members) == "LimitExceededException"
    arn = api("CreateDatasetGroup", Tags=tags[:50], **members)["DatasetGroupArn"]
    assert code_of(api, "TagResource", ResourceArn=arn, Tags=tags[50:]) == "LimitExceededException"
    api("TagResource", ResourceArn=arn, Tags=[{"Key": "k0", "Value": "changed"}])


# --- quotas


def test_quotas_are_in_the_words_that_clients_look_for(tmp_path: Path) -> None:
    api = Api(tmp_path, "imports=2, datasets = 9")
    jobs = [api.start_import(api.dataset(f"d{number}")) for number in range(2)]
    with pytest.raises(RefusedError) as caught:
        api.start_import(api.dataset("more"))
    assert (caught.value.code, caught.value.message) == (
        "LimitExceededException",
        "Quota limit of 2 dataset import jobs has been reached",
    )
    api.end(jobs[0])
    with pytest.raises(RefusedError, match="Quota limit of 2 dataset import jobs"):
        api.start_import(api.dataset("again"))
    api.service.stop()


def test_three_jobs_of_a_kind_at_a_time(tmp_path: Path) -> None:
    api = Api(tmp_path)
    jobs = [api.start_import(api.dataset(f"d{number}")) for number in range(3)]
    more = api.dataset("more")
    with pytest.raises(RefusedError) as caught:
        api.start_import(more)
    assert caught.value.code == "LimitExceededException"
    assert "concurrently" in caught.value.message
    api.end(jobs[1])
    api.start_import(more)
    api.service.stop()


def test_each_way_to_a_predictor_has_its_own_lane(tmp_path: Path) -> None:
    api = Api(tmp_path, "predictors_at_once=1,automl_predictors_at_once=1,auto_predictors_at_once=1")
    group = api.group()
    automl = {"AlgorithmArn": None, "PerformAutoML": True}
    api.predictor(group, "legacy")
    api.predictor(group, "automl", **automl)
    api.auto_predictor(group, "auto")
    for make in (
        lambda: api.predictor(group, "x"),
        lambda: api.predictor(group, "x", **automl),
        lambda: api.auto_predictor(group, "x"),
    ):
        with pytest.raises(
            RefusedError, match="LimitExceededException: Cannot create more than 1 predictors concurrently"
        ):
            make()
    api.service.stop()


def test_there_are_ten_forecasts(tmp_path: Path) -> None:
    api = Api(tmp_path)
    predictor = api.end(api.auto_predictor(api.group()))
    for number in range(10):
        api.end(api.forecast(predictor, f"f{number}"))
    with pytest.raises(RefusedError, match="Quota limit of 10 forecasts has been reached"):
        api.forecast(predictor, "more")
    api.service.stop()


# --- what is not offered


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("ListMonitors", {}),
        ("ListExplainabilities", {}),
        ("ResumeResource", {"ResourceArn": f"{PREFIX}monitor/m"}),
        ("CreateMonitor", {"MonitorName": "m", "ResourceArn": f"{PREFIX}predictor/p"}),
        ("DescribeExplainability", {"ExplainabilityArn": f"{PREFIX}explainability/e"}),
    ],
)
def test_what_is_not_offered_says_so(api: Api, operation: str, members: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        api(operation, **members)
    assert caught.value.code == "InvalidInputException"
    assert caught.value.message == f"The local service does not offer {operation} yet"


def test_a_full_disk_is_a_fault_of_ours_and_passes(api: Api) -> None:
    sales = api.dataset("sales")
    pages = api.store._database.execute("PRAGMA page_count").fetchone()[0]
    api.store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RefusedError) as caught:
        for number in range(1000):
            api.dataset(f"d{number}")
    assert (caught.value.status, caught.value.code) == (500, "InternalServerException")
    assert api("DescribeDataset", DatasetArn=sales)["Status"] == "ACTIVE"
    api.store._database.execute("PRAGMA max_page_count = 100000")
    api.dataset("after")
    names = [one["DatasetName"] for one in api("ListDatasets")["Datasets"]]
    assert names == ["after", *(f"d{number - 1}" for number in range(len(names) - 2, 0, -1)), "sales"]


def test_state_survives_a_restart(api: Api) -> None:
    found = tree(api)
    api.service.stop()
    again = Api(api.folder, MANY)
    assert again("ListTagsForResource", ResourceArn=found["forecast"]) == {"Tags": []}
    assert again("DescribeForecast", ForecastArn=found["forecast"])["Status"] == "ACTIVE"
    again.service.stop()
