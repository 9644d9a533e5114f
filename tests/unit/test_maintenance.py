"""What is due when: the most overdue first, nothing while a plan waits, and a failure does not stop the others."""

from typing import Any

import pytest

from lakehouse.errors import SourceError
from lakehouse.settings import Settings
from lakehouse.tables import TABLES
from spark_jobs import maintenance
from spark_jobs.ledger import Ledger
from spark_jobs.maintenance import Maintenance
from tests.unit.memory_bucket import MemoryBucket
from tests.unit.test_ledger import finish, key, land, plan

pytestmark = pytest.mark.unit


class Site:
    """A ledger, a clock, and tables for which there is `work` to do: by name, how many pieces."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bucket, self.now = MemoryBucket(), 1_000_000.0
        self.ledger = Ledger(self.bucket, 0)
        self.published = 0
        self.work: dict[str, int] = {}
        self.looked: list[str] = []
        monkeypatch.setattr(maintenance.compaction, "run", lambda *given, now: self._do(f"compact {given[2].name}"))
        monkeypatch.setattr(maintenance.vacuum, "run", lambda *given, now: self._do(f"vacuum {given[2].name}"))
        monkeypatch.setattr(maintenance.expiry, "run", lambda *_, through, now: self._do(f"expire {through}"))
        monkeypatch.setattr(maintenance.gold, "run", lambda *_: self.looked.append("gold"))
        tables: Any = None
        publisher: Any = self
        self.maintenance = Maintenance(tables, self.bucket, self.ledger, publisher, Settings(), lambda: self.now)

    def note(self, step: None) -> None:
        """As a publisher's."""

    def _do(self, name: str) -> int:
        self.looked.append(name)
        if name in self.work:
            self.work[name] -= 1
            if self.work[name] < 0:
                raise SourceError("the bucket did not answer", "", "")
        return int(self.work.get(name, 0) > 0)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


def test_nothing_is_due_at_first_and_each_piece_after_its_time(site: Site) -> None:
    assert site.maintenance.step() is None
    assert site.looked == []
    site.now += maintenance.COMPACT_SECONDS
    assert site.maintenance.step() is None
    assert site.looked == [f"compact {table.name}" for table in TABLES]
    site.looked.clear()
    site.now += maintenance.VACUUM_SECONDS
    assert site.maintenance.step() is None
    assert site.looked[0].startswith("compact"), "the most overdue comes first"
    assert sorted(site.looked) == sorted(
        [*(f"{what} {table.name}" for what in ("compact", "vacuum") for table in TABLES), "expire 0", "gold"]
    )
    assert site.looked.index("gold") == site.looked.index("vacuum order_lines") - 1


def test_a_step_is_one_piece_of_work_and_the_next_goes_on_with_it(site: Site) -> None:
    site.work = {"compact rejected": 3}
    site.now += maintenance.COMPACT_SECONDS
    assert site.maintenance.step() == site.maintenance.step() == "compact silver.rejected"
    assert site.maintenance.step() is None
    assert site.looked.count("compact rejected") == 3


def test_a_piece_that_fails_is_told_and_tried_again_when_it_is_due(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.work = {"compact rejected": 0}
    site.now += maintenance.COMPACT_SECONDS
    assert site.maintenance.step() is None
    assert caplog.messages == ["maintenance failed"]
    assert site.looked[-1] == f"compact {TABLES[-1].name}", "the others are done all the same"
    assert site.maintenance.step() is None
    assert len(caplog.messages) == 1
    site.now += maintenance.COMPACT_SECONDS
    assert site.maintenance.step() is None
    assert len(caplog.messages) == 2


def test_nothing_is_done_while_a_plan_is_unfinished(site: Site) -> None:
    land(site.bucket, key(0))
    made = plan(site.ledger)
    site.now += 2 * maintenance.VACUUM_SECONDS
    assert (site.maintenance.step(), site.maintenance.run(), site.looked) == (None, 0, [])
    finish(site.ledger, made)
    site.maintenance.step()
    assert site.looked


def test_the_ledger_is_folded_as_far_as_it_is_published(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "FOLD_BATCHES", 10)
    for number in range(12):
        land(site.bucket, key(number))
        finish(site.ledger, plan(site.ledger))
    site.now += maintenance.FOLD_SECONDS
    assert site.maintenance.step() is None
    site.published = 9
    site.now += maintenance.FOLD_SECONDS
    assert site.maintenance.step() == "fold the ledger"
    assert sorted(site.ledger.results) == [10, 11, 12]
    assert site.maintenance.step() is None


def test_tombstones_expire_by_the_time_of_their_plan(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, days in enumerate((0, 10, 25)):
        monkeypatch.setattr("spark_jobs.ledger.time.time", lambda days=days: 1_000_000.0 + days * 86400)
        land(site.bucket, key(number))
        finish(site.ledger, plan(site.ledger))
    for days, through in ((29, 0), (31, 1), (39, 1), (41, 2), (56, 3)):
        site.now = 1_000_000.0 + days * 86400
        site.maintenance.run()
        assert site.looked.pop(site.looked.index(f"expire {through}"))
