"""The pure parts of a forecast's way: names, SQL, plans, orders, choice, retention, series."""

import dataclasses
import json
import math
import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest

from forecasting.definitions import reading
from forecasting.definitions.definition import Definition, Predictor, Series
from forecasting.pipeline import accuracy, names, plan, retention, series, sql, starting
from forecasting.service import validation
from infra.aws import machine
from lakehouse.errors import ContractError

pytestmark = pytest.mark.unit

MODEL = botocore.session.get_session().get_service_model("forecast")
REVENUE = reading.load()["revenue_by_country"]
TOP = reading.load()["units_of_top_products"]
SITE = plan.Site("lake", "arn:aws:iam::000000000000:role/data", names.Place("eu-west-1", "000000000000"), "", "first")
FULL = dataclasses.replace(
    REVENUE,
    dimensions=("region",),
    query="SELECT 1",
    predictors=(Predictor("auto"), Predictor("NPTS", {"kernel_type": "uniform"}, 3)),
    related=Series("gold.daily_sales", "", "country", "sales_date", ("orders",)),
    metadata=Series("gold.daily_product_sales", "", "product_id", "", ("description",)),
    filling={"aggregation": "avg", "middlefill": "nan"},
)


def made(definition: Definition, **changes: Any) -> dict[str, Any]:
    site = dataclasses.replace(SITE, **changes)
    return plan.plan(definition, plan.run_id(definition, {"t": "1"}), site)


def test_the_same_input_has_the_same_run_and_any_other_another() -> None:
    one = plan.run_id(REVENUE, {"gold.daily_sales": "7 a"})
    assert one == plan.run_id(
        dataclasses.replace(REVENUE, keep_runs=9, schedule="rate(1 day)"), {"gold.daily_sales": "7 a"}
    )
    others = {
        plan.run_id(REVENUE, {"gold.daily_sales": "8 a"}),
        plan.run_id(REVENUE, {"gold.daily_sales": "7 a"}, "etag"),
        plan.run_id(dataclasses.replace(REVENUE, horizon=7), {"gold.daily_sales": "7 a"}),
        plan.run_id(dataclasses.replace(REVENUE, is_log=True), {"gold.daily_sales": "7 a"}),
    }
    assert len(others | {one}) == 5
    assert all(re.fullmatch("[a-z2-7]{14}", found) for found in others)


def test_every_request_is_valid_for_the_api_even_with_the_longest_name() -> None:
    longest = dataclasses.replace(FULL, name="f" * 40)
    found = made(longest)
    requests = [("CreateDatasetGroup", found["group"]), ("CreateForecastExportJob", found["export"]["create"])]
    requests += [("CreateDataset", one["create"]) for one in found["datasets"]]
    requests += [("CreateDatasetImportJob", one["import"]) for one in found["datasets"]]
    actions = {"auto": "CreateAutoPredictor", "single": "CreatePredictor"}
    requests += [(actions[one["kind"]], one["create"]) for one in found["predictors"]]
    assert len(requests) == 10
    for action, request in requests:
        shape = MODEL.operation_model(action).input_shape
        validation.check(json.loads(json.dumps(request)), shape)
    assert len(found["predictors"][1]["name"]) <= 63


def test_a_plan_has_what_the_definition_says() -> None:
    found = made(FULL)
    auto, single = (one["create"] for one in found["predictors"])
    assert auto["DataConfig"]["AdditionalDatasets"] == [{"Name": "holiday", "Configuration": {"CountryCode": ["UK"]}}]
    assert auto["DataConfig"]["AttributeConfigs"][0]["Transformations"] == {"aggregation": "avg", "middlefill": "nan"}
    assert auto["ForecastDimensions"] == ["region"]
    assert single["EvaluationParameters"] == {"NumberOfBacktestWindows": 3, "BackTestWindowOffset": 14}
    assert single["TrainingParameters"] == {"kernel_type": "uniform"}
    assert [one["kind"] for one in found["datasets"]] == ["target", "related", "metadata"]
    assert "TimestampFormat" not in found["datasets"][2]["import"]
    again = made(FULL, attempt="second")
    assert again["group"] == found["group"]
    assert again["forecast"] == found["forecast"]
    assert again["datasets"][0]["query"]["QueryString"] != found["datasets"][0]["query"]["QueryString"]


def test_an_earlier_run_lends_its_predictors() -> None:
    found = plan.plan(REVENUE, "b" * 14, SITE, trained_by="a" * 14)
    assert found["predictors"][0]["name"] == f"revenue_by_country_{'a' * 14}_1"
    assert found["forecast"]["name"] == f"revenue_by_country_{'b' * 14}"


