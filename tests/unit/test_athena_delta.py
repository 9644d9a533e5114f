"""Delta tables: schema and files from the log, pruning, evolution, and one version for each query."""

import datetime as dt
import decimal
import json
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from infra.local.athena.contract import Column, QueryError, Range
from infra.local.athena.tables import delta
from infra.local.athena.tables.scan import may_match
from tests.unit.athena_lake import Lake

pytestmark = pytest.mark.unit


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def write(lake: Lake, name: str, rows: Any, **options: Any) -> None:
    """Append rows to a Delta table, and describe it as the Glue API's way has it."""
    path = lake.folder / "delta" / name
    path.mkdir(parents=True, exist_ok=True)
    write_deltalake(str(path), rows, mode=options.pop("mode", "append"), **options)
    lake.add(name, {"col": "array<string>"}, parameters={"spark.sql.sources.provider": "delta"})


def test_the_schema_is_that_of_the_log(lake: Lake) -> None:
    rows = pa.table({
        "Id": pa.array([1], pa.int64()),
        "day": pa.array([dt.date(2024, 1, 2)]),
        "at": pa.array([dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)], pa.timestamp("us", "UTC")),
        "price": pa.array([decimal.Decimal("1.500")], pa.decimal128(12, 3)),
        "quantiles": pa.array([[("p50", 0.5)]], pa.map_(pa.string(), pa.float64())),
    })  # fmt: skip
    write(lake, "t", rows, partition_by=["day"])
    relation = lake.catalog().relation("db", "t")
    assert relation.columns == (
        Column("id", "bigint"),
        Column("at", "timestamp(3)"),
        Column("price", "decimal(12,3)"),
        Column("quantiles", "map(varchar, double)"),
        Column("day", "date"),
    )
    assert relation.partitions == ("day",)
    kinds = "bigint timestamp(3) decimal(12,3) map(varchar,double) date"
    assert lake.query("SELECT * FROM t", kinds, "t") == [
        ["1", "2024-01-02 03:04:05.000", "1.500", "{p50=0.5}", "2024-01-02"]
    ]


def test_partitions_have_any_value(lake: Lake) -> None:
    names = ["a b", "x/y", "100%", "k=v", "é", "it's", None]
    write(lake, "t", pa.table({"p": names, "n": range(len(names))}), partition_by=["p"])
    found = lake.query("SELECT p, n FROM t ORDER BY n", "varchar bigint", "t")
    assert found == [[name, str(number)] for number, name in enumerate(names)]
    found = lake.query('SELECT DISTINCT p FROM "t$partitions"', "varchar", "t$partitions")
    assert {name for (name,) in found} == set(names)


def test_a_column_that_came_later_is_null_in_old_files(lake: Lake) -> None:
    write(lake, "t", pa.table({"a": pa.array([1], pa.int32())}))
    write(lake, "t", pa.table({"a": pa.array([2], pa.int32()), "b": ["new"]}), schema_mode="merge")
    assert lake.query("SELECT a, b FROM t ORDER BY a", "integer varchar", "t") == [["1", None], ["2", "new"]]
    assert lake.query("SELECT a FROM t WHERE b IS NULL", "integer", "t") == [["1"]]


def test_files_that_cannot_match_are_not_read(lake: Lake) -> None:
    for day in (1, 2, 3):
        rows = pa.table({"day": [dt.date(2024, 1, day)] * 2, "n": [day * 10, day * 10 + 5], "s": ["a", "z"]})
        write(lake, "t", rows, partition_by=["day"])
    cases: list[tuple[dict[str, Range], str, int]] = [
        ({"day": Range(low=dt.date(2024, 1, 2))}, "day >= '2024-01-02'", 2),
        ({"n": Range(high=15)}, "n <= 15", 1),
        ({"n": Range(low=16, high=19)}, "n BETWEEN 16 AND 19", 0),
        ({"n": Range(values=frozenset({20, 35}))}, "n IN (20, 35)", 2),
        ({"s": Range(values=frozenset({"q"}))}, "s = 'q'", 3),
        (
            {"day": Range(values=frozenset({dt.date(2024, 1, 3)})), "n": Range(low=31)},
            "day = '2024-01-03' AND n > 30",
            1,
        ),
    ]
    everything = lake.query("SELECT n FROM t ORDER BY n", "bigint", "t")
    assert len(everything) == 6
    for ranges, where, files in cases:
        lake.linked.clear()
        pruned = lake.query(f"SELECT n FROM t WHERE {where} ORDER BY n", "bigint", "t", ranges=ranges)
        assert len(lake.linked) == files, where
        assert pruned == lake.query(f"SELECT n FROM t WHERE {where} ORDER BY n", "bigint", "t"), where


