"""MERGE file by file: the table and its change feed against a dictionary, and which files are written."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.errors import ContractError, SourceError
from lakehouse.tables import SILVER_ORDER_LINES, Table
from spark_jobs import commit, merge
from spark_jobs.arrow import arrow_schema
from spark_jobs.merge import Merge
from tests.unit.local_tables import FolderBucket, LocalTables

pytestmark = pytest.mark.unit

Key = tuple[str, int]
ROWS_PER_FILE = 4


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "rows_per_file", lambda _: ROWS_PER_FILE)


@pytest.fixture
def tables(tmp_path: Path) -> LocalTables:
    return new_tables(tmp_path)


def new_tables(folder: Path) -> LocalTables:
    found = LocalTables(folder)
    found.create(SILVER_ORDER_LINES)
    return found


def rows(changes: dict[Key, int]) -> pa.Table:
    """Rows of silver: by key the sequence, which the rest of the row tells too."""
    made = [
        {"source": "kafka", "order_id": order_id, "line_no": line_no, "quantity": sequence, "cdc_op": "c"}
        | {"description": None if sequence % 3 else f"number {sequence}", "cdc_sequence": f"{sequence:020d}"}
        | {"is_deleted": sequence % 5 == 0, "batch_id": sequence}
        for (order_id, line_no), sequence in changes.items()
    ]
    return pa.Table.from_pylist(made, arrow_schema(SILVER_ORDER_LINES))


def run(tables: LocalTables, changes: dict[Key, int], version: int = 1) -> None:
    what = Merge(rows(changes), "cdc_sequence", "app", version, f"batch {version}")
    merge.run(tables, FolderBucket(), SILVER_ORDER_LINES, what, now=1e9)


def listed(found: pa.Table, *others: str) -> list[dict[str, Any]]:
    return sorted(found.select([*SILVER_ORDER_LINES.names, *others]).to_pylist(), key=repr)


def content(tables: LocalTables) -> list[dict[str, Any]]:
    return listed(tables.handle(SILVER_ORDER_LINES).to_pyarrow_table())


def feed(tables: LocalTables) -> dict[str, list[dict[str, Any]]]:
    """By change type, the rows of the newest version's change feed."""
    version = tables.version(SILVER_ORDER_LINES)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in listed(pa.table(tables.handle(SILVER_ORDER_LINES).load_cdf(version, version)), "_change_type"):
        found[row.pop("_change_type")].append(row)
    return found


def paths(tables: LocalTables) -> dict[str, tuple[int, str, str]]:
    """By path, a file's rows, its least and its greatest order_id."""
    adds = pa.table(tables.handle(SILVER_ORDER_LINES).get_add_actions(flatten=True)).to_pylist()
    return {add["path"]: (add["num_records"], add["min.order_id"], add["max.order_id"]) for add in adds}


def newer(held: dict[Key, int], changes: Iterable[tuple[Key, int]]) -> dict[Key, int]:
    return {key: sequence for key, sequence in changes if sequence > held.get(key, -1)}


