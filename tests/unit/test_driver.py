"""The driver's steps with tables and Spark's work stood in for: what is counted and told when one of them fails."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lakehouse import places, runs
from lakehouse.activity import Files
from lakehouse.errors import SourceError
from lakehouse.settings import Settings
from spark_jobs import gold, silver
from spark_jobs.driver import Driver
from spark_jobs.gold import Step
from spark_jobs.plans import Plan, ReadObject, Result
from tests.unit.memory_bucket import MemoryBucket

pytestmark = pytest.mark.unit


class Tables:
    """Tables without content."""

    def create(self, _: object) -> None: ...

    def transaction(self, *_: object) -> int:
        return -1

    def handle(self, _: object) -> Any:
        return SimpleNamespace(version=lambda: 1, transaction_version=lambda _: None)

    def is_empty(self, _: object) -> bool:
        return True

    def files(self) -> dict[str, Files]:
        return {"gold.daily_sales": Files(1, 2, 3, 4)}


def read(plan: Plan, *_: object) -> silver.Batch:
    """Every object holds 10 applied rows."""
    objects = []
    for entry in plan.objects:
        first = places.KafkaObject.parse(entry.key).first
        objects.append(ReadObject(entry.key, entry.etag, "read", 10, first, first + 9, {"applied": 10}))
    return silver.Batch(Result(0, plan.batch_id, "kafka", tuple(objects), 1, plan.planned_at, plan.planned_at))


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    monkeypatch.setattr(silver, "run", read)
    monkeypatch.setattr(gold, "run", lambda *_: Step(1, 1, 0, 5.0))
    return Driver(Tables(), MemoryBucket(), Settings(), 0)  # type: ignore[arg-type]


def land(driver: Driver, first: int) -> None:
    driver._bucket.put(places.KafkaObject("t", "id", 0, first).key, b"x")


def told(driver: Driver) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(driver._bucket.get(places.PROGRESS) or b"{}")
    return found


def test_a_batch_whose_gold_failed_is_counted_when_gold_shows_it(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [SourceError("no answer")]

    def failing(*_: object) -> Step:
        if faults:
            raise faults.pop()
        return Step(1, 1, 0, 5.0)

    monkeypatch.setattr(gold, "run", failing)
    land(driver, 0)
    with pytest.raises(SourceError, match="no answer"):
        driver.step()
    assert driver.metrics.batches == 0
    land(driver, 10)
    assert driver.step()
    count = told(driver)["activity"]["counts"]["0"]
    assert (count["outcomes"]["applied"], count["gaps"], count["overlaps"]) == (20, 0, 0)
    assert [batch["id"] for batch in told(driver)["activity"]["batches"]] == [1, 2]


def test_a_batch_that_could_not_be_told_is_counted_once(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [SourceError("no answer")]
    put = driver._bucket.put

    def failing(key: str, body: bytes) -> None:
        if key == places.PROGRESS and faults:
            raise faults.pop()
        put(key, body)

    monkeypatch.setattr(driver._bucket, "put", failing)
    land(driver, 0)
    with pytest.raises(SourceError, match="no answer"):
        driver.step()
    assert not driver.step()
    assert told(driver)["batch_id"] == driver.metrics.batches == 1


def test_what_maintenance_did_is_told_at_once(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.bring_gold_up()
    monkeypatch.setattr(driver.maintenance, "step", lambda: "compact gold.daily_sales")
    assert driver.maintain() == "compact gold.daily_sales"
    assert told(driver)["activity"]["maintained"] == "compact gold.daily_sales"
    assert told(driver)["activity"]["tables"]["gold.daily_sales"]["files"] == 2


def test_what_became_of_a_forecast_is_told_at_once(driver: Driver) -> None:
    driver.bring_gold_up()
    driver._bucket.put(f"{runs.RUNS}revenue/0a1b.json", b"{")
    assert driver.load_forecast() == f"{runs.RUNS}revenue/0a1b.json"
    activity = told(driver)["activity"]
    assert activity["forecasts"]["revenue"]["refused"] == 1
    assert "no run of a forecast" in activity["forecasts"]["revenue"]["fault"]
    assert activity["waiting_runs"] == 0


def test_forecasts_are_looked_for_only_when_nothing_waits(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver._forecasts, "step", lambda: "a run")
    assert driver.load_forecast() == "a run"
    for name, value in (("_waiting", 1), ("_owes_gold", True)):
        monkeypatch.setattr(driver, name, value)
        assert driver.load_forecast() is None
        monkeypatch.undo()
        monkeypatch.setattr(driver._forecasts, "step", lambda: "a run")
