"""The ledger: what is found, planned and finished, and that a new driver knows it all again."""

import dataclasses
import json

import pytest

from lakehouse import places
from lakehouse.errors import ConfigError, ContractError
from lakehouse.mapping import OWN
from lakehouse.places import KafkaObject
from lakehouse.settings import Settings
from spark_jobs import bounds, finding
from spark_jobs.bounds import bounded
from spark_jobs.generation import current_generation
from spark_jobs.ledger import Ledger
from spark_jobs.plans import BronzeObject, Plan, ReadObject, Result
from tests.unit.memory_bucket import MemoryBucket, etag

pytestmark = pytest.mark.unit


def key(first: int, partition: int = 0, topic_id: str = "id") -> str:
    return KafkaObject("t", topic_id, partition, first).key


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


def land(bucket: MemoryBucket, *keys: str, body: bytes = b"x") -> None:
    for one in keys:
        bucket.put(one, body)


def plan(ledger: Ledger, least_id: int = -1, max_rows: int = 10**6, max_bytes: int = 10**6) -> Plan:
    return ledger.plan(
        ledger.find(),
        silver_version=3,
        expired_sequence={},
        least_id=least_id,
        max_rows=max_rows,
        max_bytes=max_bytes,
    )


def finish(ledger: Ledger, made: Plan, rows: int = 5) -> Result:
    read = tuple(_read(entry, rows) for entry in made.objects)
    result = Result(made.generation, made.batch_id, made.source, read, 4, made.planned_at, made.planned_at + 1)
    ledger.finish(result)
    return result


def _read(entry: BronzeObject, rows: int) -> ReadObject:
    if entry.source == places.DYNAMODB:
        return ReadObject(entry.key, entry.etag, "read", rows, outcomes={"applied": rows})
    first = KafkaObject.parse(entry.key).first
    return ReadObject(entry.key, entry.etag, "read", rows, first, first + rows - 1, {"applied": rows})


def test_a_restart_knows_plans_results_and_offsets_again(bucket: MemoryBucket) -> None:
    land(bucket, key(0), key(5), key(0, 1))
    ledger = Ledger(bucket, 0)
    first = plan(ledger)
    result = finish(ledger, first)
    land(bucket, key(10))
    second = plan(ledger)

    again = Ledger(bucket, 0)
    assert again.pending == [second]
    assert again.results == {1: result}
    assert (again.newest, again.next_offsets) == (2, {("id", 0): 10, ("id", 1): 5})
    assert again.find() == []
    finish(again, second)
    assert Ledger(bucket, 0).pending == []
    assert Ledger(bucket, 1).find() != []  # another generation has read nothing


