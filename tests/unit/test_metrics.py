"""What the driver measures: rows, offsets, lags of a window and since the start, what waits; told by a record."""

import dataclasses
import json

import pytest

from lakehouse.activity import WHOLE, Activity, Batch, Count, Files, Forecast, Lag
from lakehouse.places import KafkaObject
from lakehouse.progress import Progress
from spark_jobs.gold import Step
from spark_jobs.lags import Spread
from spark_jobs.metrics import Metrics
from spark_jobs.plans import BronzeObject, Plan, ReadObject, Result

pytestmark = pytest.mark.unit

START = 1_700_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def key(partition: int, first: int) -> str:
    return KafkaObject("t", "id", partition, first).key


def work(metrics: Metrics, batch_id: int, at: float, first: int = 0, partition: int = 0, seconds: float = 2.0) -> None:
    """A batch of 100 rows that the source made a second before they landed; gold shows them after `seconds`."""
    entry = BronzeObject(key(partition, first), "e", 5000, at)
    plan = Plan(0, batch_id, "kafka", (entry,), 1, {}, at)
    outcomes = {"applied": 90, "rejected": 10}
    spread = Spread(90, at - 1, at - 1)
    read = ReadObject(entry.key, "e", "read", 100, first, first + 99, outcomes, landed_at=at, spreads=(spread,))
    metrics.planned(plan)
    result = Result(0, batch_id, "kafka", (read,), batch_id, at, at + seconds / 2)
    metrics.batch(result, Step(batch_id, batch_id, 1, at + seconds), {"silver": 1.0, "gold": 0.5})


def test_batches_add_up_by_partition() -> None:
    metrics = Metrics({("id", 0): 0, ("id", 1): 50}, Clock())
    work(metrics, 1, START)
    work(metrics, 2, START + 3, first=150)
    work(metrics, 3, START + 6, first=20, partition=1)
    activity = metrics.activity()
    twice = {"applied": 180, "rejected": 20, "superseded": 0, "stale": 0, "duplicate": 0, "tombstone": 0}
    assert activity.counts == {
        "0": Count(twice, gaps=50, overlaps=0),
        "1": Count({**twice, "applied": 90, "rejected": 10}, gaps=0, overlaps=30),
    }
    assert [(batch.id, batch.rows, batch.seconds) for batch in activity.batches] == [
        (number, 100, {"silver": 1.0, "gold": 0.5}) for number in (1, 2, 3)
    ]
    assert metrics.bytes == 15_000
    assert (metrics.silver_version, metrics.committed_at) == (3, START + 8)


def test_lags_are_those_of_the_window_and_since_the_start() -> None:
    clock = Clock()
    metrics = Metrics(clock=clock)
    work(metrics, 1, START, seconds=60)
    clock.now = START + 290
    work(metrics, 2, START + 280, first=100, seconds=2)
    clock.now = START + 400
    activity = metrics.activity()
    gold = activity.lags[WHOLE]["gold"]
    assert (gold.rows, gold.max) == (90, 3)
    assert activity.lags["0"]["gold"] == gold
    assert activity.lags["0"]["bronze"].max == 1
    assert (activity.lags_since_start["gold"].rows, activity.lags_since_start["gold"].max) == (180, 61)
    clock.now = START + 10_000
    assert metrics.activity().lags[WHOLE]["gold"] == Lag()
    assert metrics.activity().rows_per_second == 0


def test_a_rate_is_taken_over_the_time_that_the_window_has_lasted() -> None:
    clock = Clock()
    metrics = Metrics(clock=clock)
    work(metrics, 1, START)
    clock.now = START + 10
    assert metrics.activity().rows_per_second == 10
    assert metrics.activity().bytes_per_second == 500


def test_memory_is_bounded_however_long_it_works() -> None:
    clock = Clock()
    metrics = Metrics(clock=clock)
    for number in range(1, 200):
        clock.now += 60
        work(metrics, number, clock.now, first=100 * number - 100)
    assert len(metrics._slots) == 5
    assert len(metrics.activity().batches) == 10
    assert not metrics._sizes
    assert len(json.dumps(dataclasses.asdict(metrics.activity()))) < 8000


def test_what_waits_is_told_with_its_oldest() -> None:
    metrics = Metrics(clock=Clock())
    metrics.found(BronzeObject(key(0, number), "e", 10, START + number) for number in (3, 1, 2))
    assert (metrics.waiting_objects, metrics.waiting_bytes, metrics.oldest_waiting_at) == (3, 30, START + 1)
    metrics.found([])
    assert (metrics.waiting_objects, metrics.oldest_waiting_at) == (0, None)


def test_the_record_comes_back_as_it_was() -> None:
    metrics = Metrics(clock=Clock())
    work(metrics, 1, START)
    metrics.counted({"silver.order_lines": Files(3, 2, 1000, 2)})
    metrics.maintained("compaction of silver.order_lines")
    metrics.forecast_loaded("revenue", START - 1)
    metrics.forecast_refused("revenue", "p50 is no number")
    metrics.runs_wait(2)
    progress = Progress(1, 2, START, {"id": {"0": 7}}, {"rows_read": 3}, 4, 5, 6, metrics.activity())
    assert Progress.from_json(progress.to_json()) == progress
    assert progress.activity.resident_bytes > 10 << 20
    assert progress.activity.forecasts == {"revenue": Forecast(1, 1, START - 1, "p50 is no number")}
    assert progress.activity.waiting_runs == 2


def test_records_of_other_versions_are_read() -> None:
    assert Progress.from_json('{"batch_id": 3}') == Progress(batch_id=3)
    later = {
        "activity": {
            "new": 1,
            "batches": [{"id": 1, "rows": 2, "objects": 3, "seconds": {}, "committed_at": 4, "new": 5}],
            "lags": {"": {"gold": {"p50": 1.5, "new": 2}}},
        }
    }
    activity = Progress.from_json(json.dumps(later)).activity
    assert activity == Activity(batches=[Batch(1, 2, 3, {}, 4)], lags={"": {"gold": Lag(p50=1.5)}})
