"""Folding the ledger: nothing is forgotten or read twice, wherever the driver dies, and nothing grows with batches."""

import dataclasses
import json
from collections.abc import Iterator
from random import Random

import pytest

from lakehouse import places
from lakehouse.errors import ContractError, SourceError
from spark_jobs import checkpoint, finding
from spark_jobs.ledger import Ledger
from spark_jobs.plans import BronzeObject
from tests.unit.memory_bucket import MemoryBucket, etag
from tests.unit.test_ledger import finish, key, land, plan

pytestmark = pytest.mark.unit


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


def batches(bucket: MemoryBucket, ledger: Ledger, firsts: range, partition: int = 0) -> None:
    for first in firsts:
        land(bucket, key(first, partition))
        finish(ledger, plan(ledger), rows=1)


def books(ledger: Ledger) -> tuple[object, ...]:
    """What a ledger knows, however it is kept."""
    return ledger.next_offsets, ledger.totals, ledger.newest, ledger.finished, ledger.pending


def under(bucket: MemoryBucket, prefix: str) -> list[int]:
    return [places.batch_of(name) for name in sorted(bucket.objects) if name.startswith(prefix)]


def test_a_folded_ledger_knows_what_the_batches_said(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    batches(bucket, ledger, range(7))
    batches(bucket, ledger, range(3), partition=1)
    before = books(Ledger(bucket, 0))
    assert ledger.totals["rows_read"] == ledger.totals["applied"] == 10

    assert ledger.fold(through=8) == 8
    assert books(ledger) == before == books(Ledger(bucket, 0))
    assert under(bucket, places.plans(0)) == under(bucket, places.results(0)) == [9, 10]
    assert sorted(Ledger(bucket, 0).results) == [9, 10]
    assert ledger.fold(through=99) == 1, "the newest plan stays"
    assert under(bucket, places.plans(0)) == under(bucket, places.results(0)) == [10]
    assert under(bucket, places.checkpoints(0)) == [9]
    assert books(ledger) == before == books(Ledger(bucket, 0))
    assert ledger.find() == Ledger(bucket, 0).find() == []

    batches(bucket, ledger, range(7, 9))
    again = Ledger(bucket, 0)
    assert books(again) == books(ledger)
    assert again.next_offsets == {("id", 0): 9, ("id", 1): 3}


def test_what_is_not_finished_is_not_folded(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    for first in range(5):
        land(bucket, key(first))
        plan(ledger)
    for made in (ledger.pending[0], ledger.pending[1], ledger.pending[3]):
        finish(ledger, made)
    assert ledger.fold(through=99) == 2
    assert [made.batch_id for made in Ledger(bucket, 0).pending] == [3, 5]
    assert sorted(Ledger(bucket, 0).results) == [4]
    assert ledger.find() == Ledger(bucket, 0).find() == []


def test_objects_are_found_that_come_late_or_change_after_they_were_folded(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    batches(bucket, ledger, range(10, 100, 10))
    ledger.fold(through=7)
    land(bucket, key(5), key(41))
    land(bucket, key(60), body=b"overwritten")
    again = Ledger(bucket, 0)
    found = again.find()
    assert [(one.key, one.etag) for one in found] == [
        (key(5), etag(b"x")),
        (key(41), etag(b"x")),
        (key(60), etag(b"overwritten")),
    ]
    finish(again, plan(again), rows=1)
    for number in range(2):  # known by the batch, then by the page that the next fold puts them in
        fresh = Ledger(bucket, 0)
        assert fresh.find() == [] == Ledger(bucket, 0).find()
        land(bucket, key(200 + number))
        finish(fresh, plan(fresh), rows=1)
        fresh.fold(through=99)


def test_a_look_at_everything_is_cut_into_slices(bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "PAGE_OBJECTS", 3)
    monkeypatch.setattr(finding, "SLICE_SECONDS", -1.0)  # each is over at once
    ledger = Ledger(bucket, 0)
    for start in range(10, 90, 20):
        batches(bucket, ledger, range(start, start + 20, 5))
        while ledger.reconciling:
            ledger.find()
        ledger.fold(through=99)
    land(bucket, key(12), key(71))
    again = Ledger(bucket, 0)
    looks = [[one.key for one in again.find()]]
    while again.reconciling:
        assert again.fold(through=99) == 0, "the pages stay while they are read"
        looks.append([one.key for one in again.find()])
    assert len(looks) >= 4
    assert looks[0] == [key(12)]
    assert looks[-1] == [key(12), key(71)] == [one.key for one in again.find()]


def test_a_look_at_everything_that_fails_begins_again(bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(bucket, 0)
    batches(bucket, ledger, range(10, 30, 2))
    ledger.fold(through=9)
    land(bucket, key(13))
    again = Ledger(bucket, 0)
    with monkeypatch.context() as broken, pytest.raises(SourceError):
        broken.setattr(bucket, "present", lambda key: (_ for _ in ()).throw(SourceError("no answer", "", "")))
        again.find()
    assert [one.key for one in again.find()] == [key(13)]


def test_bronze_that_is_deleted_hides_nothing(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    batches(bucket, ledger, range(0, 50, 5))
    ledger.fold(through=99)
    del bucket.objects[key(10)]
    land(bucket, key(12))
    assert [one.key for one in Ledger(bucket, 0).find()] == [key(12)]


def test_random_histories_with_folds_and_restarts_read_every_object_once(
    bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PAGE_OBJECTS", 4)
    rng, ledger = Random(1), Ledger(bucket, 0)
    read: list[tuple[str, str]] = []
    truth: dict[str, bytes] = {}
    for number in range(300):
        one, body = key(rng.randrange(150), rng.randrange(2)), rng.randbytes(1)
        land(bucket, one, body=body)
        truth[one] = body
        if rng.random() < 0.3:
            ledger = Ledger(bucket, 0)  # which looks at everything
            while ledger.find():
                made = plan(ledger, max_bytes=rng.randint(1, 4))
                read += [(entry.key, entry.etag) for entry in made.objects]
                finish(ledger, made, rows=1)
        if rng.random() < 0.3:
            ledger.fold(through=number)
    assert len(read) > 150
    last = dict(read)
    waiting = {one.key: one.etag for one in Ledger(bucket, 0).find()}
    assert last | waiting == {one: etag(body) for one, body in truth.items()}
    assert not {(one, tag) for one, tag in waiting.items() if last.get(one) == tag}
    assert ledger.totals["rows_read"] == len(read)
    for pages in Ledger(bucket, 0).checkpoint.pages.values():
        assert [page.low for page in pages] == sorted(page.low for page in pages)
        assert max(page.count for page in pages) < 2 * 4
        assert all(page.key in bucket.objects for page in pages)


class Dead(BaseException):
    """Nothing catches it, as nothing catches kill -9."""


class MortalBucket(MemoryBucket):
    """Dies at the n-th change of what lies in it, before or after; n counts from 0."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__()
        self.objects = objects
        self.left: float = float("inf")
        self.after = False

    def _change(self) -> Iterator[None]:
        self.left -= 1
        if self.left < 0 and not self.after:
            raise Dead
        yield
        if self.left < 0:
            raise Dead

    def put(self, key: str, body: bytes) -> None:
        for _ in self._change():
            super().put(key, body)

    def create(self, key: str, body: bytes) -> bool:
        done = False
        for _ in self._change():
            done = super().create(key, body)
        return done

    def delete_keys(self, keys: object) -> None:
        for one in list(keys):  # type: ignore[call-overload]
            for _ in self._change():
                super().delete_keys([one])


@pytest.mark.parametrize("after", [False, True])
def test_a_driver_that_dies_anywhere_in_a_fold_has_lost_nothing(after: bool) -> None:
    start = MemoryBucket()
    ledger = Ledger(start, 0)
    batches(start, ledger, range(0, 12, 2))
    ledger.fold(through=4)
    land(start, key(1), key(5))  # late: into the page that is there
    ledger = Ledger(start, 0)
    finish(ledger, plan(ledger), rows=1)
    batches(start, ledger, range(3), partition=1)
    before = books(Ledger(start, 0))
    for step in range(50):
        bucket = MortalBucket(dict(start.objects))
        dying = Ledger(bucket, 0)
        bucket.left, bucket.after = step, after
        try:
            dying.fold(through=99)
        except Dead:
            bucket.left = float("inf")
        else:
            break
        survivor = Ledger(bucket, 0)
        assert books(survivor) == before
        assert survivor.find() == []
        batches(bucket, survivor, range(20, 22))
        survivor.fold(through=99)
        last = Ledger(bucket, 0)
        assert last.find() == []
        assert last.totals["rows_read"] == 13
        assert under(bucket, places.plans(0)) == [survivor.newest]
        assert under(bucket, places.checkpoints(0)) == [survivor.newest - 1]
        named = {page.key for pages in last.checkpoint.pages.values() for page in pages}
        assert named == {name for name in bucket.objects if name.startswith(places.pages(0))}
    assert step > 10


def test_a_checkpoint_of_another_driver_is_not_overwritten(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    batches(bucket, ledger, range(4))
    other = Ledger(bucket, 0)
    ledger.fold(through=3)
    with pytest.raises(ContractError, match=r"exists already; expected one driver; stop the other driver"):
        other.fold(through=3)
    assert books(Ledger(bucket, 0)) == books(ledger)


def test_memory_and_books_do_not_grow_with_the_number_of_batches(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    sizes = []
    for number in range(20):
        batches(bucket, ledger, range(50 * number, 50 * (number + 1)))
        ledger.fold(through=ledger.finished)
        kept = len(ledger.results) + len(ledger._finder._known) + len(ledger.checkpoint.marks)
        books_kept = [name for name in bucket.objects if name.startswith("ops/")]
        sizes.append((kept, len(books_kept), len(ledger.checkpoint.pages)))
    assert len(set(sizes)) == 1, sizes  # 50 batches or 1,000: one page, one checkpoint, the newest plan and result
    bucket.listed.clear()
    ledger.find()
    assert len(bucket.listed) == 3, "a look for new objects lists what comes after the last key"


def test_planning_times_are_known_of_folded_and_of_recent_batches(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    hours = [0, 0.5, 0.9, 5, 5.1, 6.05, 6.2, 9]
    for number, hour in enumerate(hours):
        land(bucket, key(number))
        made = dataclasses.replace(plan(ledger), planned_at=hour * 3600)
        finish(ledger, made)
    exact = {hour: ledger.planned_by(hour * 3600) for hour in (-1, 0, 0.6, 2, 5, 6.1, 8, 9)}
    assert exact == {-1: 0, 0: 1, 0.6: 2, 2: 3, 5: 4, 6.1: 6, 8: 7, 9: 8}
    ledger.fold(through=7)
    for known in (ledger, Ledger(bucket, 0)):
        later = {hour: known.planned_by(hour * 3600) for hour in exact}
        assert later == {**exact, 0.6: 1}  # at most an hour later, never earlier
    assert [mark[0] for mark in ledger.checkpoint.marks] == [1, 3, 4, 5, 6, 7]


def test_a_clock_that_was_wrong_makes_tombstones_live_longer_not_shorter(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    for number, moment in enumerate((100.0, 9e9, 200.0, 300.0)):
        land(bucket, key(number))
        finish(ledger, dataclasses.replace(plan(ledger), planned_at=moment))
    assert ledger.planned_by(1000) == 1
    ledger.fold(through=3)
    assert Ledger(bucket, 0).planned_by(1000) == 1


def test_old_marks_are_dropped_but_for_the_newest(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    for day in range(6):
        land(bucket, key(day))
        finish(ledger, dataclasses.replace(plan(ledger), planned_at=day * 86400.0))
    ledger.fold(through=5, forget_before=3.5 * 86400)
    assert [mark[0] for mark in ledger.checkpoint.marks] == [4, 5]


def test_a_checkpoint_comes_back_as_it_was(bucket: MemoryBucket) -> None:
    ledger = Ledger(bucket, 0)
    batches(bucket, ledger, range(3))
    ledger.fold(through=2)
    text = bucket.objects[places.checkpoint(0, 2)]
    assert checkpoint.Checkpoint.from_json(text) == ledger.checkpoint
    page = ledger.checkpoint.pages[places.KafkaObject.parse(key(0)).prefix][0]
    assert json.loads(bucket.objects[page.key]) == {f"{first:020d}.jsonl.gz": etag(b"x") for first in (0, 1)}
    assert (page.low, page.high, page.count) == (*(f"{first:020d}.jsonl.gz" for first in (0, 1)), 2)
    assert ledger.plan([BronzeObject(key(9), "e", 1)], silver_version=0, expired_sequence={}, least_id=0,
                       max_rows=1, max_bytes=1).batch_id == 4  # fmt: skip
