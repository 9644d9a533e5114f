"""The forecasts on the gateway as it is: Athena, the models and the command, over a small lake."""

import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecasting.pipeline import series
from infra.__main__ import main
from infra.commands import forecast as command
from lakehouse import runs
from lakehouse.settings import Settings, environment
from tests.stack import forecast_lake
from tests.stack.conftest import client

pytestmark = pytest.mark.stack

ROWS = "{table: gold.daily_sales, item: country, time: sales_date, target: net_revenue, predictors: [NPTS], horizon: 7"
FILE = f"""\
plain: {ROWS}, quantiles: [0.1, 0.5, mean]}}
logs: {ROWS}, log: true}}
longest: {ROWS.replace("horizon: 7", "horizon: 60")}}}
nothing: {ROWS}, query: "SELECT * FROM daily_sales WHERE country = 'Nowhere'"}}
weekly:
  table: gold.daily_sales
  query: SELECT sales_date, country, 'shop' AS channel, net_revenue, units_sold FROM daily_sales
  item: country
  dimensions: [channel]
  time: sales_date
  target: net_revenue
  frequency: W
  horizon: 2
  predictors: [NPTS]
  log: true
  metadata:
    table: gold.daily_sales
    query: SELECT country, upper(country) AS country_name FROM daily_sales
    item: country
    columns: [country_name]
"""


@pytest.fixture
def lake(gateway: Settings, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    path = tmp_path / "forecasts.yaml"
    path.write_text(FILE, encoding="utf-8")
    settings = forecast_lake.in_bucket(gateway, bucket, forecasts=str(path))
    forecast_lake.small(settings)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    yield settings
    for name in ("plain", "logs", "longest", "nothing", "weekly"):
        main(["forecast-clean", name])


def objects(s3: Any, bucket: str, prefix: str) -> list[str]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return [s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode() for one in found]


def test_forecasts_end_as_files_with_every_point_and_a_table_of_accuracy(
    lake: Settings, s3: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", "plain", "logs", "weekly"]) == 0
    out = capsys.readouterr().out
    assert {"seasonal", "naive", "better"} <= set(out.split())
    assert "from 2024-03-31 to 2024-04-06" in out
    found = {}
    for name in ("plain", "logs", "weekly"):
        (text,) = objects(s3, lake.bucket, f"{runs.RUNS}{name}/")
        found[name] = runs.Run.from_json(text)
    points = {
        name: [
            point
            for text in objects(s3, lake.bucket, run.exports)
            for point in series.points(text, len(run.dimensions), is_log=run.is_log)
        ]
        for name, run in found.items()
    }
    # Two countries, seven days; two weeks where it is by week.
    assert {name: len(rows) for name, rows in points.items()} == {"plain": 14, "logs": 14, "weekly": 4}
    assert {point.series for point in points["weekly"]} == {("France", "shop"), ("United Kingdom", "shop")}
    assert set(points["plain"][0].values) == {"p10", "p50", "mean"}
    (rows,) = (list(csv.DictReader(text.splitlines())) for text in objects(s3, lake.bucket, found["plain"].exports))
    assert set(rows[0]) == {"item_id", "date", "p10", "p50", "mean"}
    # The United Kingdom sells for 200 to 450 a day, seven times that a week; values are as they were, logarithm or not.
    for name, low, high in (("plain", 190, 460), ("logs", 190, 460), ("weekly", 1400, 3200)):
        values = [point.values["p50"] for point in points[name] if point.series[0] == "United Kingdom"]
        assert all(low < value < high for value in values), (name, values)
    backtests = objects(s3, lake.bucket, f"{found['plain'].backtests}forecasted-values/")
    assert sum(len(series.points(text)) for text in backtests) == 14
    assert found["plain"].metrics["WAPE"] < 0.3
    assert main(["forecast", "plain"]) == 0
    assert "plain: nothing new since run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("longest", "horizon 60 of longest with a history of 90 periods; expected at most a third of it, 30"),
        ("nothing", "run_"),
    ],
)
def test_a_run_that_cannot_be_is_a_line(
    lake: Settings, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    assert main(["forecast", name]) == 1
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error: ")]
    assert line.startswith(f"error: {name}: ")
    assert words in line


def test_clean_deletes_this_forecasts_resources_alone(lake: Settings) -> None:
    assert main(["forecast", "plain", "logs"]) == 0

    forecast = client(lake, "forecast")
    assert main(["forecast-clean", "plain"]) == 0
    left = [one["PredictorName"] for one in forecast.list_predictors()["Predictors"]]
    assert [name for name in left if name.startswith("logs_")]
    assert not [name for name in left if name.startswith("plain_")]
    assert command._clean(forecast, "plain") == []


def test_without_data_there_is_one_line(
    lake: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECASTS", "")
    monkeypatch.setenv("DATABASE_PREFIX", dataclasses.replace(lake).database_prefix)
    assert main(["forecast", "units_of_top_products"]) == 1
    assert "gold.daily_product_sales has no data" in capsys.readouterr().err
