"""Real jobs behind real requests, in this process: what an answer promises is what the models and files hold."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from forecasting.engine import contenders
from forecasting.engine.models import boosted
from forecasting.service.rules.algorithms import PREFIX
from forecasting.work import aws
from tests.unit.forecast_work import Work, place
from tests.unit.memory_s3 import MemoryS3

pytestmark = pytest.mark.unit

TARGET = {"item_id": "string", "timestamp": "timestamp", "target_value": "float"}
RELATED = {"item_id": "string", "timestamp": "timestamp", "price": "float"}
METADATA = {"item_id": "string", "category": "string"}
ITEMS = ("tea", "cake")
DAYS = [date(2024, 1, 1) + timedelta(days=number) for number in range(91)]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    s3 = MemoryS3()
    monkeypatch.setattr(aws, "s3", lambda: s3)
    monkeypatch.setattr(boosted, "TREES", 20)
    monkeypatch.setattr(contenders, "FEW_SERIES", 0)  # no models of each series' own: they take most of the time
    monkeypatch.setattr(contenders, "VERY_FEW_SERIES", 0)
    found = Work(tmp_path, s3)
    yield found
    found.service.stop()


def price(day: date) -> float:
    """One or two, without a season."""
    return 2.0 if day.toordinal() ** 3 % 11 < 4 else 1.0


def sold(item: str, days: list[date]) -> list[list[Any]]:
    """A tenth on the days of the high price."""
    return [[item, day, (100 + day.weekday()) * (0.1 if price(day) > 1 else 1)] for day in days]


def target_rows() -> list[list[Any]]:
    return [row for item in ITEMS for row in sold(item, DAYS[:84])]


@pytest.fixture
def group(work: Work) -> str:
    """Two items, 84 days of sales, prices for another week."""
    return work.group_of(
        work.data("target", "TARGET_TIME_SERIES", TARGET, target_rows()),
        work.data(
            "related", "RELATED_TIME_SERIES", RELATED, [[item, day, price(day)] for item in ITEMS for day in DAYS]
        ),
        work.data("metadata", "ITEM_METADATA", METADATA, [["cake", "sweet"], ["tea", "hot"]]),
    )


def backtested(work: Work, predictor: str, name: str) -> dict[tuple[str, str], dict[str, str]]:
    """What was forecast for each item and day of the windows that were held out, without what came."""
    given = {"PredictorBacktestExportJobName": name, "PredictorArn": predictor, "Destination": place(name)}
    work.active(work("CreatePredictorBacktestExportJob", **given)["PredictorBacktestExportJobArn"])
    rows = work.rows(f"{name}/forecasted-values/")
    return {(row["item_id"], row["timestamp"]): {key: row[key] for key in row if key != "target_value"} for row in rows}


@pytest.mark.parametrize("algorithm", [None, "NPTS", "CNN-QR"])
def test_noise_in_the_newest_week_changes_no_forecast_of_it(work: Work, group: str, algorithm: str | None) -> None:
    """From the file to the export: nothing that is aggregated, filled, chosen or scaled knows what came."""

    def trained(name: str) -> dict[tuple[str, str], dict[str, str]]:
        if algorithm is None:
            made = work.auto_predictor(group, name, ForecastHorizon=7)
        else:
            made = work.predictor(group, name, AlgorithmArn=f"{PREFIX}{algorithm}", ForecastHorizon=7)
        return backtested(work, work.active(made), f"of_{name}")

    before = trained("before")
    noise = random.Random(1)
    rows = [[item, day, noise.uniform(-1e6, 1e6) if day >= DAYS[77] else value] for item, day, value in target_rows()]
    work.imported("target", rows)
    after = trained("after")
    assert {item for item, _ in before} == set(ITEMS)
    assert len(before) == 2 * 7 * (2 if algorithm is None else 1)
    assert after == before


def test_a_what_if_changes_the_items_that_their_metadata_choose(work: Work, group: str) -> None:
    predictor = work.active(work.auto_predictor(group, ForecastHorizon=7))
    forecast = work.active(work.forecast(predictor))
    analysis = work.active(
        work("CreateWhatIfAnalysis", WhatIfAnalysisName="a", ForecastArn=forecast)["WhatIfAnalysisArn"]
    )
    hot = {"AttributeName": "category", "Condition": "EQUALS", "AttributeValue": "hot"}
    ahead = {"AttributeName": "timestamp", "Condition": "GREATER_THAN", "AttributeValue": f"{DAYS[83]}"}
    dearer = {"AttributeName": "price", "Operation": "MULTIPLY", "Value": 2.0}
    made = work(
        "CreateWhatIfForecast",
        WhatIfForecastName="dear",
        WhatIfAnalysisArn=analysis,
        TimeSeriesTransformations=[{"Action": dearer, "TimeSeriesConditions": [hot, ahead]}],
    )["WhatIfForecastArn"]
    export = {"WhatIfForecastExportName": "e", "WhatIfForecastArns": [work.active(made)], "Destination": place("out")}
    work.active(work("CreateWhatIfForecastExport", **export)["WhatIfForecastExportArn"])
    rows = work.rows("out/")
    assert list(rows[0])[:2] == ["date", "item_id"]
    assert len(rows) == 14
    same = {row["item_id"] for row in rows if row["dear_p50"] == row["Baseline_p50"]}
    assert same >= {"cake"}
    assert any(row["dear_p50"] != row["Baseline_p50"] for row in rows if row["item_id"] == "tea")


def test_a_predictor_forecasts_on_from_an_increment(work: Work) -> None:
    """Without training anew: three more days, and another value of the last one that was there."""
    group = work.group_of(work.data("target", "TARGET_TIME_SERIES", TARGET, sold("tea", DAYS[:84])))
    predictor = work.active(work.predictor(group, ForecastHorizon=7))
    work.imported("target", [["tea", DAYS[83], 7_000], *sold("tea", DAYS[84:87])], ImportMode="INCREMENTAL")
    forecast = work.active(work.forecast(predictor, ForecastTypes=["0.99", "mean"]))
    export = {"ForecastExportJobName": "e", "ForecastArn": forecast, "Destination": place("out")}
    work.active(work("CreateForecastExportJob", **export)["ForecastExportJobArn"])
    rows = {row["date"]: row for row in work.rows("out/")}
    assert list(rows) == [f"{DAYS[86] + timedelta(days=ahead)}T00:00:00Z" for ahead in range(1, 8)]
    assert list(rows[f"{DAYS[90]}T00:00:00Z"]) == ["item_id", "date", "p99", "mean"]
    assert rows[f"{DAYS[90]}T00:00:00Z"]["p99"] == "7000.0"  # of the weekday whose last value was replaced


def test_related_series_that_end_within_the_horizon_are_named(work: Work, group: str) -> None:
    found = work.done(work.auto_predictor(group, ForecastHorizon=8))
    assert found["Status"] == "CREATE_FAILED"
    assert "price of item_id=cake has no value for some period inside the forecast horizon" in found["Message"]


def test_a_horizon_is_a_quarter_of_the_data_and_a_third_for_a_predictor_made_of_another(work: Work) -> None:
    group = work.group_of(work.data("target", "TARGET_TIME_SERIES", TARGET, sold("tea", DAYS[:84])))
    too_far = work.done(work.auto_predictor(group, "far", ForecastHorizon=22))
    assert too_far["Status"] == "CREATE_FAILED"
    assert too_far["Message"].startswith("a forecast horizon of 22 with 84 periods of data; expected at most 21")
    for name, horizon, expected in (("legacy", 28, ""), ("far_legacy", 29, "a forecast horizon of 29 with 84 periods")):
        legacy = work.active(work.predictor(group, f"{name}_npts", ForecastHorizon=horizon))
        made = work("CreateAutoPredictor", PredictorName=name, ReferencePredictorArn=legacy)["PredictorArn"]
        assert work.done(made)["Message"].partition(" of data;")[0] == expected


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([["a", "2024-01-01", "1"]], "a forecast horizon of 7 with 1 periods of data"),
        ([["a", day, ""] for day in DAYS[:30]], "the target time series has no value"),
        ([["a", "2024-01-01", "1"], ["a", "9999-12-31", "1"]], "look for a wrong year among the timestamps"),
    ],
)
def test_data_that_nothing_can_be_learned_from_fail_the_predictor(work: Work, rows: list[list[Any]], told: str) -> None:
    group = work.group_of(work.data("target", "TARGET_TIME_SERIES", TARGET, rows))
    found = work.done(work.predictor(group, ForecastHorizon=7))
    assert found["Status"] == "CREATE_FAILED"
    assert told in found["Message"]


@pytest.mark.parametrize(
    ("algorithm", "parameters"),
    [
        ("NPTS", {"kernel_type": "UNIFORM", "context_length": "60.0", "use_seasonal_model": "True"}),
        ("CNN-QR", {"context_length": "6e1", "use_related_data": "none", "use_item_metadata": "all"}),
        ("Deep_AR_Plus", {"context_length": "60.0", "likelihood": "student-t", "prediction_length": "7"}),
    ],
)
def test_what_is_taken_as_a_training_parameter_is_understood(
    work: Work, algorithm: str, parameters: dict[str, str]
) -> None:
    """The request's rule and the model read a number, and capitals, alike."""
    group = work.group_of(work.data("target", "TARGET_TIME_SERIES", TARGET, target_rows()))
    given = {"AlgorithmArn": f"{PREFIX}{algorithm}", "TrainingParameters": parameters, "ForecastHorizon": 7}
    work.active(work.predictor(group, **given))