def test_unfinished_plans_come_oldest_first(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    for first in (0, 5, 10):
        land(bucket, key(first))
        plan(ledger)
    finish(ledger, ledger.pending[1])
    assert [made.batch_id for made in ledger.pending] == [1, 3]
    assert [made.batch_id for made in Ledger(bucket, 0).pending] == [1, 3]


@pytest.mark.parametrize(("planned", "in_silver", "expected"), [(0, -1, 1), (2, -1, 3), (2, 2, 3), (2, 7, 8)])
def test_a_batch_id_is_above_plans_and_silver(
    bucket: MemoryBucket, planned: int, in_silver: int, expected: int
) -> None:
    ledger = Ledger(bucket, 0)
    for number in range(planned):
        land(bucket, key(number))
        plan(ledger)
    land(bucket, key(100))
    assert plan(ledger, least_id=in_silver).batch_id == expected
    assert places.plan(0, expected) in bucket.objects


def test_a_plan_of_another_driver_is_not_overwritten(bucket: MemoryBucket) -> None:
    land(bucket, key(0))
    one, other = Ledger(bucket, 0), Ledger(bucket, 0)
    made = plan(one)
    with pytest.raises(ContractError, match=r"plan 1 exists already; expected one driver; stop the other driver"):
        plan(other)
    assert Plan.from_json(bucket.objects[places.plan(0, 1)]) == made
    assert other.pending == []


def test_a_result_that_is_there_stays_as_it_is(bucket: MemoryBucket) -> None:
    land(bucket, key(0))
    one = Ledger(bucket, 0)
    made = plan(one)
    other = Ledger(bucket, 0)
    first = finish(one, made)
    finish(other, made, rows=9)
    assert Result.from_json(bucket.objects[places.result(0, 1)]) == first


def test_new_objects_are_looked_for_after_the_last_planned_key(bucket: MemoryBucket) -> None:
    land(bucket, key(0), key(5))
    ledger = Ledger(bucket, 0)
    plan(ledger)
    bucket.listed.clear()
    assert ledger.find() == []
    assert bucket.listed == [
        (KafkaObject.parse(key(5)).prefix, key(5)),
        (places.BRONZE_DYNAMODB, ""),
        (places.ERRORS, ""),
    ]
    land(bucket, key(7))
    assert [entry.key for entry in ledger.find()] == [key(7)]


def test_once_an_hour_an_object_is_found_that_came_late_below_the_last_key(
    bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(finding.time, "monotonic", lambda: now)
    land(bucket, key(0), key(10))
    ledger = Ledger(bucket, 0)
    plan(ledger)
    land(bucket, key(5))
    land(bucket, key(0), body=b"overwritten")
    assert ledger.find() == []
    now += finding.RECONCILE_SECONDS + 1
    found = ledger.find()
    assert [(entry.key, entry.etag) for entry in found] == [(key(0), etag(b"overwritten")), (key(5), etag(b"x"))]
    assert [entry.key for entry in plan(Ledger(bucket, 0)).objects] == [key(0), key(5)]  # and by any new driver


def test_what_a_plan_has_no_room_for_comes_next_wherever_it_lies(bucket: MemoryBucket) -> None:
    land(bucket, key(10))
    plan(Ledger(bucket, 0))
    land(bucket, key(0), key(3), key(6), body=b"x" * 10)
    ledger = Ledger(bucket, 0)
    assert [entry.key for entry in plan(ledger, max_bytes=10).objects] == [key(0)]
    assert [entry.key for entry in plan(ledger, max_bytes=20).objects] == [key(3), key(6)]
    assert ledger.find() == []


def test_what_is_no_object_of_ours_is_left_alone(bucket: MemoryBucket, caplog: pytest.LogCaptureFixture) -> None:
    land(bucket, key(0), f"{places.BRONZE_KAFKA}t/id/partition=0/readme.txt", f"{places.BRONZE_KAFKA}t/id/x/1")
    assert [entry.key for entry in Ledger(bucket, 0).find()] == [key(0)]
    assert caplog.messages.count("bronze object ignored") == 2


def bronze(partition: int, count: int, size: int = 10, step: int = 100) -> list[BronzeObject]:
    return [BronzeObject(key(number * step, partition), "e", size) for number in range(count)]


def taken(found: list[BronzeObject], max_rows: int, max_bytes: int) -> list[tuple[int, int]]:
    places_taken = [KafkaObject.parse(entry.key) for entry in bounded(found, max_rows, max_bytes)]
    return [(place.partition, place.first) for place in places_taken]


def test_a_batch_takes_the_oldest_of_each_prefix_in_turn() -> None:
    found = bronze(0, 3) + bronze(1, 1) + bronze(2, 2)
    assert taken(found, 10**6, 10**6) == [(0, 0), (1, 0), (2, 0), (0, 100), (2, 100), (0, 200)]


def test_a_batch_keeps_its_bounds() -> None:
    found = bronze(0, 5) + bronze(1, 5)
    assert taken(found, 10**6, 40) == [(0, 0), (1, 0), (0, 100), (1, 100)]
    assert taken(found, 300, 10**6) == [(0, 0), (1, 0), (0, 100)]


def test_a_batch_takes_one_object_however_large() -> None:
    assert taken(bronze(0, 2, size=99), 1, 1) == [(0, 0)]


def test_objects_that_share_a_mark_are_in_different_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "mark", lambda one: int(one.endswith(f"{200:020d}.jsonl.gz")))
    assert taken(bronze(0, 3), 10**6, 10**6) == [(0, 0)]


def test_the_first_generation_is_begun_and_another_zone_is_refused(bucket: MemoryBucket) -> None:
    settings = dataclasses.replace(Settings(), business_timezone="Europe/London")
    assert current_generation(bucket, settings).number == 0
    begun = {"number": 0, "business_timezone": "Europe/London", "mapping": ""}
    assert json.loads(bucket.objects[places.GENERATION]) == begun
    with pytest.raises(ConfigError, match=r"BUSINESS_TIMEZONE=UTC; expected Europe/London.*make rebuild"):
        current_generation(bucket, Settings())


def test_tables_that_were_built_with_another_mapping_are_refused(bucket: MemoryBucket) -> None:
    bucket.objects[places.GENERATION] = b'{"number": 3, "business_timezone": "UTC"}'  # of an earlier version
    assert current_generation(bucket, Settings()).fields == OWN
    bucket.objects[places.MAPPING] = OWN.to_json().replace('"attribute":"order_id"', '"attribute":"orderid"').encode()
    with pytest.raises(ConfigError, match=r"another mapping in ops/mapping\.json; expected the one .*`make rebuild`"):
        current_generation(bucket, Settings())