def test_sql_names_are_quoted_and_nothing_else_gets_in() -> None:
    found = sql.target(TOP, "mine_")
    assert 'FROM "mine_gold"."daily_product_sales"' in found
    assert 'ORDER BY sum("units_sold") DESC, "product_id" LIMIT 20' in found
    for wrong in (
        {"item": 'x" OR 1=1 --'},
        {"table": "gold.x; DROP TABLE y"},
        {"target": "a b"},
        {"time": "now()"},
        {"dimensions": ("x'",)},
        {"top_by": 'y"'},
    ):
        with pytest.raises(ContractError):
            sql.target(dataclasses.replace(TOP, **wrong))
    with pytest.raises(ContractError):
        sql.target(TOP, "x.")
    with pytest.raises(ContractError):
        sql.unload("SELECT 1", "s3://b/' TO 's3://c/")


def test_the_logarithm_is_taken_of_the_periods_sum() -> None:
    found = sql.target(dataclasses.replace(REVENUE, is_log=True, frequency="W"))
    assert "date_trunc('week', CAST(\"sales_date\" AS timestamp))" in found
    assert 'ln(1 + greatest(CAST(sum("net_revenue") AS double), 0))' in found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1]", "no object"),
        ("{}", "DataName null; expected one of tea"),
        ('{"DataName": "coffee"}', 'DataName "coffee"; expected one of tea'),
        ('{"DataName": 7}', "DataName 7"),
        ('{"DataName": "tea", "Horizon": 7}', 'a member "Horizon"; expected members DataName'),
        ('{"DataName": "tea", "ForecastHorizon": "7"}', 'ForecastHorizon "7"; expected a whole number from 1 to 500'),
        ('{"DataName": "tea", "ForecastHorizon": true}', "ForecastHorizon true"),
        ('{"DataName": "tea", "ForecastHorizon": 0}', "ForecastHorizon 0"),
        (
            '{"DataName": "tea", "NumberOfBacktestWindows": 6}',
            "NumberOfBacktestWindows 6; expected a whole number from 1 to 5",
        ),
        ('{"DataName": "tea", "Models": "NPTS"}', 'Models "NPTS"; expected a list of auto'),
        ('{"DataName": "tea", "Models": ["LSTM"]}', 'Models ["LSTM"]'),
        ('{"DataName": "tea", "Models": ["NPTS", "NPTS"]}', "each once"),
        ('{"DataName": "tea", "PerformDelete": "no"}', "PerformDelete"),
        ('{"DataName": "tea", "Upload": "gold/x.csv"}', "Upload"),
        ('{"DataName": "tea", "Upload": "input/cake/x.csv"}', "Upload"),
    ],
)
def test_a_wrong_message_is_refused_in_a_line(text: str, words: str) -> None:
    with pytest.raises(ContractError) as found:
        starting.message(text, ["tea"])
    assert words in str(found.value)
    assert "\n" not in str(found.value)


def test_a_message_changes_horizon_windows_and_models() -> None:
    wished = {"ForecastHorizon": 7, "NumberOfBacktestWindows": 2, "Models": ["ETS", "auto"], "PerformDelete": True}
    text = json.dumps({"DataName": "tea", **wished})
    found = starting.order(starting.message(text, ["tea"]), ["tea"])
    given = found.wishes.apply(REVENUE)
    assert (given.horizon, given.predictors) == (7, (Predictor("ETS", {}, 2), Predictor("auto")))
    assert found.is_deleted_at_end
    assert starting.order({"DataName": "tea"}, ["tea"]).wishes.apply(REVENUE) == REVENUE


def test_several_models_need_an_older_window_to_choose_on() -> None:
    tuned = dataclasses.replace(REVENUE, predictors=(Predictor("NPTS", {"kernel_type": "uniform"}),))
    found = plan.Wishes(algorithms=("NPTS", "ETS")).apply(tuned)
    assert found.predictors == (Predictor("NPTS", {"kernel_type": "uniform"}, 2), Predictor("ETS", {}, 2))
    assert plan.Wishes(windows=1, algorithms=("ETS",)).apply(tuned).predictors == (Predictor("ETS"),)
    with pytest.raises(ContractError, match="NumberOfBacktestWindows 1 with 2 predictors; expected 2 at least"):
        plan.Wishes(windows=1, algorithms=("NPTS", "ETS")).apply(tuned)