KEYS = st.tuples(st.sampled_from([f"{number:02d}" for number in range(12)]), st.integers(1, 2))
BATCHES = st.lists(st.dictionaries(KEYS, st.integers(0, 9), min_size=1, max_size=12), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, st.integers(0, 5), max_size=20), BATCHES)
def test_table_and_feed_are_those_of_a_dictionary(first: dict[Key, int], batches: list[dict[Key, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(merge, "rows_per_file", lambda _: ROWS_PER_FILE)
        tables = new_tables(Path(folder))
        held = dict(first)
        if held:
            tables.append_few(rows(held), SILVER_ORDER_LINES, "app", 0, "")
        for version, batch in enumerate(batches, start=1):
            taken = newer(held, batch.items())
            known = {key: held[key] for key in taken if key in held}
            run(tables, batch, version)
            held |= taken
            assert content(tables) == listed(rows(held))
            assert tables.transaction(SILVER_ORDER_LINES, "app") == version
            expected = {
                "insert": listed(rows({key: sequence for key, sequence in taken.items() if key not in known})),
                "update_preimage": listed(rows(known)),
                "update_postimage": listed(rows({key: taken[key] for key in known})),
            }
            assert feed(tables) == {kind: found for kind, found in expected.items() if found}


def test_only_files_that_hold_a_replaced_row_are_written_and_each_apart(tables: LocalTables) -> None:
    for version, name in enumerate("acegi"):
        tables.append_few(rows({(f"{name}{n}", 1): 1 for n in range(4)}), SILVER_ORDER_LINES, "app", version, "")
    before = paths(tables)
    # rows of a and g; c has the key, but a newer row; i begins before the value and ends after it, but not its key
    run(tables, {("a1", 1): 2, ("g0", 1): 2, ("g3", 1): 2, ("c1", 1): 0, ("i11", 1): 2}, 9)
    after = paths(tables)
    kept = sorted(low for path, (_, low, _) in after.items() if path in before)
    assert kept == ["c0", "e0", "i0"]
    written = sorted(found for path, found in after.items() if path not in before)
    assert written == [(1, "i11", "i11"), (4, "a0", "a3"), (4, "g0", "g3")]
    assert [row["order_id"] for row in content(tables) if row["batch_id"] == 2] == ["a1", "g0", "g3", "i11"]


def test_new_rows_join_the_file_before_them_until_it_is_full_and_are_split_in_time(tables: LocalTables) -> None:
    tables.append_few(rows({("a", 1): 1, ("b", 1): 1}), SILVER_ORDER_LINES, "app", 0, "")
    run(tables, {("b", 1): 2, ("c", 1): 1, ("d", 1): 1}, 1)
    assert list(paths(tables).values()) == [(4, "a", "d")]
    run(tables, {("b", 1): 3, ("bb", 1): 1, ("e", 1): 1, ("A", 1): 1}, 2)  # full: what lies within it still joins it
    assert sorted(paths(tables).values()) == [(1, "A", "A"), (1, "e", "e"), (5, "a", "d")]
    run(tables, {("a", 1): 4} | {(f"a{number}", 1): 1 for number in range(5)}, 3)
    written = sorted(paths(tables).values())
    assert written == [(1, "A", "A"), (1, "e", "e"), (3, "a", "a1"), (3, "a2", "a4"), (4, "b", "d")]


def test_new_rows_do_not_reach_over_a_file_that_is_left_alone(tables: LocalTables) -> None:
    tables.append_few(rows({("a", 1): 1}), SILVER_ORDER_LINES, "app", 0, "")
    tables.append_few(rows({("c", 1): 1}), SILVER_ORDER_LINES, "app", 1, "")
    run(tables, {("a", 1): 2, ("b", 1): 1, ("d", 1): 1}, 2)
    assert sorted(paths(tables).values()) == [(1, "c", "c"), (1, "d", "d"), (2, "a", "b")]


def test_of_two_writers_one_is_refused_and_nothing_of_it_is_seen(
    tables: LocalTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.append_few(rows({("a", 1): 1}), SILVER_ORDER_LINES, "app", 0, "")
    put = commit.Rewrite.put

    def other_first(self: commit.Rewrite, part: pa.Table) -> commit.NewFile:
        LocalTables(tmp_path).append_few(rows({("z", 1): 1}), SILVER_ORDER_LINES, "other", 0, "")
        return put(self, part)

    monkeypatch.setattr(commit.Rewrite, "put", other_first)
    with pytest.raises(ContractError, match="another driver"):
        run(tables, {("a", 1): 2})
    assert content(tables) == listed(rows({("a", 1): 1, ("z", 1): 1}))


def test_columns_beyond_the_contract_are_kept(tables: LocalTables) -> None:
    tables.append_few(rows({("a", 1): 1, ("b", 1): 1}), SILVER_ORDER_LINES, "app", 0, "")
    tables.add_columns(SILVER_ORDER_LINES, {"gift": ""}, "")
    table: Table = SILVER_ORDER_LINES
    given = rows({("b", 1): 2, ("c", 1): 1}).append_column("gift", pa.array(["yes", None]))
    merge.run(tables, FolderBucket(), table, Merge(given, "cdc_sequence", "app", 1, ""), now=1e9)
    found = tables.handle(table).to_pyarrow_table().sort_by("order_id")
    assert found["gift"].to_pylist() == [None, "yes", None]


def test_the_feed_tells_the_values_of_changed_rows_until_it_is_gone(tables: LocalTables, tmp_path: Path) -> None:
    tables.append_few(rows({("a", 1): 1, ("b", 1): 1}), SILVER_ORDER_LINES, "app", 0, "")
    run(tables, {("b", 1): 2, ("c", 1): 3}, 1)
    assert tables.changed(SILVER_ORDER_LINES, "quantity", 1, 2) == {1, 2, 3}
    assert tables.changed(SILVER_ORDER_LINES, "sales_date", 1, 2) == frozenset()  # nulls are no values
    with pytest.raises(SourceError, match="No field named"):
        tables.changed(SILVER_ORDER_LINES, "nothing", 1, 2)
    shutil.rmtree(tmp_path / SILVER_ORDER_LINES.name / "_change_data")
    assert tables.changed(SILVER_ORDER_LINES, "quantity", 1, 2) is None
