"""Gold that keeps its days against all of silver read anew, over random histories of versions, faults and restarts."""

import contextlib
import datetime
import shutil
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.errors import SourceError
from lakehouse.tables import SILVER_ORDER_LINES, TABLES
from spark_jobs import gold, kept, merge
from spark_jobs.arrow import arrow_schema
from spark_jobs.commit import Rewrite
from spark_jobs.kept import Kept
from spark_jobs.merge import Merge
from spark_jobs.transforms import gold_few
from spark_jobs.transforms.day import Day
from tests.unit.local_tables import FolderBucket, LocalTables

pytestmark = pytest.mark.unit

DAYS = [datetime.date(2011, 1, day) for day in (1, 2, 3)]
SCHEMA = arrow_schema(SILVER_ORDER_LINES)


class Lake:
    """Silver in a folder, changed at random, and gold that follows."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.tables, self.kept, self._rng, self._sequence = LocalTables(folder), Kept(), Random(seed), 0
        self._folder = folder
        for table in TABLES[:5]:
            self.tables.create(table)

    def change(self) -> None:
        """A batch of inserts, updates and deletes, by append or MERGE as the driver does."""
        rng, rows = self._rng, {}
        for _ in range(rng.randint(1, 8)):
            self._sequence += 1
            key = ("kafka", f"{rng.randrange(8)}", rng.randint(1, 2))
            rows[key] = self._line() if rng.random() < 0.8 else {"is_deleted": True}
            rows[key] |= {"cdc_sequence": f"{self._sequence:020d}", "cdc_op": "u", "batch_id": self._sequence}
        given = [dict(zip(SILVER_ORDER_LINES.key, key, strict=True)) | row for key, row in rows.items()]
        held = {tuple(row.values()) for row in self._all().select(SILVER_ORDER_LINES.key).to_pylist()}
        batch = pa.Table.from_pylist(given, SCHEMA)
        if held & rows.keys():
            what = Merge(batch, "cdc_sequence", "app", self._sequence, "")
            merge.run(self.tables, FolderBucket(), SILVER_ORDER_LINES, what, now=1e9)
        else:
            self.tables.append_few(batch, SILVER_ORDER_LINES, "app", self._sequence, "")

    def compact(self) -> None:
        """All rows in one file, as compaction does it."""
        rewrite = Rewrite(self.tables, FolderBucket(), SILVER_ORDER_LINES, now=1e9)
        if rewrite.files:
            rewrite.commit(rewrite.files, [rewrite.put(rewrite.read(rewrite.files).sort_by("order_id"))])

    def lose_feed(self) -> None:
        """VACUUM removes what a feed needs."""
        shutil.rmtree(self._folder / SILVER_ORDER_LINES.name / "_change_data", ignore_errors=True)

    def restart(self) -> None:
        """Another driver, which keeps nothing."""
        self.kept = Kept()

    def follow(self) -> None:
        gold.run(self.tables, 0, kept=self.kept)  # type: ignore[arg-type]

    def fail(self) -> None:
        """The bucket gives up on the way, before or after a day has moved."""

        def failing(*_: object) -> None:
            raise SourceError("no answer")

        owner, name = self._rng.choice(((gold, "_write"), (kept, "Day"), (kept, "_others")))
        with pytest.MonkeyPatch.context() as patched, contextlib.suppress(SourceError):
            patched.setattr(owner, name, failing)
            self.follow()

    def differences(self) -> list[str]:
        wanted = gold_few.daily(self._all().select(gold_few.COLUMNS).to_reader(), None)
        return [
            table.full_name
            for table, rows in wanted.items()
            if told(self.tables.handle(table).to_pyarrow_table()) != told(rows)
        ]

    def _all(self) -> pa.Table:
        return self.tables.handle(SILVER_ORDER_LINES).to_pyarrow_table()

    def _line(self) -> dict[str, Any]:
        rng, day = self._rng, self._rng.choice(DAYS)
        return {
            "product_id": rng.choice("PQ"),
            "description": rng.choice((None, "x", "y")),
            "quantity": rng.randint(-2, 3),
            "unit_price": Decimal(rng.randint(-500, 9999)) / 1000,
            "customer_id": rng.choice((None, "1", "2")),
            "country": rng.choice(("UK", "EIRE")),
            "ordered_at": datetime.datetime(2011, 1, day.day, rng.randrange(24), tzinfo=datetime.UTC),
            "sales_date": day,
            "is_deleted": False,
        }


def told(rows: pa.Table) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows.to_pylist())


WHAT = ("change", "change", "change", "follow", "follow", "follow", "compact", "lose_feed", "restart", "fail")


@pytest.mark.parametrize("seed", range(2))
def test_gold_is_that_of_all_of_silver_whatever_happens(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "LEAST_LINES", 0)
    lake = Lake(tmp_path, seed)
    for what in ("change", "follow") * 3 + tuple(Random(seed).choices(WHAT, k=20)):
        getattr(lake, what)()
        assert what != "follow" or lake.differences() == []


def test_a_day_that_changes_twice_in_a_row_is_read_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LEAST_LINES", 0)
    monkeypatch.setattr("tests.unit.test_kept.DAYS", DAYS[:1])
    lake = Lake(tmp_path, 1)
    for _ in range(3):
        lake.change()
        lake.follow()
    scan = LocalTables.scan

    def narrow(self: LocalTables, *given: Any) -> Any:
        return pytest.fail("the day was read") if "sales_date" in given else scan(self, *given)

    monkeypatch.setattr(LocalTables, "scan", narrow)
    lake.compact()  # changes no day
    lake.follow()
    lake.change()
    lake.follow()
    assert lake.differences() == []


def test_a_day_of_few_lines_is_read_and_looked_at_again_when_its_files_hold_twice_as_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.unit.test_kept.DAYS", DAYS[:1])
    monkeypatch.setattr(kept, "LEAST_LINES", 2)
    monkeypatch.setattr(Day, "lines", 0)
    lines = []
    monkeypatch.setattr(kept, "Day", lambda day, read: lines.append(read().read_all().num_rows) or Day(day, read))
    lake = Lake(tmp_path, 1)
    for _ in range(5):
        lake.change()
        lake.follow()
    assert lines and all(after >= 2 * before for before, after in pairwise(lines))
    assert lake.differences() == []