def test_only_csv_files_under_a_forecasts_folder_are_uploads() -> None:
    assert starting.uploaded("input/tea/2024/may.csv") == "tea"
    for key in ("input/tea.csv", "input/Tea/x.csv", "input/tea/x.txt", "gold/tea/x.csv", "input/tea/a b.csv"):
        assert starting.uploaded(key) == ""


def test_a_run_waits_for_its_turn_for_a_day() -> None:
    starting.require_turn("tea", 86_399)
    with pytest.raises(ContractError, match="another run of tea is still at work after 25 hours; expected its end"):
        starting.require_turn("tea", 90_000)


def test_a_run_waits_for_the_driver_until_the_limit() -> None:
    assert starting.loading(None, 5, 10) == {"status": "WAITING"}
    assert starting.loading(None, 11, 10)["status"] == "REFUSED"
    assert starting.loading('{"fault": "no such column", "rows": {}}', 5, 10) == {
        "status": "REFUSED",
        "reason": "no such column",
    }
    assert starting.loading('{"fault": "", "rows": {"gold.sales_forecast": 7}}', 99, 10)["status"] == "LOADED"


def test_a_forecast_of_nothing_is_refused() -> None:
    starting.require_rows(REVENUE, 1)
    with pytest.raises(ContractError, match="no rows of revenue_by_country; expected some with net_revenue; look at g"):
        starting.require_rows(REVENUE, 0)


def test_a_horizon_is_at_most_a_third_of_the_history() -> None:
    weekly = dataclasses.replace(REVENUE, frequency="W", horizon=3)
    starting.require_history(weekly, "2024-01-01T00:00:00Z", "2024-02-26T00:00:00Z")
    with pytest.raises(ContractError, match=r"horizon 3 of revenue_by_country with a history of 8 periods; .* third"):
        starting.require_history(weekly, "2024-01-01", "2024-02-19")
    starting.require_history(weekly, "", "")
    auto = dataclasses.replace(weekly, predictors=(Predictor("auto"),))
    starting.require_history(auto, "2024-01-01", "2024-03-18")
    with pytest.raises(ContractError, match=r"with a history of 9 periods; expected at most a quarter of it, 2"):
        starting.require_history(auto, "2024-01-01", "2024-02-26")


def window(start: str | float | None, metrics: dict[str, Any]) -> dict[str, Any]:
    """A window of GetAccuracyMetrics; the summary without a start."""
    given = {"EvaluationType": "COMPUTED", "TestWindowStart": start} if start else {"EvaluationType": "SUMMARY"}
    return {**given, "Metrics": metrics}


def answer(*windows: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"TestWindows": list(windows)}]


def test_figures_are_read_in_the_words_of_the_api_and_of_step_functions() -> None:
    losses = [{"Quantile": 0.9, "LossValue": 0.3}]
    errors = {"ForecastType": "mean", "WAPE": 0.5, "RMSE": 2.0, "MASE": 1.5, "MAPE": 0.7}
    summary = {"ErrorMetrics": [errors], "AverageWeightedQuantileLoss": 0.4, "WeightedQuantileLosses": losses}
    expected = {"WAPE": 0.5, "RMSE": 2.0, "MASE": 1.5, "MAPE": 0.7, "AverageWeightedQuantileLoss": 0.4, "wQL[0.9]": 0.3}
    for metrics in (summary, summary | {"ErrorMetrics": [{key.capitalize(): value for key, value in errors.items()}]}):
        for start in ("2011-11-25T00:00:00Z", "2011-11-25T01:00:00+01:00", "2011-11-25T00:00:00", 1_322_179_200.0):
            found = accuracy.accuracy(answer(window(start, metrics | {"RMSE": 9.0}), window(None, metrics)))
            assert found.summary == expected
            assert found.windows == {"2011-11-25T00:00:00Z": expected}
    unknown = accuracy.accuracy(answer(window(None, {"RMSE": 2.0, "ErrorMetrics": [{"MAPE": math.nan}]})))
    assert unknown == accuracy.Accuracy({"RMSE": 2.0}, {})
    with pytest.raises(ContractError):
        accuracy.accuracy(answer(window("2011-11-25T00:00:00Z", {})))


def judged(*windows: dict[str, float]) -> accuracy.Accuracy:
    """A predictor by its WAPE in each window, by the window's start."""
    shown = ({start: {"WAPE": value} if value else {} for start, value in one.items()} for one in windows)
    return accuracy.Accuracy({"WAPE": 0.9}, {start: one for found in shown for start, one in found.items()})


