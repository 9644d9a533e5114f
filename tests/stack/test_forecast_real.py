"""The forecasts on the gateway as it is: Athena, the models and the command, over a small lake."""

import csv
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecasting.definitions import reading
from forecasting.pipeline import series, sql
from infra.__main__ import main
from infra.aws.athena import Athena
from infra.commands import forecast as command
from infra.local.gateway import ensure_bucket
from lakehouse import runs
from lakehouse.settings import Settings, environment
from tests.stack import forecast_lake
from tests.stack.conftest import client

pytestmark = pytest.mark.stack

ROWS = "{table: gold.daily_sales, item: country, time: sales_date, target: net_revenue, predictors: [NPTS], horizon: 7"
FILE = f"""\
plain: {ROWS}, quantiles: [0.1, 0.5, mean]}}
logs: {ROWS}, log: true}}
chosen:
  {{table: gold.daily_sales, item: country, time: sales_date, target: net_revenue, horizon: 7, holidays: UK,
    predictors: [{{algorithm: NPTS, hyperparameters: {{kernel_type: uniform}}, windows: 3}}, ETS],
    items: {{top: 1, by: net_revenue}}, related: {{table: gold.daily_sales, columns: [units_sold]}},
    filling: {{middlefill: mean, backfill: zero}}}}
halves:
  table: gold.daily_sales
  query: |
    SELECT country, date_add('minute', n, CAST(sales_date AS timestamp)) AS at, net_revenue / 2 AS net_revenue
    FROM daily_sales CROSS JOIN UNNEST(ARRAY[370, 380]) AS minutes (n)
  item: country
  time: at
  target: net_revenue
  frequency: 30min
  horizon: 48
  log: true
  predictors: [NPTS]
monthly: {ROWS.replace("horizon: 7", "horizon: 1")}, frequency: M}}
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

NAMES = ("plain", "logs", "chosen", "halves", "monthly", "weekly")


@pytest.fixture(scope="module")
def lake(gateway: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One lake for all of these tests: what one has made is there for the next, or is made anew."""
    path = tmp_path_factory.mktemp("real") / "forecasts.yaml"
    path.write_text(FILE, encoding="utf-8")
    settings = forecast_lake.in_bucket(gateway, "forecastsreal", forecasts=str(path))
    ensure_bucket(settings)
    forecast_lake.small(settings)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(settings).items():
            patch.setenv(name, value)
        yield settings
        for name in (*NAMES, "longest", "nothing"):
            main(["forecast-clean", name])


def objects(s3: Any, bucket: str, prefix: str) -> list[str]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return [s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode() for one in found]


def test_forecasts_end_as_files_with_every_point_and_a_table_of_accuracy(
    lake: Settings, s3: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", *NAMES]) == 0
    out = capsys.readouterr().out
    assert {"seasonal", "naive", "better"} <= set(out.split())
    assert "from 2024-03-31 to 2024-04-06" in out
    found = {}
    for name in NAMES:
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
    # Two countries, seven days; two weeks, a month and a day's half hours where it is by those; one country of one.
    counts = {"plain": 14, "logs": 14, "chosen": 7, "halves": 96, "monthly": 2, "weekly": 4}
    assert {name: len(rows) for name, rows in points.items()} == counts
    assert {point.at.isoformat() for point in points["monthly"]} == {"2024-04-01T00:00:00"}
    assert points["chosen"][0].series == ("United Kingdom",)
    assert found["chosen"].reported_from == "2024-03-24T00:00:00Z"
    held = {name: run.source_table for name, run in found.items()}
    assert held == dict.fromkeys(("plain", "logs", "chosen", "monthly"), "gold.daily_sales") | {
        "halves": "",
        "weekly": "",
    }
    assert {point.series for point in points["weekly"]} == {("France", "shop"), ("United Kingdom", "shop")}
    assert set(points["plain"][0].values) == {"p10", "p50", "mean"}
    (rows,) = (list(csv.DictReader(text.splitlines())) for text in objects(s3, lake.bucket, found["plain"].exports))
    assert set(rows[0]) == {"item_id", "date", "p10", "p50", "mean"}
    # The United Kingdom sells for 200 to 450 a day, seven times that a week; values are as they were, logarithm or not.
    for name, low, high in (
        ("plain", 190, 460),
        ("chosen", 190, 460),
        ("monthly", 6_000, 12_000),
        ("logs", 190, 460),
        ("weekly", 1400, 3200),
    ):
        values = [point.values["p50"] for point in points[name] if point.series[0] == "United Kingdom"]
        assert all(low < value < high for value in values), (name, values)
    backtests = objects(s3, lake.bucket, f"{found['plain'].backtests}forecasted-values/")
    assert sum(len(series.points(text)) for text in backtests) == 14
    assert found["plain"].metrics["WAPE"] < 0.3
    assert main(["forecast", "plain"]) == 0
    assert "plain: nothing new since run" in capsys.readouterr().out


def test_the_logarithm_is_of_a_half_hours_sum(lake: Settings) -> None:
    definition = reading.load(Path(lake.forecasts))["halves"]
    rows = sorted(Athena(lake).ask(sql.target(definition, lake.database_prefix)).rows)
    assert len(rows) == 2 * 90
    item, moment, value = rows[0]
    assert (item, moment) == ("France", "2024-01-01 06:00:00")
    assert float(value or "nan") == pytest.approx(math.log1p(100.0))  # twice 50, at 6:10 and at 6:20


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("longest", "horizon 60 of longest with a history of 90 periods; expected at most a third of it, 30"),
        ("nothing", "no rows of nothing; expected some with net_revenue; look at its query"),
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
