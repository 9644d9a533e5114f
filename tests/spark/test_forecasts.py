"""Forecasts in the whole of the driver: loaded between batches, followed by accuracy, kept by a rebuild, verified."""

from typing import Any

import pytest
from pyspark.sql import functions as F

from lakehouse import places
from lakehouse.runs import Loaded, Run, loaded_key, run_key
from lakehouse.tables import (
    FORECAST_TABLES,
    GOLD_DAILY_SALES,
    GOLD_FORECAST_ACCURACY,
    GOLD_SALES_FORECAST,
    SILVER_ORDER_LINES,
    VIEWS,
)
from spark_jobs import accuracy, rebuild
from spark_jobs.commit import Rewrite
from spark_jobs.delta import Lakehouse
from spark_jobs.driver import Driver
from spark_jobs.storage import Bucket
from tests.spark.site import Site, change
from tests.spark.test_crashes import crash, keys, writes

pytestmark = pytest.mark.spark

SOURCES = {"gold.daily_sales": "country", "gold.daily_product_sales": "product_id"}


def run(number: int, source: str) -> Run:
    name = "by_" + SOURCES[source]
    return Run(
        name, f"{number}", source, SOURCES[source], (), "sales_date", "net_revenue", "D", ("0.1", "0.5", "0.9"), False,
        "NPTS", {}, f"2011-01-{number:02d}T00:00:00Z", f"forecasts/{name}/{number}/", "",
    )  # fmt: skip


def forecast(site: Site, number: int) -> None:
    """What the pipeline leaves behind, of five days for both tables."""
    for source, items in (("gold.daily_sales", ("UK", "Eire")), ("gold.daily_product_sales", ("P", "Q"))):
        made = run(number, source)
        days = range(number + 1, number + 6)
        rows = "".join(f"{item},2011-01-{day:02d}T00:00:00Z,1,{day}.5,20\n" for item in items for day in days)
        site.bucket.put(f"{made.exports}x_part0.csv", f"item_id,date,p10,p50,p90\n{rows}".encode())
        site.bucket.put(run_key(made.forecast_name, made.run_id), made.to_json().encode())


def sale(op: str, lsn: int, order_id: str, day: int, **fields: Any) -> bytes:
    return change(op, lsn, order_id, ordered_at=f"2011-01-{day:02d}T12:00:00+00:00", **fields)


def work(driver: Driver) -> None:
    """What `stream` does until nothing is left."""
    if not driver.step():
        driver.bring_gold_up()
    while driver.step():
        pass
    while driver.load_forecast():
        pass
    driver.publish()


def actuals(site: Site) -> dict[tuple[str, int], float | None]:
    return {(row["item_id"], row["forecast_date"].day): row["actual"] for row in site.rows(GOLD_FORECAST_ACCURACY)}


def test_forecasts_follow_what_comes_and_outlive_a_rebuild(site: Site) -> None:
    site.land([sale("c", 1, "1", 1), sale("c", 2, "2", 1, country="Eire", product_id="Q")])
    forecast(site, 1)
    driver = site.driver()
    work(driver)
    assert Loaded.from_json((site.bucket.get(loaded_key("by_country", "1")) or b"").decode()).rows == {
        "gold.sales_forecast": 10, "gold.forecast_backtest": 0, "gold.forecast_accuracy": 10,
    }  # fmt: skip
    assert set(actuals(site).values()) == {None}

    site.land([sale("c", 3, "3", 3, quantity=4), sale("c", 4, "4", 2, product_id="Q")])
    work(driver)
    found = actuals(site)
    assert [found[key] for key in (("UK", 2), ("UK", 3), ("UK", 4), ("Eire", 3), ("P", 2), ("Q", 2))] == [
        1.0, 4.0, None, 0.0, 0.0, 1.0,
    ]  # fmt: skip
    assert site.differences() == []

    site.land([sale("u", 5, "4", 4, product_id="P"), sale("d", 6, "3", 3)])  # moved to another day; deleted
    work(driver)
    found = actuals(site)
    assert [found[key] for key in (("UK", 2), ("UK", 3), ("UK", 4), ("P", 4), ("Q", 4))] == [0.0, 0.0, 1.0, 1.0, 0.0]
    assert site.differences() == []

    before = {table.full_name: site.rows(table) for table in FORECAST_TABLES}
    rebuild.run(site.tables(), site.bucket, site.settings)
    work(site.driver())
    assert {table.full_name: site.rows(table) for table in FORECAST_TABLES} == before
    assert site.differences() == []

    # what Spark makes of the tables and their views
    spark = site.spark
    for table in (GOLD_SALES_FORECAST, GOLD_FORECAST_ACCURACY):
        site.tables().read(table).createOrReplaceTempView(table.name)
    (row,) = (
        site.tables().read(GOLD_FORECAST_ACCURACY).where("item_id = 'UK' AND forecast_date = DATE '2011-01-04'")
        .select(F.col("losses")["0.5"], F.size("dimensions"), "absolute_error").collect()
    )  # fmt: skip
    assert tuple(row) == (1.75, 0, 3.5)  # 4.5 was forecast, 1 came
    for view in VIEWS:
        if view.layer == "gold":
            assert spark.sql(view.body.replace("gold.", "")).count() == 20

    damaged = site.delta(GOLD_FORECAST_ACCURACY)
    damaged.update(predicate="item_id = 'UK' AND forecast_date = DATE '2011-01-04'", updates={"actual": "2.0"})
    assert [line.partition(":")[0] for line in site.differences()] == ["gold.forecast_accuracy"] * 2


def test_a_driver_that_dies_at_any_step_of_a_forecast_is_made_up_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accuracy, "MOST_DATES", 1)
    site.land([sale("c", 1, "1", 1)])
    work(site.driver())
    steps: tuple[tuple[type, str, str, Any], ...] = (
        (Lakehouse, "append_few", "after", writes(GOLD_SALES_FORECAST)),
        (Lakehouse, "overwrite_few", "before", writes(GOLD_FORECAST_ACCURACY)),
        (Lakehouse, "overwrite_few", "after", writes(GOLD_FORECAST_ACCURACY)),
        (Bucket, "create", "after", keys("ops/forecasts/loaded/")),
        (Rewrite, "commit", "after", lambda *_, **__: True),
        (Lakehouse, "overwrite_few", "after", writes(GOLD_DAILY_SALES)),
    )
    for number, (owner, method, when, matches) in enumerate(steps, start=1):
        forecast(site, number)
        site.land(
            [sale("u", 10 * number, "1", number + 1, quantity=number), sale("c", 10 * number + 1, f"n{number}", 3)]
        )
        with crash(owner, method, when, matches):
            work(site.driver())
        work(site.driver())
        assert len(site.rows(GOLD_SALES_FORECAST)) == len(site.rows(GOLD_FORECAST_ACCURACY)) == 20 * number
        assert site.differences() == [], (method, when)
    assert any(row["actual"] for row in site.rows(GOLD_FORECAST_ACCURACY))


def test_a_lake_of_an_earlier_version_gets_the_tables(site: Site) -> None:
    site.land([sale("c", 1, "1", 1)])
    work(site.driver())
    for table in FORECAST_TABLES:
        site.bucket.delete_all(places.table_url("", table.layer, table.name).removeprefix("s3:///") + "/")
    assert site.differences() == []
    forecast(site, 1)
    work(site.driver())
    assert len(site.rows(GOLD_SALES_FORECAST)) == 20
    assert site.tables().version(SILVER_ORDER_LINES) == 1
