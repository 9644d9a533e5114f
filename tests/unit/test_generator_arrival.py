"""Waiting for a run to DynamoDB: the rows that gold shows are the shop's, and nothing less will do."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from generator import arrival, dataset, silver, truth
from generator.steps import final
from lakehouse.errors import SourceError
from lakehouse.progress import Progress

pytestmark = pytest.mark.unit

EXPECTED = truth.table(final(step for block in dataset.read(limit=50).blocks() for step in block))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "LOOK_SECONDS", 0.0)


def other(rows: pa.Table) -> pa.Table:
    """The same number of rows, one of them with another quantity."""
    listed = rows.to_pylist()
    listed[7] |= {"quantity": listed[7]["quantity"] + 1}
    return pa.Table.from_pylist(listed, rows.schema)


def test_it_looks_at_each_version_once_until_all_is_there() -> None:
    versions = {1: EXPECTED.slice(0, 20), 2: pa.concat_tables([EXPECTED, EXPECTED.slice(0, 1)]), 3: other(EXPECTED)}
    versions[4] = EXPECTED.take(list(reversed(range(50))))
    seen: list[int] = []
    reports: list[int] = []

    def rows(version: int) -> pa.Table:
        seen.append(version)
        return versions[version]

    looks = iter([None, -1, 1, 1, 2, 3, 3, 4])

    def read() -> Progress | None:
        version = next(looks)
        return None if version is None else Progress(silver_version=version)

    assert arrival.until_shown(EXPECTED, read, rows, lambda _, done, total: reports.append(done))
    assert seen == [1, 2, 3, 4]
    assert reports == [20, 49, 49, 50]


def test_it_gives_up_when_gold_does_not_advance() -> None:
    with pytest.raises(SourceError, match=r"gold has not advanced for 0 s; rows pending: 30; expected all of them"):
        arrival.until_shown(EXPECTED, lambda: Progress(silver_version=1), lambda _: EXPECTED.slice(0, 20), patience=0.0)


def test_it_stops_when_asked() -> None:
    assert not arrival.until_shown(EXPECTED, lambda: None, lambda _: EXPECTED, stop=lambda: True)


def test_rows_of_silver_are_read_in_the_columns_and_types_that_are_asked_for(tmp_path: Path) -> None:
    held = EXPECTED.append_column("is_deleted", pa.array([number == 3 for number in range(50)]))
    write_deltalake(str(tmp_path), held)
    found = silver.of_table(DeltaTable(str(tmp_path)), truth.SCHEMA, "NOT is_deleted")
    assert found.schema.equals(truth.SCHEMA)
    assert arrival.pending(pa.concat_tables([EXPECTED.slice(0, 3), EXPECTED.slice(4)]), found) == 0