def test_the_older_windows_choose_and_the_newest_tells_how_good_it_is() -> None:
    found = accuracy.judge([judged({"a": 0.1, "b": 0.5, "c": 0.2}), judged({"a": 0.3, "b": 0.2, "c": 0.7})], "WAPE")
    assert found == accuracy.Judgement(1, {"WAPE": 0.7}, "c", is_optimistic=False)
    # one of them has a window of its own, and one has no number where the choice is made
    found = accuracy.judge([judged({"a": 0.1, "b": 0.0, "c": 0.2}), judged({"b": 0.4, "c": 0.3, "d": 0.1})], "WAPE")
    assert found == accuracy.Judgement(1, {"WAPE": 0.3}, "c", is_optimistic=False)
    assert accuracy.judge([judged({"a": 0.4, "b": 0.1})] * 2, "WAPE").place == 0
    assert accuracy.judge([judged({"a": 0.4, "b": 0.1})] * 2, "MASE").place == 0


def test_a_predictor_alone_is_told_of_by_its_summary() -> None:
    assert accuracy.judge([judged({"a": 0.4, "b": 0.1})], "WAPE") == accuracy.Judgement(
        0, {"WAPE": 0.9}, "", is_optimistic=False
    )


def test_a_choice_on_the_only_common_window_is_told_as_such() -> None:
    found = accuracy.judge([judged({"b": 0.4}), judged({"a": 0.4, "b": 0.3})], "WAPE")
    assert found == accuracy.Judgement(1, {"WAPE": 0.3}, "b", is_optimistic=True)
    assert accuracy.judge([judged({}), judged({"a": 0.4})], "WAPE") == accuracy.Judgement(
        0, {"WAPE": 0.9}, "", is_optimistic=True
    )


def arn(*parts: str) -> str:
    return names.Place("eu-west-1", "000000000000").arn(*parts)


def test_resources_of_other_forecasts_are_never_ours() -> None:
    run = "a" * 14
    assert retention.owner(arn("forecast", f"tea_{run}")) == ("tea", run)
    assert retention.owner(arn("predictor", f"tea_{run}_2")) == ("tea", run)
    assert retention.owner(arn("dataset-import-job", "tea_abcde_target", f"run_{run}")) == ("tea", run)
    for other in (
        arn("forecast", "tea"),
        arn("forecast", f"Tea_{run}"),
        arn("predictor", f"tea_{run}"),
        arn("dataset-import-job", "tea_abcde_sales", f"run_{run}"),
        arn("forecast-export-job", f"tea_{run}", "x"),
    ):
        assert retention.owner(other) == ("", "")
    assert retention.owner(arn("forecast", f"tea_cup_{run}"))[0] == "tea_cup"
    assert retention.shared_owner(arn("dataset-group", "tea_cup_abcde")) == "tea_cup"
    assert retention.shared_owner(arn("dataset-group", "tea_cup")) == ""


def test_retention_counts_runs_and_days_and_keeps_the_newest() -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    runs = [letter * 14 for letter in "abcd"]
    found = [
        retention.Resource(arn(kind, f"tea_{run}"), run, now - timedelta(days=10 * age, seconds=-second))
        for age, run in enumerate(runs)
        for second, kind in enumerate(("predictor", "forecast"))
    ]

    def left(**changes: Any) -> set[str]:
        dropped = retention.surplus(found, dataclasses.replace(REVENUE, **changes), now=now, newest=(runs[0],))
        return {one.run for one in found if one.arn not in dropped}

    assert left(keep_runs=2) == set(runs[:2])
    assert left(keep_runs=4, keep_days=15) == set(runs[:2])
    assert left(keep_runs=1, keep_days=0) == {runs[0]}
    dropped = retention.surplus(found, dataclasses.replace(REVENUE, keep_runs=1), now=now, newest=(runs[3],))
    assert {one.run for one in found if one.arn not in dropped} == {runs[3]}
    assert dropped[0].split(":")[5] == f"forecast/tea_{runs[0]}"
    assert dropped[1].split(":")[5] == f"predictor/tea_{runs[0]}"
    dropped = retention.surplus(found, REVENUE, now=now, newest=(runs[1],), unwanted=runs[0])
    assert {one.run for one in found if one.arn in dropped} == {runs[0], runs[3]}, "this run's, beside what is not kept"