@pytest.mark.parametrize("algorithm", [None, "CNN-QR", "AUTOML"])
def test_the_mean_alone_is_forecast_of_an_item_without_a_history_too(work: Work, algorithm: str | None) -> None:
    group = work.group_of(
        work.data("target", "TARGET_TIME_SERIES", TARGET, target_rows()),
        work.data("metadata", "ITEM_METADATA", METADATA, [["cake", "sweet"], ["tea", "hot"], ["pie", "sweet"]]),
    )
    given: dict[str, Any] = {"ForecastHorizon": 7, "ForecastTypes": ["mean"]}
    if algorithm is None:
        made = work.auto_predictor(group, **given)
    else:
        single = {"AlgorithmArn": f"{PREFIX}{algorithm}"}
        made = work.predictor(
            group, **given, **({"AlgorithmArn": None, "PerformAutoML": True} if algorithm == "AUTOML" else single)
        )
    assert set(backtested(work, work.active(made), "tests")) >= {("cake", f"{DAYS[83]}T00:00:00")}
    forecast = work.active(work.forecast(made))
    export = {"ForecastExportJobName": "e", "ForecastArn": forecast, "Destination": place("out")}
    work.active(work("CreateForecastExportJob", **export)["ForecastExportJobArn"])
    rows = work.rows("out/")
    assert list(rows[0]) == ["item_id", "date", "mean"]
    means = {item: [row["mean"] for row in rows if row["item_id"] == item] for item in ("cake", "pie")}
    assert means["pie"] == means["cake"]  # the only one of its category
    assert len(means["pie"]) == 7
