"""Firehose's objects: found where they come, late ones too, each once; whatever the driver has folded or forgotten."""

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from lakehouse import places
from lakehouse.places import DYNAMODB, KAFKA
from spark_jobs import checkpoint, finding
from spark_jobs.ledger import Ledger
from tests.unit.memory_bucket import MemoryBucket
from tests.unit.test_ledger import finish, key, land, plan

pytestmark = pytest.mark.unit

TODAY = datetime.now(UTC).date()


def hose(number: int, days_ago: int = 0, root: str = places.BRONZE_DYNAMODB) -> str:
    """The key of an object of Firehose."""
    return f"{places.dated(root, TODAY - timedelta(days=days_ago))}shop-1-{number:06d}.jsonl.gz"


def gave_up(number: int, days_ago: int = 0) -> str:
    return hose(number, days_ago, f"{places.ERRORS}processing-failed/")


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    clock = Clock()
    monkeypatch.setattr(finding.time, "monotonic", lambda: clock.now)
    return clock


class Clock:
    now = 1000.0


def keys(ledger: Ledger) -> list[str]:
    return [entry.key for entry in ledger.find()]


def test_new_objects_are_found_at_once_with_one_listing_a_root(bucket: MemoryBucket, clock: Clock) -> None:
    land(bucket, *(hose(number) for number in range(5)), gave_up(1), hose(1, days_ago=40))
    ledger = Ledger(bucket, 0)
    assert len(keys(ledger)) == 7
    finish(ledger, plan(ledger))
    bucket.listed.clear()
    land(bucket, hose(7), gave_up(2))
    assert keys(ledger) == [hose(7), gave_up(2)]
    assert len(bucket.listed) == 2


def test_a_quick_look_begins_among_the_newest(bucket: MemoryBucket, clock: Clock) -> None:
    land(bucket, *(hose(2 * number) for number in range(1000)))
    ledger = Ledger(bucket, 0)
    finish(ledger, plan(ledger))
    bucket.listed.clear()
    land(bucket, hose(1), hose(1901), hose(2001))
    assert keys(ledger) == [hose(1901), hose(2001)]
    assert (places.BRONZE_DYNAMODB, hose(2 * (1000 - finding.TAIL_OBJECTS))) in bucket.listed


def test_a_late_object_of_the_last_48_hours_is_found_within_half_a_minute_an_older_one_in_an_hour(
    bucket: MemoryBucket, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "TAIL_OBJECTS", 2)
    land(bucket, *(hose(number) for number in range(0, 20, 2)), hose(5, days_ago=9))
    ledger = Ledger(bucket, 0)
    finish(ledger, plan(ledger))
    assert keys(ledger) == []
    land(bucket, hose(3), hose(1, days_ago=2), gave_up(9, days_ago=1), hose(6, days_ago=9))
    assert keys(ledger) == [gave_up(9, days_ago=1)]
    clock.now += finding.LATE_SECONDS + 1
    assert keys(ledger) == [hose(1, days_ago=2), hose(3), gave_up(9, days_ago=1)]
    clock.now += finding.RECONCILE_SECONDS
    assert keys(ledger) == [hose(6, days_ago=9), hose(1, days_ago=2), hose(3), gave_up(9, days_ago=1)]
    finish(ledger, plan(ledger))
    assert keys(ledger) == []


def test_a_batch_is_of_one_source_and_the_one_that_waits_longest_is_first(
    bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(bucket, key(0), hose(0))
    land(bucket, gave_up(0), key(5))
    landed = {key(0): 2.0, hose(0): 1.0, gave_up(0): 4.0, key(5): 3.0}
    entries = MemoryBucket.entries

    def timed(self: MemoryBucket, prefix: str, after: str = "") -> object:
        for entry in entries(self, prefix, after):
            yield finding.Entry(entry.key, entry.etag, entry.size, landed.get(entry.key))

    monkeypatch.setattr(MemoryBucket, "entries", timed)
    ledger = Ledger(bucket, 0)
    first, second = plan(ledger), plan(ledger)
    assert (first.source, {entry.key for entry in first.objects}) == (DYNAMODB, {hose(0), gave_up(0)})
    assert (second.source, [entry.key for entry in second.objects]) == (KAFKA, [key(0), key(5)])
    assert ledger.find() == []
    finish(ledger, first)
    finish(ledger, second)
    assert ledger.next_offsets == {("id", 0): 10}
    assert ledger.firehose_ends == {places.BRONZE_DYNAMODB: hose(0), places.ERRORS: gave_up(0)}
    assert Ledger(bucket, 0).firehose_ends == ledger.firehose_ends


def test_random_histories_with_folds_restarts_and_late_objects_read_each_once(
    bucket: MemoryBucket, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PAGE_OBJECTS", 4)
    monkeypatch.setattr(finding, "TAIL_OBJECTS", 5)
    rng, ledger, newest = Random(3), Ledger(bucket, 0), 0
    landed: set[str] = set()
    read: list[str] = []

    def work() -> None:
        while ledger.find():
            made = plan(ledger, max_bytes=rng.randint(1, 6))
            read.extend(entry.key for entry in made.objects)
            finish(ledger, made)

    for _ in range(250):
        newest += rng.randrange(3)
        number = newest if rng.random() < 0.7 else rng.randrange(newest + 1)
        one = rng.choice((hose, hose, hose, gave_up))(number, rng.choice((0, 0, 0, 1, 2, 5)))
        if one not in landed:
            land(bucket, one)
            landed.add(one)
        clock.now += rng.choice((0.1, 0.1, finding.LATE_SECONDS + 1))
        if rng.random() < 0.5:
            work()
        match rng.randrange(8):
            case 0:
                ledger.fold(through=ledger.finished - rng.randrange(3))
            case 1:
                ledger = Ledger(bucket, 0)
    clock.now += finding.RECONCILE_SECONDS + 1
    work()
    assert sorted(read) == sorted(landed)


def test_pages_of_an_earlier_version_are_understood(bucket: MemoryBucket) -> None:
    land(bucket, key(0), key(5))
    ledger = Ledger(bucket, 0)
    finish(ledger, plan(ledger))
    land(bucket, key(9))
    finish(ledger, plan(ledger))
    assert ledger.fold(through=1) == 1
    (page,) = ledger.checkpoint.pages[places.prefix_of(key(0))]
    place = places.checkpoint(0, 1)
    for name, number in ((f"{0:020d}.jsonl.gz", 0), (f"{5:020d}.jsonl.gz", 5)):
        bucket.objects[place] = bucket.objects[place].replace(f'"{name}"'.encode(), str(number).encode())
        bucket.objects[page.key] = bucket.objects[page.key].replace(name.encode(), str(number).encode())
    assert bucket.objects[page.key].startswith(b'{"0":')
    assert Ledger(bucket, 0).checkpoint == ledger.checkpoint
    land(bucket, key(3))
    assert keys(Ledger(bucket, 0)) == [key(3)]


def test_days_are_named_as_firehose_names_them() -> None:
    assert places.dated("r/", date(2026, 1, 2)) == "r/date=2026-01-02/"
