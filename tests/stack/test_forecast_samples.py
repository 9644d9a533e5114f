"""The public samples of Amazon Forecast through the gateway as their notebooks run them, by boto3 and real jobs."""

import csv
import lzma
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.stack.forecast_program import LEVELS, Program, Row, served

pytestmark = pytest.mark.stack

SAMPLES = Path(__file__).parents[1] / "data" / "aws_forecast_samples"
TTS, RTS = "TARGET_TIME_SERIES", "RELATED_TIME_SERIES"
QUOTAS = "imports_at_once=9,auto_predictors_at_once=9"
FILLED = {"middlefill": "median", "backfill": "median", "futurefill": "median"}


def sample(name: str) -> list[list[str]]:
    """The cells of a sample file, its header among them if it has one."""
    with lzma.open(SAMPLES / f"{name}.csv.xz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


# By group: its domain, and of its data sets the kind, the columns and the rows.
DataSets = dict[str, tuple[str, list[tuple[str, dict[str, str], list[list[str]]]]]]
WEATHER = ("workingday", "weather", "temperature", "humidity", "windspeed")  # `temp` is a reserved name
BIKE = (
    "timestamp", "season", "holiday", "workingday", "weather", "temperature", "atemp", "humidity", "windspeed",
    "casual", "registered", "count", "item_id",
)  # fmt: skip
STORES = {"item_id": "string", "store_id": "string", "timestamp": "timestamp"}
GIVEN = {"consumer_electronics": {"Domain": "RETAIL", "TimestampFormat": "yyyy-MM-dd", "DataFrequency": "M"}}
ITEMS = 6  # of the twenty: each has models of its own, which take most of the time


def some_demand() -> list[list[str]]:
    """The first items of a sample, with its header."""
    head, *rows = sample("sample_demand")
    items = sorted({item for _, item, _ in rows})[:ITEMS]
    return [head, *(row for row in rows if row[1] in items)]


def data_sets() -> DataSets:
    """What the samples' notebooks import; of the bikes, the target lacks the last day."""
    bike = [dict(zip(BIKE, row, strict=True)) for row in sample("bike")]
    target = {"item_id": "string", "timestamp": "timestamp", "target_value": "float"}
    related = {"item_id": "string", "timestamp": "timestamp", **dict.fromkeys(WEATHER, "float")}
    return {
        "item_demand": (
            "CUSTOM",
            [
                (
                    TTS,
                    {"timestamp": "timestamp", "target_value": "float", "item_id": "string"},
                    sample("item-demand-time"),
                )
            ],
        ),
        "consumer_electronics": (
            "RETAIL",
            [
                (TTS, {**STORES, "demand": "float"}, sample("consumer_electronics_TTS")),
                (RTS, {**STORES, "price": "float"}, sample("consumer_electronics_RTS")),
            ],
        ),
        "bike": (
            "CUSTOM",
            [
                (TTS, target, [[row["item_id"], row["timestamp"], row["count"]] for row in bike[:-24]]),
                (RTS, related, [[row[column] for column in related] for row in bike]),
            ],
        ),
        "rolled_up": (
            "CUSTOM",
            [(TTS, {"timestamp": "timestamp", "item_id": "string", "target_value": "float"}, some_demand())],
        ),
    }


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with served(tmp_path_factory.mktemp("samples"), forecast_quotas=QUOTAS) as program:
        yield program


@pytest.fixture(scope="module")
def groups(program: Program) -> dict[str, str]:
    """The samples' groups by name, imported side by side."""
    found, jobs = {}, []
    for name, (domain, tables) in data_sets().items():
        given = GIVEN.get(name, {"DataFrequency": "H"})
        begun = [
            program.begun(f"{name}_{kind.lower()}", kind, columns, rows, **given) for kind, columns, rows in tables
        ]
        jobs += [job for _, job in begun]
        found[name] = program.group(name, *(arn for arn, _ in begun), domain=domain)
    for job in jobs:
        program.done(program.forecast.describe_dataset_import_job, DatasetImportJobArn=job)
    return found


def attribute_configs(*names: str) -> dict[str, Any]:
    return {"AttributeConfigs": [{"AttributeName": name, "Transformations": FILLED} for name in names]}


@pytest.fixture(scope="module")
def predictors(program: Program, groups: dict[str, str]) -> dict[str, str]:
    """The samples' predictors, asked for at once: every core trains one, while tests look at those that are done."""
    algorithm = "arn:aws:forecast:::algorithm/NPTS"
    windows = {"NumberOfBacktestWindows": 2, "BackTestWindowOffset": 24}
    alone = {"AlgorithmArn": algorithm, "EvaluationParameters": windows}
    return {
        "npts": program.predictor("npts", groups["item_demand"], "H", 24, **alone),
        "item_demand": program.auto_predictor("item_demand", groups["item_demand"], "H", 24),
        "consumer_electronics": program.auto_predictor(
            "consumer_electronics",
            groups["consumer_electronics"],
            "M",
            3,
            ForecastDimensions=["store_id"],
            DataConfig=attribute_configs("price"),
        ),
        "bike": program.auto_predictor("bike", groups["bike"], "H", 24, DataConfig=attribute_configs(*WEATHER)),
        "rolled_up": program.auto_predictor(
            "rolled_up", groups["rolled_up"], "2D", 7, TimeAlignmentBoundary={"Hour": 6}
        ),
    }


def average_wql(rows: list[Row]) -> float:
    """Average wQL of a window from its exported values, by the formula, one value after the other."""
    losses = []
    for level in LEVELS:
        tau, name = float(level), f"p{float(level) * 100:g}"
        pairs = [(float(row["target_value"]), float(row[name])) for row in rows if row["target_value"]]
        pinball = sum(max(tau * (y - q), (tau - 1) * (y - q)) for y, q in pairs)
        losses.append(2 * pinball / sum(abs(y) for y, _ in pairs))
    return sum(losses) / len(losses)


def seasonal_naive_wql(series: dict[str, dict[str, float]], rows: list[Row], season: int) -> float:
    """The same of a forecast that repeats the last season before the window, every quantile alike."""
    start = min(row["timestamp"] for row in rows)
    error = total = 0.0
    for item, values in series.items():
        before = [values[time] for time in sorted(values) if time < start][-season:]
        due = sorted(row["timestamp"] for row in rows if row["item_id"] == item)
        for number, time in enumerate(due):
            error += abs(values[time] - before[number % season])
            total += abs(values[time])
    return error / total


class TestItemDemand:
    """Getting started: electricity by the hour of three clients."""

    def test_a_predictor_of_one_algorithm_and_what_is_exported_of_it(
        self, program: Program, predictors: dict[str, str]
    ) -> None:
        predictor = predictors["npts"]
        [told] = program.forecast.get_accuracy_metrics(PredictorArn=predictor)["PredictorEvaluationResults"]
        assert told["AlgorithmArn"] == "arn:aws:forecast:::algorithm/NPTS"
        assert [one["EvaluationType"] for one in told["TestWindows"]] == ["SUMMARY", "COMPUTED", "COMPUTED"]
        values, accuracies = program.backtest("item_demand_backtest", predictor)
        for window in told["TestWindows"][1:]:
            assert window["TestWindowEnd"] - window["TestWindowStart"] == timedelta(hours=24)
            assert [one["Quantile"] for one in window["Metrics"]["WeightedQuantileLosses"]] == [0.9, 0.5, 0.1]
            [errors] = window["Metrics"]["ErrorMetrics"]
            assert set(errors) == {"ForecastType", "WAPE", "RMSE", "MASE", "MAPE"}
            assert errors["ForecastType"] == "mean"
            start = f"{window['TestWindowStart'].astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
            rows = [row for row in values if row["backtestwindow_start_time"] == start]
            assert len(rows) == 3 * 24
            assert window["Metrics"]["AverageWeightedQuantileLoss"] == pytest.approx(average_wql(rows))
        real = sample("bike_backtest_accuracies")[0]
        same = [name for name in real if not name.startswith("wQL")]
        assert [name for name in accuracies[0] if name in same] == same
        assert {row["backtest_window"] for row in accuracies} == {"Computed", "Summary"}
        assert len(accuracies) == 3 * 3

    def test_the_automatic_predictor_is_better_than_repeating_the_last_week(
        self, program: Program, predictors: dict[str, str]
    ) -> None:
        predictor = program.trained(predictors["item_demand"])
        values, _ = program.backtest("item_demand_auto_backtest", predictor)
        series: dict[str, dict[str, float]] = {}
        for time, value, item in sample("item-demand-time"):
            series.setdefault(item, {})[time.replace(" ", "T")] = float(value)
        for start in {row["backtestwindow_start_time"] for row in values}:
            rows = [row for row in values if row["backtestwindow_start_time"] == start]
            assert average_wql(rows) < seasonal_naive_wql(series, rows, 168)

        forecast = program.forecast_of("item_demand", predictor)
        exported = program.exported("item_demand", forecast)
        assert list(exported[0]) == ["item_id", "date", "p10", "p50", "p90", "mean"]
        assert len(exported) == 3 * 24
        assert min(row["date"] for row in exported) == "2014-11-30T00:00:00Z"
        asked = program.query.query_forecast(ForecastArn=forecast, Filters={"item_id": "client_12"})["Forecast"]
        rows = sorted((row for row in exported if row["item_id"] == "client_12"), key=lambda row: row["date"])
        for name in ("p10", "p50", "p90", "mean"):
            told = [(f"{one['Timestamp']}Z", one["Value"]) for one in asked["Predictions"][name]]
            assert told == [(row["date"], pytest.approx(float(row[name]))) for row in rows]
        with pytest.raises(program.query.exceptions.ResourceNotFoundException):
            program.query.query_forecast(ForecastArn=forecast, Filters={"item_id": "client_'; --"})


class TestConsumerElectronics:
    """What-if analysis: demand by item and store with prices that are known ahead, by the month."""

    @pytest.fixture(scope="class")
    @classmethod
    def forecast(cls, program: Program, predictors: dict[str, str]) -> str:
        return program.forecast_of("consumer_electronics", program.trained(predictors["consumer_electronics"]))

    def test_each_item_is_forecast_in_each_store(self, program: Program, forecast: str) -> None:
        exported = program.exported("consumer_electronics", forecast)
        assert list(exported[0]) == ["item_id", "store_id", "date", "p10", "p50", "p90", "mean"]
        series = {(row[0], row[1]) for row in sample("consumer_electronics_TTS")[1:]}
        assert {(row["item_id"], row["store_id"]) for row in exported} == series
        assert {row["date"] for row in exported} == {f"2019-{month}-01T00:00:00Z" for month in (10, 11, 12)}
        assert all(float(row["p10"]) <= float(row["p50"]) <= float(row["p90"]) for row in exported)

    def test_a_lower_price_sells_more_and_only_of_the_series_that_were_chosen(
        self, program: Program, forecast: str
    ) -> None:
        chosen = [["item_001", "store_001"], ["item_002", "store_002"], ["nobody", "nowhere"]]
        program.put("in/chosen.csv", chosen)
        keys = [{"AttributeName": name, "AttributeType": "string"} for name in ("item_id", "store_id")]
        selector = {
            "TimeSeriesIdentifiers": {
                "DataSource": program.place("in/chosen.csv"), "Schema": {"Attributes": keys}, "Format": "CSV",
            }
        }  # fmt: skip
        analysis = program.forecast.create_what_if_analysis(
            WhatIfAnalysisName="prices", ForecastArn=forecast, TimeSeriesSelector=selector
        )["WhatIfAnalysisArn"]
        program.done(program.forecast.describe_what_if_analysis, WhatIfAnalysisArn=analysis)
        arns = []
        for name, operation, value in (("halved", "DIVIDE", 2.0), ("doubled", "MULTIPLY", 2.0), ("same", "ADD", 0.0)):
            action = {"AttributeName": "price", "Operation": operation, "Value": value}
            after = {"AttributeName": "timestamp", "AttributeValue": "2019-09-15 00:00:00", "Condition": "GREATER_THAN"}
            arn = program.forecast.create_what_if_forecast(
                WhatIfForecastName=name,
                WhatIfAnalysisArn=analysis,
                TimeSeriesTransformations=[{"Action": action, "TimeSeriesConditions": [after]}],
            )["WhatIfForecastArn"]
            arns.append(arn)
        for arn in arns:
            program.done(program.forecast.describe_what_if_forecast, WhatIfForecastArn=arn)
        export = program.forecast.create_what_if_forecast_export(
            WhatIfForecastExportName="prices", WhatIfForecastArns=arns, Destination=program.place("out/prices")
        )["WhatIfForecastExportArn"]
        program.done(program.forecast.describe_what_if_forecast_export, WhatIfForecastExportArn=export)
        rows = [row for found in program.files("out/prices/").values() for row in found]
        assert {(row["item_id"], row["store_id"]) for row in rows} == {
            ("item_001", "store_001"),
            ("item_002", "store_002"),
        }
        assert list(rows[0])[:4] == ["date", "item_id", "store_id", "Baseline_p10"]
        assert all(float(row["same_p50"]) == pytest.approx(float(row["Baseline_p50"])) for row in rows)
        assert sum(float(row["halved_mean"]) for row in rows) > sum(float(row["doubled_mean"]) for row in rows)
        told = program.query.query_what_if_forecast(
            WhatIfForecastArn=arns[0], Filters={"item_id": "item_001", "store_id": "store_001"}
        )
        assert len(told["Forecast"]["Predictions"]["p50"]) == 3


class TestBike:
    """Bikes by the hour with the weather; of each month the last third is missing."""

    def test_weather_that_is_known_ahead(self, program: Program, predictors: dict[str, str]) -> None:
        exported = program.exported("bike", program.forecast_of("bike", program.trained(predictors["bike"])))
        assert [row["date"] for row in sorted(exported, key=lambda row: row["date"])] == [
            f"2012-12-19T{hour:02}:00:00Z" for hour in range(24)
        ]
        actual = {row[0].replace(" ", "T") + "Z": float(row[-2]) for row in sample("bike")[-24:]}
        error = sum(abs(actual[row["date"]] - float(row["p50"])) for row in exported)
        assert error / sum(actual.values()) < 0.5


def test_finer_data_are_rolled_up_to_a_frequency_of_ones_own(program: Program, predictors: dict[str, str]) -> None:
    rows = some_demand()
    predictor = program.trained(predictors["rolled_up"])
    exported = program.exported("rolled_up", program.forecast_of("rolled_up", predictor))
    assert {row["item_id"] for row in exported} == {row[1] for row in rows[1:]}
    assert len({row["item_id"] for row in exported}) == ITEMS
    times = sorted({row["date"] for row in exported})
    assert len(times) == 7
    assert all(time.endswith("T06:00:00Z") for time in times)
    values, _ = program.backtest("rolled_up", predictor)
    [first] = {row["timestamp"] for row in values if row["timestamp"] == min(one["timestamp"] for one in values)}
    some = next(row for row in values if row["timestamp"] == first)
    end = times[0].removesuffix("Z")
    inside = [
        float(value)
        for time, item, value in rows[1:]
        if item == some["item_id"] and first <= time.replace(" ", "T") < _two_days_later(first)
    ]
    assert float(some["target_value"]) == pytest.approx(sum(inside))
    assert first < end


def _two_days_later(time: str) -> str:
    return (datetime.fromisoformat(time) + timedelta(days=2)).isoformat()