def test_times_are_pruned_by_their_instant_and_cut_statistics_lose_no_row(lake: Lake) -> None:
    moments = [dt.datetime(2024, 1, 1, 12, 0, 0, 123_999, tzinfo=dt.UTC), dt.datetime(2024, 1, 2, tzinfo=dt.UTC)]
    for moment in moments:
        write(lake, "t", pa.table({"at": pa.array([moment], pa.timestamp("us", "UTC"))}))
    cut(lake.folder / "delta" / "t")
    late = Range(low=dt.datetime(2024, 1, 1, 12, 0, 0, 123_500))
    sql = """SELECT "at" FROM t WHERE "at" >= TIMESTAMP '2024-01-01 12:00:00.1235' ORDER BY 1"""
    assert lake.query(sql, "timestamp(6)", "t", ranges={"at": late}) == [
        ["2024-01-01 12:00:00.123999"],
        ["2024-01-02 00:00:00.000000"],
    ]
    lake.linked.clear()
    later = Range(low=dt.datetime(2024, 1, 1, 13))
    assert len(lake.query('SELECT "at" FROM t', "timestamp(3)", "t", ranges={"at": later})) == 1
    assert len(lake.linked) == 1


def cut(table: Path) -> None:
    """Statistics of times in milliseconds, as Spark writes them."""
    for entry in (table / "_delta_log").glob("*.json"):
        lines = [json.loads(line) for line in entry.read_text().splitlines()]
        for line in lines:
            if "add" in line:
                stats = json.loads(line["add"]["stats"])
                for bound in ("minValues", "maxValues"):
                    stats[bound]["at"] = stats[bound]["at"][:23] + "Z"
                line["add"]["stats"] = json.dumps(stats)
        entry.write_text("\n".join(map(json.dumps, lines)))


def test_a_query_sees_the_version_that_it_was_planned_with(lake: Lake) -> None:
    write(lake, "t", pa.table({"n": [1, 2]}))
    catalog = lake.catalog()
    before = catalog.relation("db", "t")
    write(lake, "t", pa.table({"n": [3], "more": ["x"]}), schema_mode="merge")
    assert catalog.relation("db", "t") == before
    assert [column.name for column in lake.catalog().relation("db", "t").columns] == ["n", "more"]


def test_files_deleted_in_the_middle_of_a_query_are_still_read(lake: Lake) -> None:
    write(lake, "t", pa.table({"n": list(range(1000))}))
    running = lake.running()
    from infra.local.athena.contract import Source, Translation  # noqa: PLC0415

    relation = running.catalog.relation("db", "t")
    translation = Translation("SELECT sum(n) FROM t", (Column("n", "bigint"),), {"t": Source(relation, ("n",))})
    plan = running._plan(translation)
    write(lake, "t", pa.table({"n": [-1]}), mode="overwrite")
    DeltaTable(str(lake.folder / "delta" / "t")).vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert len(list((lake.folder / "delta" / "t").glob("*.parquet"))) == 1
    with running._connection(plan) as connection:
        assert connection.execute("SELECT sum(n) FROM t").fetchall() == [(499500,)]
    assert lake.query("SELECT sum(n) FROM t", "bigint", "t") == [["-1"]]


def test_every_query_sees_one_version_while_another_writes(lake: Lake) -> None:
    """The writer's invariant: all rows of a version have its number, and there are ten of them."""
    write(lake, "t", pa.table({"version": [0] * 10}))
    stop, failed = threading.Event(), []

    def rewrite() -> None:
        try:
            for version in range(1, 1000):
                if stop.is_set():
                    return
                write(lake, "t", pa.table({"version": [version] * 10}), mode="overwrite")
                DeltaTable(str(lake.folder / "delta" / "t")).vacuum(0, dry_run=False, enforce_retention_duration=False)
        except Exception as fault:
            failed.append(fault)

    writer = threading.Thread(target=rewrite)
    writer.start()
    seen, refused = set(), 0
    end = threading.Event()
    threading.Timer(20, end.set).start()
    while len(seen) < 8 and not end.is_set():
        try:
            [[low, high, count]] = lake.query(
                "SELECT min(version), max(version), count(*) FROM t", "bigint bigint bigint", "t"
            )
        except QueryError as fault:
            # A vacuum without retention may come between the log and the link: an error, never a wrong row.
            assert fault.code == "HIVE_CANNOT_OPEN_SPLIT"
            refused += 1
            continue
        assert low == high
        assert count == "10"
        seen.add(low)
    stop.set()
    writer.join()
    assert not failed
    assert len(seen) >= 8


