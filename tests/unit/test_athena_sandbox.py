"""A query reads its own files and nothing else, and it ends: by its time, its memory or a client's wish."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.local.athena.contract import Column, QueryError, Translation
from infra.local.athena.engine import faults
from infra.local.athena.engine.limits import Limits
from infra.local.athena.engine.sandbox import Sandbox, single_select
from tests.unit.athena_lake import Lake

pytestmark = pytest.mark.unit

ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE hash(a.range, b.range) = 1"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"x": [1, 2]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [3]}), tmp_path / "other.parquet")
    (tmp_path / "out").mkdir()
    (tmp_path / "secret.csv").write_text("secret\n")
    return tmp_path


@pytest.fixture
def connection(place: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    path = place / "a.parquet"
    with Sandbox(256, 2).open({"t0": f"SELECT x FROM read_parquet('{path}')"}, [path], place, 60) as found:
        yield found


def test_the_files_of_the_query_are_read(connection: duckdb.DuckDBPyConnection) -> None:
    assert connection.execute("SELECT sum(x) FROM t0").fetchall() == [(3,)]


ESCAPES = [
    "SELECT * FROM read_parquet('{place}/other.parquet')",
    "SELECT * FROM read_parquet('{place}/*.parquet')",
    "SELECT * FROM read_parquet('{place}/out/../other.parquet')",
    "SELECT * FROM '{place}/other.parquet'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM sniff_csv('{place}/secret.csv')",
    "SELECT * FROM glob('{place}/*')",
    "SELECT * FROM parquet_metadata('{place}/other.parquet')",
    "SELECT * FROM read_csv('https://127.0.0.1/x')",
    "SELECT * FROM read_parquet('s3://shop/x')",
    "COPY (SELECT 1) TO '{place}/written.csv'",
    "COPY (SELECT 1) TO '{place}/out/written.csv'",
    "COPY (SELECT 1) TO '{place}/a.parquet'",
    "EXPORT DATABASE '{place}/out/x'",
    "IMPORT DATABASE '{place}/out'",
    "ATTACH '{place}/new.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "SET lock_configuration = false",
    "SET allowed_paths = ['/etc/passwd']",
    "SET allowed_directories = ['/']",
    "SET TimeZone = 'America/New_York'",
    "SET max_execution_time = '0'",
    "SET memory_limit = '100GB'",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM place",
]


@pytest.mark.parametrize("sql", ESCAPES)
def test_nothing_else_is_read_or_written(connection: duckdb.DuckDBPyConnection, place: Path, sql: str) -> None:
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises(duckdb.Error):
        connection.execute(sql.format(place=place)).fetchall()
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "ATTACH ':memory:' AS x",
        "CREATE TABLE x AS SELECT 1",
        "PREPARE p AS SELECT 1",
        "SET VARIABLE x = 1",
        "COPY (SELECT 1) TO 'x'",
        "EXPLAIN SELECT 1",
        "",
    ],
)
def test_only_one_select_is_run(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(QueryError, match="only one SELECT"):
        single_select(connection, sql)


def test_a_folder_for_output_is_the_only_one_that_is_written(place: Path) -> None:
    with Sandbox(256, 2).open({}, [], place, 60, place / "out") as connection:
        connection.execute(f"COPY (SELECT 1 AS x) TO '{place}/out/x.parquet'")
        for target in (f"{place}/x.parquet", f"{place}/out/../x.parquet", f"{place}/outer.parquet"):
            with pytest.raises(duckdb.Error):
                connection.execute(f"COPY (SELECT 1 AS x) TO '{target}'")
    assert [path.name for path in (place / "out").iterdir()] == ["x.parquet"]


def test_no_query_sees_what_another_left(place: Path) -> None:
    sandbox = Sandbox(256, 2)
    with sandbox.open({}, [], place, 60) as first:
        first.execute("CREATE TABLE left_over AS SELECT 1")
    sandbox.prepare()
    with sandbox.open({}, [], place, 60) as second, pytest.raises(duckdb.CatalogException):
        second.execute("SELECT * FROM left_over")


# --- limits


def endless(lake: Lake, seconds: float, limits: Limits | None = None) -> tuple[QueryError, float]:
    """The fault of a query that does not end by itself, and how long it took."""
    running = lake.running(seconds=seconds)
    running._limits = limits or running._limits
    start = time.monotonic()
    with running._limits, pytest.raises(QueryError) as caught:
        running.select(Translation(ENDLESS, (Column("n", "bigint"),), {}))
    return caught.value, time.monotonic() - start


def test_a_query_ends_with_its_time(tmp_path: Path) -> None:
    fault, spent = endless(Lake(tmp_path), 0.5)
    assert str(fault) == "EXCEEDED_TIME_LIMIT: Query exceeded maximum time limit of 0.01m"
    assert spent < 5


def test_a_client_can_end_a_query(tmp_path: Path) -> None:
    limits = Limits(60, 1 << 40)
    timer = threading.Timer(0.3, limits.cancel)
    timer.start()
    fault, spent = endless(Lake(tmp_path), 60, limits)
    timer.join()
    assert fault.code == "USER_CANCELED"
    assert spent < 5


def test_a_query_that_was_ended_before_it_began_does_not_run(tmp_path: Path) -> None:
    limits = Limits(60, 1 << 40)
    limits.cancel()
    fault, spent = endless(Lake(tmp_path), 60, limits)
    assert fault.code == "USER_CANCELED"
    assert spent < 2


def test_a_process_that_grows_too_large_ends_its_query(tmp_path: Path) -> None:
    fault, spent = endless(Lake(tmp_path), 60, Limits(60, 1 << 20))
    assert str(fault) == "EXCEEDED_MEMORY_LIMIT: Query exhausted resources at this scale factor"
    assert spent < 5


def test_duckdbs_memory_limit_is_athenas_error(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.sandbox = Sandbox(64, 2)
    running = lake.running()
    sql = "SELECT len(list(i || '-' || hash(i))) FROM range(20000000) t(i)"
    with running._limits, pytest.raises(QueryError) as caught:
        running.select(Translation(sql, (Column("n", "bigint"),), {}))
    assert str(caught.value) == "EXCEEDED_MEMORY_LIMIT: Query exhausted resources at this scale factor"


def test_a_fault_names_no_path_of_this_machine(place: Path, connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error) as caught:
        connection.execute(f"SELECT * FROM read_parquet('{place}/other.parquet')")
    assert str(place) in str(caught.value)
    assert str(place) not in str(faults.fault(caught.value))


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT CAST('tr!INVALID_ARGUMENTS!Array subscript out of bounds: 9!tr' AS BIGINT)", "INVALID_ARGUMENTS"),
        ("SELECT CAST('abc' AS INTEGER)", "INVALID_CAST_ARGUMENT"),
        ("SELECT CAST(9223372036854775807 AS BIGINT) + CAST(1 AS BIGINT)", "NUMERIC_VALUE_OUT_OF_RANGE"),
        ("SELECT (SELECT unnest([1, 2]))", "SUBQUERY_MULTIPLE_ROWS"),
    ],
)  # fmt: skip
def test_errors_of_duckdb_have_trinos_codes(connection: duckdb.DuckDBPyConnection, sql: str, code: str) -> None:
    with pytest.raises(duckdb.Error) as caught:
        connection.execute(sql).fetchall()
    assert faults.fault(caught.value).code == code


def test_a_result_of_many_columns_is_not_propagated_through(tmp_path: Path) -> None:
    sandbox = Sandbox(256, 1)
    for width, expected in ((1000, ""), (1001, "statistics_propagation")):
        with sandbox.open({}, [], tmp_path, 60, width=width) as connection:
            assert connection.execute("SELECT current_setting('disabled_optimizers')").fetchone() == (expected,)
