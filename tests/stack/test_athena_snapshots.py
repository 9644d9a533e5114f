"""Queries see one version of a table each, while it is appended to, merged, replaced in part and vacuumed at once.

A writer makes versions that all hold an invariant; clients ask through boto3 meanwhile, and each answer must hold it.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lakehouse.settings import Settings
from tests.stack.athena_shop import BUCKET, Shop
from tests.stack.conftest import make_settings, started

pytestmark = pytest.mark.stack

ROWS = 40
DAYS = [f"2026-01-0{day}" for day in range(1, 6)]
QUERIES = 60
VERSIONS = 8

Rows = list[list[str]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with started(make_settings(tmp_path_factory.mktemp("snapshots")), "gateway") as settings:
        yield Shop(settings)


def while_written(shop: Shop, write: Callable[[int], None], ask: Callable[[], str]) -> set[str]:
    """Write versions 1, 2, … in a thread, ask in four others; what the queries saw."""
    stop = threading.Event()

    def writes() -> int:
        for version in itertools.count(1):
            if stop.is_set() and version > VERSIONS:
                return version
            write(version)
        raise AssertionError

    with ThreadPoolExecutor(5) as threads:
        writer = threads.submit(writes)
        try:
            asked = [threads.submit(ask) for _ in range(QUERIES)]
            seen = {one.result() for one in asked}
        finally:
            stop.set()
        writer.result()
    # A proof of nothing if the table stood still.
    assert len(seen) > VERSIONS // 2, seen
    return seen


def vacuum(settings: Settings, name: str) -> None:
    """Delete every file that the newest version does not need."""
    table = DeltaTable(f"s3://{BUCKET}/{name}", storage_options=settings.delta_options)
    table.vacuum(0, dry_run=False, enforce_retention_duration=False)


def test_appends(shop: Shop) -> None:
    """Version n is n + 1 appends of ten rows, all with the append's number."""
    shop.add_delta("appended", pa.table({"v": [0] * 10}))
    shop.register_delta("appended")

    def write(version: int) -> None:
        shop.add_delta("appended", pa.table({"v": [version] * 10}), mode="append")

    def ask() -> str:
        [[rows, values, last]] = shop.rows("SELECT count(*), count(DISTINCT v), max(v) FROM appended")
        assert int(rows or 0) == 10 * int(values or 0) == 10 * (int(last or 0) + 1)
        return str(last)

    while_written(shop, write, ask)


def test_merges_that_rewrite_files_and_are_vacuumed(shop: Shop) -> None:
    """All rows of version n have its number, also when a query reads the table twice. No old file outlives a merge."""
    for part in range(4):
        rows = pa.table({"id": range(10 * part, 10 * part + 10), "v": [0] * 10})
        shop.add_delta("merged", rows, mode="append")
    shop.register_delta("merged")
    options = shop.settings.delta_options

    def write(version: int) -> None:
        changes = pa.table({"id": range(ROWS), "v": [version] * ROWS})
        table = DeltaTable(f"s3://{BUCKET}/merged", storage_options=options)
        table.merge(changes, "s.id = t.id", source_alias="s", target_alias="t").when_matched_update_all().execute()
        vacuum(shop.settings, "merged")

    def ask() -> str:
        sql = "SELECT count(*), min(a.v), max(b.v), count_if(a.v <> b.v) FROM merged a JOIN merged b ON a.id = b.id"
        [[rows, low, high, different]] = shop.rows(sql)
        assert (rows, low, different) == (str(ROWS), high, "0")
        return str(low)

    while_written(shop, write, ask)


def test_parts_that_are_replaced_and_vacuumed(shop: Shop) -> None:
    """As gold is written (replaceWhere): days two to four are replaced together, the others never."""

    def days(version: int, *, every: bool = False) -> pa.Table:
        wanted = DAYS if every else DAYS[1:4]
        rows = [{"day": day, "country": country, "units": version} for day in wanted for country in "ABCD"]
        return pa.Table.from_pylist(rows)

    shop.add_delta("daily", days(0, every=True), partition_by=["day"])
    shop.register_delta("daily")

    def write(version: int) -> None:
        where = f"day >= '{DAYS[1]}' AND day <= '{DAYS[3]}'"
        shop.add_delta("daily", days(version), mode="overwrite", predicate=where)
        vacuum(shop.settings, "daily")

    def ask() -> str:
        found = shop.rows("SELECT day, count(*), min(units), max(units) FROM daily GROUP BY day ORDER BY day")
        version = str(found[1][2])
        units = ["0", version, version, version, "0"]
        assert found == [[day, "4", unit, unit] for day, unit in zip(DAYS, units, strict=True)]
        return version

    while_written(shop, write, ask)


def test_a_table_that_grows_columns_and_is_vacuumed(shop: Shop) -> None:
    """Each version overwrites the table with one more column; a query sees the columns and rows of the same version."""
    shop.add_delta("wide", pa.table({"v": [0] * 5}))
    shop.register_delta("wide")

    def write(version: int) -> None:
        names = [f"c{number}" for number in range(version % 10)]
        rows = pa.table({"v": [version] * 5, **{name: [version] * 5 for name in names}})
        shop.add_delta("wide", rows, mode="overwrite", schema_mode="overwrite")
        vacuum(shop.settings, "wide")

    def ask() -> str:
        found = shop.rows("SELECT * FROM wide")
        version = str(found[0][0])
        assert found == [[version] * (1 + int(version) % 10)] * 5
        return version

    while_written(shop, write, ask)