def test_a_table_that_was_made_anew_is_not_taken_for_the_old_one(lake: Lake) -> None:
    import shutil  # noqa: PLC0415

    write(lake, "t", pa.table({"old": [1]}))
    assert lake.query("SELECT old FROM t", "bigint", "t") == [["1"]]
    shutil.rmtree(lake.folder / "delta" / "t")
    write(lake, "t", pa.table({"new": ["x"]}))
    assert [column.name for column in lake.catalog().relation("db", "t").columns] == ["new"]
    assert lake.query("SELECT new FROM t", "varchar", "t") == [["x"]]


def test_a_folder_without_a_log_is_no_table(lake: Lake) -> None:
    lake.add("t", {"col": "array<string>"}, parameters={"table_type": "DELTA"})
    with pytest.raises(QueryError, match=r"^DELTA_LAKE_INVALID_TABLE: Metadata not found in transaction log for "):
        lake.catalog().relation("db", "t")


def test_a_log_that_is_broken_fails_the_query(lake: Lake) -> None:
    write(lake, "t", pa.table({"n": [1]}))
    for entry in (lake.folder / "delta" / "t" / "_delta_log").glob("*.json"):
        entry.write_text("{oops")
    with pytest.raises(QueryError, match=r"^DELTA_LAKE_BAD_DATA: Failed to read the transaction log of "):
        lake.catalog().relation("db", "t")


def test_a_log_is_read_once_for_a_version(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    write(lake, "t", pa.table({"n": [1]}))
    made: list[int] = []
    make = delta._snapshot
    monkeypatch.setattr(delta, "_snapshot", lambda table, place: made.append(table.version()) or make(table, place))
    for _ in range(3):
        lake.query("SELECT n FROM t", "bigint", "t")
    write(lake, "t", pa.table({"n": [2]}))
    assert len(lake.query("SELECT n FROM t", "bigint", "t")) == 2
    assert made == [0, 1]


@pytest.mark.parametrize(
    ("wanted", "low", "high", "expected"),
    [
        (Range(low=5), 1, 4, False),
        (Range(low=5), 1, 5, True),
        (Range(high=5), 6, 9, False),
        (Range(values=frozenset({1, 9})), 2, 8, False),
        (Range(values=frozenset({1, 5})), 2, 8, True),
        (Range(values=frozenset()), 2, 8, False),
        (Range(low=5), None, None, True),
        (Range(low=decimal.Decimal("1.5")), 1, 1.25, False),
        (Range(low="a"), 1, 2, True),
        (Range(low=dt.datetime(2024, 1, 2)), dt.date(2024, 1, 1), dt.date(2024, 1, 1), False),
        (Range(low=dt.date(2024, 1, 1)), dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 5), True),
        (Range(low=dt.datetime(2024, 1, 1, 5)), None, dt.datetime(2024, 1, 1, 4, tzinfo=dt.UTC), False),
    ],
)  # fmt: skip
def test_what_cannot_match_is_what_is_known_to_lie_outside(wanted: Range, low: Any, high: Any, expected: bool) -> None:
    assert may_match(wanted, low, high) is expected


def test_columns_that_have_other_names_in_the_files_are_read_and_pruned(lake: Lake) -> None:
    mapped = {"delta.columnMapping.mode": "name"}
    rows = pa.table({"Unit Price": [1, 2], "day": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]})
    write(lake, "t", rows, partition_by=["day"], configuration=mapped)
    names = pq.read_schema(next((lake.folder / "delta" / "t").rglob("*.parquet"))).names
    assert "Unit Price" not in names, names
    assert lake.query('SELECT "unit price", day FROM t ORDER BY 1', "bigint date", "t") == [
        ["1", "2024-01-01"],
        ["2", "2024-01-02"],
    ]
    lake.linked.clear()
    only = {"unit price": Range(low=2), "day": Range(low=dt.date(2024, 1, 2))}
    assert lake.query('SELECT "unit price" FROM t', "bigint", "t", ranges=only) == [["2"]]
    assert len(lake.linked) == 1


def test_a_table_with_deletion_vectors_is_read_as_long_as_no_file_has_one(lake: Lake) -> None:
    write(lake, "t", pa.table({"n": [1]}), configuration={"delta.enableDeletionVectors": "true"})
    assert lake.query("SELECT n FROM t", "bigint", "t") == [["1"]]
