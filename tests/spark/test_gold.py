"""Gold by days: what changed is recomputed, what is empty disappears, and in doubt everything is built anew."""

import dataclasses
import datetime
import logging
from random import Random

import pytest

from lakehouse.errors import ConfigError
from lakehouse.tables import GOLD_DAILY_PRODUCT_SALES, GOLD_DAILY_SALES, SILVER_ORDER_LINES
from spark_jobs import gold, kept, rebuild
from spark_jobs.generation import read_generation
from tests.spark.site import Site, change

pytestmark = pytest.mark.spark

GOLD = (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES)


@pytest.fixture(params=[0, gold.FEW_ROWS], ids=["by Spark", "in memory"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gold is computed in one way, then in the other."""
    monkeypatch.setattr(gold, "FEW_ROWS", request.param)
    if not request.param:
        monkeypatch.setattr(kept, "MOST_DAYS", 0)


def days(site: Site) -> list[str]:
    return sorted({row["sales_date"].isoformat() for row in site.rows(GOLD_DAILY_SALES)})


def on(day: str) -> str:
    return f"2011-{day}T12:00:00+00:00"


@pytest.mark.usefixtures("either_way")
def test_only_changed_days_are_recomputed_and_empty_ones_disappear(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.land([change("c", lsn, f"{lsn}", ordered_at=on(f"01-0{lsn}")) for lsn in (1, 2, 3)])
    driver = site.driver()
    driver.batch()
    assert driver.bring_gold_up().days is None
    assert days(site) == ["2011-01-01", "2011-01-02", "2011-01-03"]

    # the row leaves its day for another: both are recomputed, and the one it leaves is empty
    site.land([change("u", 4, "2", ordered_at=on("01-04")), change("d", 5, "3")])
    driver.batch()
    assert driver.bring_gold_up().days == 3  # 2 and 4, and 3 of the deleted row
    assert days(site) == ["2011-01-01", "2011-01-04"]

    # silver has a new version, but no day of it changed: gold's version moves on all the same
    site.land([change("d", 9, "never heard of")])
    driver.batch()
    before = site.tables().version(GOLD_DAILY_SALES)
    step = driver.bring_gold_up()
    assert (step.days, step.silver_version) == (0, site.tables().version(SILVER_ORDER_LINES))
    assert step.gold_version == before + 1
    assert driver.bring_gold_up().gold_version == before + 1  # and then there is nothing to do
    assert site.differences() == []

    # what VACUUM removes of the change feed is no longer needed: gold is rebuilt, and says so
    site.land([change("u", 20, "1", quantity=9, ordered_at=on("01-05"))])
    driver.batch()
    assert site.bucket.delete_all("silver/order_lines/_change_data/")
    with caplog.at_level(logging.WARNING, "saleslake"):
        assert site.driver().bring_gold_up().days is None  # a new driver, which has to look
    assert "change feed is gone: gold is rebuilt" in caplog.messages
    assert days(site) == ["2011-01-04", "2011-01-05"]
    assert site.differences() == []

    # another generation of silver: versions count anew, so all of gold does
    assert gold.run(site.tables(), generation=1).days is None
    assert site.differences() == []


@pytest.mark.usefixtures("either_way")
def test_incremental_gold_equals_a_rebuild_after_every_batch(site: Site) -> None:
    rng, driver = Random(5), site.driver()
    for batch in range(4):
        values = [
            change(
                rng.choice("cuud"),
                100 * batch + number,
                f"{rng.randrange(6)}",
                quantity=rng.randint(-4, 6),
                unit_price=str(rng.randrange(9999) / 1000),
                product_id=rng.choice("PQ"),
                description=rng.choice((None, "x", "y")),
                ordered_at=on(f"02-0{rng.randint(1, 5)}"),
            )
            for number in range(5)
        ]
        site.land(values)
        driver.step()
        assert site.differences() == []
    incremental = site.content()
    assert rebuild.run(site.tables(), site.bucket, site.settings) == 1
    assert site.content() == incremental


def test_another_time_zone_needs_a_rebuild_which_moves_the_days(site: Site) -> None:
    site.land([change("c", 1, "1", ordered_at="2011-06-30T23:30:00+00:00"), change("d", 2, "2")])
    site.run()
    assert days(site) == ["2011-06-30"]
    london = dataclasses.replace(site.settings, business_timezone="Europe/London")
    moved = Site(site.spark, london)
    with pytest.raises(ConfigError, match=r"BUSINESS_TIMEZONE=Europe/London; expected UTC.*make rebuild"):
        moved.driver()
    rebuild.run(moved.tables(), moved.bucket, london)
    assert days(moved) == ["2011-07-01"]
    assert [row["sales_date"] for row in moved.rows(SILVER_ORDER_LINES)] == [datetime.date(2011, 7, 1), None]
    generation = read_generation(site.bucket)
    assert generation and generation.business_timezone == "Europe/London"
    assert moved.differences() == []
    with pytest.raises(ConfigError, match="BUSINESS_TIMEZONE=UTC"):
        site.driver()
