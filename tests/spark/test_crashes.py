"""A driver that dies at any step of a batch or a rebuild, and two drivers at once: nothing is lost or written twice."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pyspark.sql import functions as F

from lakehouse import places
from lakehouse.errors import ContractError, SourceError
from lakehouse.tables import (
    FORECAST_TABLES,
    GOLD_DAILY_PRODUCT_SALES,
    GOLD_DAILY_SALES,
    OPS_BATCHES,
    SILVER_ORDER_LINES,
    SILVER_REJECTED,
    TABLES,
    Table,
)
from spark_jobs import apply, rebuild
from spark_jobs.commit import Rewrite
from spark_jobs.delta import Lakehouse
from spark_jobs.driver import Driver
from spark_jobs.generation import read_generation
from spark_jobs.storage import Bucket
from tests.spark.site import Site, balanced, change
from tests.spark.test_histories import outcomes_by_the_book

pytestmark = pytest.mark.spark


class Crash(BaseException):
    """Nothing catches it, as nothing catches kill -9."""


Matches = Callable[..., bool]


@contextmanager
def crash(owner: type, method: str, when: str, matches: Matches) -> Iterator[None]:
    """Die before or after the call of a method whose arguments match."""
    original = getattr(owner, method)

    def dying(self: Any, *arguments: Any, **named: Any) -> Any:
        if not matches(*arguments, **named):
            return original(self, *arguments, **named)
        if when == "after":
            original(self, *arguments, **named)
        raise Crash(f"{when} {method}")

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Crash):
        patched.setattr(owner, method, dying)
        yield


def writes(table: Table) -> Matches:
    return lambda _rows, target, *_, **__: target is table


def keys(prefix: str) -> Matches:
    return lambda key, *_, **__: key.startswith(prefix)


# name, what is patched, how often silver is written in that batch, and whether it is collected
STEPS: tuple[tuple[str, type, str, str, Matches, int, bool], ...] = (
    ("after the plan", Bucket, "create", "after", keys("ops/plans/"), 1, True),
    ("after the rejected lines", Lakehouse, "append_few", "after", writes(SILVER_REJECTED), 1, True),
    ("before silver's commit", Rewrite, "commit", "before", lambda *_, **__: True, 1, True),
    ("after silver", Rewrite, "commit", "after", lambda *_, **__: True, 1, True),
    ("after the rejected lines, by Spark", Lakehouse, "append", "after", writes(SILVER_REJECTED), 1, False),
    ("after silver, by Spark", Lakehouse, "merge", "after", writes(SILVER_ORDER_LINES), 1, False),
    ("between silver's two writes", Lakehouse, "append", "after", writes(SILVER_ORDER_LINES), 2, False),
    ("after the result", Bucket, "create", "after", keys("ops/results/"), 1, True),
    ("without the one gold table", Lakehouse, "overwrite_few", "before", writes(GOLD_DAILY_SALES), 1, True),
    ("without the other gold table", Lakehouse, "overwrite_few", "before", writes(GOLD_DAILY_PRODUCT_SALES), 1, False),
    ("after gold", Bucket, "put", "before", keys(places.PROGRESS), 1, True),
    ("between the ops tables", Lakehouse, "append_few", "after", writes(OPS_BATCHES), 1, True),
)


def work(driver: Driver) -> None:
    """What `stream` does until nothing is left."""
    if not driver.step():
        driver.bring_gold_up()
    while driver.step():
        pass
    driver.publish()


def versions(site: Site) -> dict[str, int]:
    tables = site.tables()
    return {table.full_name: tables.version(table) for table in TABLES if table not in FORECAST_TABLES}


def test_a_batch_that_dies_at_any_step_is_finished_by_the_next_driver(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.land([change("c", 1, "1"), change("c", 2, "2"), b"{"])
    work(site.driver())
    for number, (name, owner, method, when, matches, silver_writes, is_collected) in enumerate(STEPS, start=1):
        lsn, day = 10 * number, f"2011-01-{number:02d}T00:00:00+00:00"
        site.land(
            [
                change("u", lsn, "1", quantity=number, ordered_at=day),
                change("c", lsn + 1, f"new {number}", ordered_at=day),
                change("d", lsn + 2, "2") if number % 2 else change("c", lsn + 2, "2", ordered_at=day),
                None,
                b"junk",
                change("c", 1, "1"),
            ]
        )
        before = versions(site)
        monkeypatch.setattr(apply, "SPLIT_ROWS", 0 if silver_writes == 2 else 20_000)
        settings = {} if is_collected else {"collect_max_bytes": 0}
        driver = site.driver(**settings)
        with crash(owner, method, when, matches):
            work(driver)
        work(site.driver(**settings))
        steps = {table: version - before[table] for table, version in versions(site).items()}
        assert steps == {**dict.fromkeys(before, 1), SILVER_ORDER_LINES.full_name: silver_writes}, name

    driver = site.driver()
    results = [driver.ledger.results[batch_id] for batch_id in sorted(driver.ledger.results)]
    assert len(results) == 1 + len(STEPS)
    balanced(results)
    assert [result.outcomes for result in results] == outcomes_by_the_book(site, results)
    assert [row["rows_read"] for row in site.rows(OPS_BATCHES)].count(6) == len(STEPS)
    assert site.differences() == []


def test_a_rebuild_that_dies_at_any_step_goes_on(site: Site) -> None:
    site.land([change("c", 1, "1"), change("c", 2, "2"), b"{"])
    site.land([change("d", 3, "1"), None, change("c", 4, "3")], partition=1)
    site.run()
    before = site.content()
    steps: tuple[tuple[type, str, str, Matches], ...] = (
        (Bucket, "create", "after", keys("ops/plans/1/")),
        (Bucket, "create", "after", keys("ops/results/1/")),
        (Lakehouse, "replace", "before", writes(SILVER_ORDER_LINES)),
        (Bucket, "put", "before", keys(places.GENERATION)),
        (Bucket, "put", "after", keys(places.GENERATION)),
        (Lakehouse, "overwrite_few", "before", writes(GOLD_DAILY_SALES)),
    )
    for owner, method, when, matches in steps:
        with crash(owner, method, when, matches):
            rebuild.run(site.tables(), site.bucket, site.settings)
        work(site.driver())  # whichever generation is in force, a driver may run in between
        assert site.content() == before, (method, when)
    rebuild.run(site.tables(), site.bucket, site.settings)
    generation = read_generation(site.bucket)
    assert generation and generation.number == 3
    assert site.content() == before
    assert list(site.bucket.entries("staging/")) == []
    work(site.driver())
    assert site.differences() == []


def test_two_drivers_do_not_write_a_batch_twice(site: Site) -> None:
    site.land([change("c", 1, "1"), b"{"])
    one = site.driver()
    plan = one._next_plan()
    assert plan
    other = site.driver()  # it finds the plan unfinished
    assert one.step() and other.step()
    assert versions(site) == {
        **dict.fromkeys(versions(site), 0),
        **dict.fromkeys((table.full_name for table in (SILVER_ORDER_LINES, SILVER_REJECTED)), 1),
        **dict.fromkeys((table.full_name for table in (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES)), 1),
    }
    assert one.ledger.results[1].outcomes == other.ledger.results[1].outcomes

    # both plan the next batch: the second is told so and writes nothing
    site.land([b"{"])
    assert one._next_plan()
    with pytest.raises(ContractError, match=r"plan 2 exists already.*stop the other driver"):
        other.step()
    assert one.step() and not one.step()
    assert site.differences() == []


def test_a_write_that_another_driver_has_overtaken_fails_and_harms_nothing(site: Site) -> None:
    site.land([change("c", 1, "1"), b"{"])
    site.run()
    tables, rows = site.tables(), site.tables().read(SILVER_REJECTED)
    tables.append(rows.limit(0), SILVER_REJECTED, "someone", 7, "the other driver was faster")
    with pytest.raises(ContractError, match=r"silver\.rejected: the last write of someone is 7; expected 6.*another"):
        tables.append(rows, SILVER_REJECTED, "someone", 6, "late")
    assert len(site.rows(SILVER_REJECTED)) == 1
    merge: dict[str, Any] = {"condition": F.expr("old.order_id = new.order_id"), "newer": F.lit(True), "note": ""}
    lines = tables.read(SILVER_ORDER_LINES)
    tables.merge(lines.limit(0), SILVER_ORDER_LINES, app="someone", version=7, **merge)
    with pytest.raises(ContractError, match="another driver"):
        tables.merge(lines.withColumn("country", F.lit("X")), SILVER_ORDER_LINES, app="someone", version=6, **merge)
    assert [row["country"] for row in site.rows(SILVER_ORDER_LINES)] == ["UK"]
    assert site.spark.conf.get("spark.databricks.delta.write.txnAppId", "unset") == "unset"
    assert json.loads(site.bucket.get(places.PROGRESS) or b"{}")["batch_id"] == 1


@pytest.mark.parametrize("key", ["ops/results/", places.PROGRESS])
def test_a_driver_that_fails_in_a_step_goes_on_with_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    site.land([change("c", 1, "1"), b"{"])
    driver = site.driver()
    put, faults = Bucket._put, [SourceError("no answer")]

    def failing(self: Bucket, name: str, body: bytes, **condition: str) -> bool:
        if name.startswith(key) and faults:
            raise faults.pop()
        return put(self, name, body, **condition)

    monkeypatch.setattr(Bucket, "_put", failing)
    with pytest.raises(SourceError, match="no answer"):
        driver.step()
    driver.step()
    assert not driver.step()
    assert json.loads(site.bucket.get(places.PROGRESS) or b"{}")["batch_id"] == 1
    assert versions(site)[GOLD_DAILY_SALES.full_name] == 1
    assert site.differences() == []