def test_young_predictors_of_the_same_definition_serve_once_more() -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    two = dataclasses.replace(REVENUE, retrain_days=7, predictors=(Predictor("NPTS"), Predictor("ETS")))
    whole, half, old, other = "xaaaa" + "a" * 9, "xaaaa" + "b" * 9, "xaaaa" + "c" * 9, "yaaaa" + "a" * 9
    ages = [(whole, 3), (whole, 3), (half, 1), (old, 8), (old, 8), (other, 0), (other, 0)]
    found = [retention.Resource(str(index), run, now - timedelta(days=age)) for index, (run, age) in enumerate(ages)]
    assert retention.serving(found, two, "xaaaa", now) == whole
    assert retention.serving(found, two, "zaaaa", now) == ""
    assert retention.serving(found, dataclasses.replace(two, retrain_days=0), "xaaaa", now) == ""


def test_seasonal_naive_is_that_of_a_slow_loop() -> None:
    rng = random.Random(3)
    start, season, horizon = datetime(2024, 3, 1), 7, 10
    history = {
        (item,): {start + timedelta(days=day): rng.random() for day in range(-20, horizon) if rng.random() < 0.9}
        for item in "ab"
    }
    points = [
        series.Point((item,), start + timedelta(days=step), {"p50": 0.0}, rng.random(), start)
        for item in "ab"
        for step in range(horizon)
    ]
    rng.shuffle(points)
    errors = whole = 0.0
    for point in points:
        at = point.at
        while at >= start:
            at -= timedelta(days=season)
        errors += abs(point.actual - history[point.series].get(at, 0.0))
        whole += abs(point.actual)
    assert series.naive_wape(points, history, season) == pytest.approx(errors / whole)


def test_exports_are_read_and_logarithms_undone() -> None:
    text = f"item_id,region,date,p10,p50\nUK,north,2024-05-01T00:00:00Z,,{math.log(11)}\n"
    (found,) = series.points(text, 1, is_log=True)
    assert found.series == ("UK", "north")
    assert found.at == datetime(2024, 5, 1)
    assert found.values["p50"] == pytest.approx(10)
    assert math.isnan(found.values["p10"])
    assert series.since([found], "2024-05-01T00:00:00Z") == []
    assert series.since([found], "") == [found]
    window = dataclasses.replace(found, window=datetime(2024, 5, 1))
    assert series.since([window], "2024-05-01T00:00:00Z") == [window]
    assert series.since([window], "2024-05-02T00:00:00Z") == []
    assert series.totals([found, found], "p50") == {datetime(2024, 5, 1): pytest.approx(20)}


@pytest.mark.parametrize("item", ["a\nb", "a\r\nb", "a\u2028b", "a\x85b", 'a "b", c'])
def test_an_item_of_an_export_may_hold_ends_of_lines(item: str) -> None:
    quoted = '"' + item.replace('"', '""') + '"'
    (found,) = series.points(f"item_id,date,p50\n{quoted},2024-05-01T00:00:00Z,1.0\n")
    assert (found.series, found.values) == ((item,), {"p50": 1.0})


def test_the_state_machines_file_is_the_code_s() -> None:
    assert machine.FILE.read_text(encoding="utf-8") == machine.document()


def states_of(found: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every state beside the states it may go to."""
    states = found["States"]
    pairs = [(state, states) for state in states.values()]
    for state in states.values():
        for inner in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            assert inner["StartAt"] in inner["States"]
            pairs += states_of(inner)
    return pairs


def test_every_state_leads_somewhere_and_every_call_is_retried_or_caught() -> None:
    found = machine.machine()
    assert found["StartAt"] in found["States"]
    pairs = states_of(found)
    assert len(pairs) > 60
    for state, states in pairs:
        after = [state["Next"]] if "Next" in state else []
        after += [one["Next"] for one in (*state.get("Choices", []), *state.get("Catch", []))]
        after += [state["Default"]] if "Default" in state else []
        assert set(after) <= states.keys()
        assert after or state.get("End") or state["Type"] in ("Fail", "Succeed")
        if "aws-sdk" in state.get("Resource", ""):
            assert "Forecast.LimitExceededException" in state["Retry"][0]["ErrorEquals"]
            assert state["Retry"][0]["MaxDelaySeconds"] <= 300
    for name, state in found["States"].items():
        if state["Type"] in ("Task", "Map", "Parallel"):
            caught = [name for one in state["Catch"] for name in one["ErrorEquals"]]
            assert "States.ALL" in caught, name


def test_nothing_but_the_known_substitutions_is_asked_for() -> None:
    assert set(re.findall(r"\$\{(\w+)\}", machine.document())) == {
        "Bucket", "DatabasePrefix", "ForecastRole", "LoadSeconds", "PollSeconds", "StepsArn", "StepsFunction", "Topic",
    }  # fmt: skip
