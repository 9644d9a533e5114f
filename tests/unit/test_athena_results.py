"""Results: the file that clients read, pages of it, and files of tables that read back as they were written."""

import csv
import gzip
import io
import json
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from infra.local.athena.contract import Column, QueryError, Translation
from infra.local.athena.engine import pages
from infra.local.athena.engine.context import Written
from tests.unit.athena_lake import JSON, PARQUET, TEXT, Lake

pytestmark = pytest.mark.unit


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_the_file_has_quotes_around_all_but_null(lake: Lake) -> None:
    running = lake.running()
    sql = """SELECT * FROM (VALUES (1, 'a "b", c', NULL), (2, '', 'x
y')) t(a, b, c) ORDER BY a DESC"""
    columns = (Column("a", "integer"), Column('b "x"', "varchar"), Column("a", "varchar"))
    selected = running.select(Translation(sql, columns, {}))
    assert selected.location == f"s3://shop/results/{running.job.execution_id}.csv"
    body = lake.s3.objects[f"results/{running.job.execution_id}.csv"]
    assert body == b'"a","b ""x""","a"\n"2","","x\ny"\n"1","a ""b"", c",\n'
    assert lake.rows(selected) == [["2", "", "x\ny"], ["1", 'a "b", c', None]]
    assert selected.rows == 2
    assert set(selected.milliseconds) == {"planning", "execution", "publishing"}


def test_a_result_without_rows_has_its_header(lake: Lake) -> None:
    selected = lake.selected("SELECT 1 WHERE false", "integer")
    assert lake.s3.objects[selected.location.removeprefix("s3://shop/")] == b'"c0"\n'
    assert (selected.rows, lake.rows(selected)) == (0, [])


@pytest.mark.parametrize("way", ["select", "write"])
def test_a_product_that_needs_many_digits_late_in_a_result_is_exact(lake: Lake, way: str) -> None:
    factor = "CAST(CASE WHEN i = 299999 THEN 123456789012345 ELSE i END AS DECIMAL(18, 3))"
    sql = f"SELECT tr_factor({factor}) * CAST(1000000 AS DECIMAL(9, 0)) AS product FROM range(300000) t(i)"
    translation = Translation(sql, (Column("product", "decimal(27,3)"),), {})
    if way == "select":
        selected = lake.running().select(translation)
        assert lake.rows(selected)[-1] == ["123456789012345000000.000"]
        assert selected.rows == 300_000
        return
    found = lake.running().write(translation, "s3://shop/new")
    lake.add("new", {"product": "decimal(27,3)"}, PARQUET)
    assert found.rows == 300_000
    assert lake.query("SELECT count(*), max(product) FROM new", "bigint decimal(27,3)", "new") == [
        ["300000", "123456789012345000000.000"]
    ]


def test_a_type_that_only_duckdb_can_tell_is_told(lake: Lake) -> None:
    running = lake.running()
    sql = "SELECT sum(i), {'a': [1.5], 'b': map {'k': NULL::DATE}}, NULL, to_days(1) FROM range(3) t(i)"
    columns = tuple(Column(f"c{place}", "") for place in range(4))
    selected = running.select(Translation(sql, columns, {}))
    assert [column.type for column in selected.columns] == [
        "bigint",
        "row(a array(decimal(2,1)), b map(varchar, date))",
        "unknown",
        "interval day to second",
    ]
    assert lake.rows(selected) == [["3", "{a=[1.5], b={k=null}}", None, "1 00:00:00.000"]]


@pytest.mark.parametrize("rows", [999, 1000, 1001, 5003, 250_001])
def test_pages_are_the_rows_of_the_file(lake: Lake, rows: int) -> None:
    sql = f"""SELECT i, CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'a"b,' || i WHEN 3 THEN 'x
' ELSE 'v' || i END FROM range({rows}) t(i)"""
    selected = lake.selected(sql, "bigint varchar")
    key = selected.location.removeprefix("s3://shop/")
    body, about = lake.s3.objects[key], pages.index(lake.s3.objects[f"{key}.metadata"])
    whole = list(csv.reader(io.StringIO(body.decode())))[1:]
    assert about.rows == rows == len(whole)
    for start, count in [(0, 1000), (0, 1), (999, 2), (1000, 1000), (rows - 1, 1000), (rows, 10), (rows // 2, 777)]:
        page = pages.page(body, about, start, count)
        assert [[value or "" for value in row] for row in page] == whole[start : start + count]
        assert [row[1] is None for row in page] == [(start + place) % 7 == 0 for place in range(len(page))]


def test_a_page_in_the_middle_of_a_large_result_is_one_short_read(lake: Lake, tmp_path: Path) -> None:
    selected = lake.selected("SELECT i, 'name ' || i, i * 1.5::DOUBLE FROM range(300000) t(i)", "bigint varchar double")
    key = selected.location.removeprefix("s3://shop/")
    path, about = tmp_path / "r.csv", pages.index(lake.s3.objects[f"{key}.metadata"])
    path.write_bytes(lake.s3.objects[key])
    start = time.perf_counter()
    for place in range(0, 300_000, 30_000):
        assert pages.page(path, about, place, 1000)[-1][0] == str(place + 999)
    assert (time.perf_counter() - start) / 10 < 0.05


def test_a_file_that_was_changed_is_not_paged(lake: Lake) -> None:
    selected = lake.selected("SELECT i FROM range(10) t(i)", "bigint")
    key = selected.location.removeprefix("s3://shop/")
    body, about = lake.s3.objects[key], pages.index(lake.s3.objects[f"{key}.metadata"])
    for wrong in (body[:-3], body.replace(b'"5"', b"5,,")):
        with pytest.raises(ValueError, match="result"):
            pages.page(wrong, about, 0, 10)
    for wrong in (b"{}", b"[1]", b"null", b"oops"):
        with pytest.raises(ValueError):
            pages.index(wrong)


def test_what_a_statement_answers_is_lines_with_tabs(lake: Lake) -> None:
    running = lake.running()
    columns = (Column("col_name", "varchar"), Column("data_type", "varchar"))
    selected = running.publish(columns, [("id", "bigint"), ("x", None)])
    key = f"results/{running.job.execution_id}.txt"
    assert selected.location == f"s3://shop/{key}"
    assert lake.s3.objects[key] == b"id\tbigint\nx\t"
    about = pages.index(lake.s3.objects[f"{key}.metadata"])
    assert pages.page(lake.s3.objects[key], about, 0, 5) == [["id\tbigint"], ["x\t"]]


def test_no_result_location_is_a_fault_of_the_query(lake: Lake) -> None:
    running = lake.running()
    object.__setattr__(running.job, "output", "s3://gone/x/")
    with pytest.raises(QueryError, match=r"^HIVE_WRITER_OPEN_ERROR: Unable to write s3://gone/x/id0.csv"):
        running.select(Translation("SELECT 1", (Column("a", "integer"),), {}))


# --- files of tables

QUERY = """SELECT i AS a, CASE WHEN i % 3 = 0 THEN NULL ELSE 'v"' || i END AS b, [i, NULL] AS xs, sum(i) OVER () AS h,
DATE '2024-01-01' + CAST(i % 2 AS INTEGER) AS day FROM range(10) t(i)"""
COLUMNS = (
    Column("a", "bigint"),
    Column("b", "varchar"),
    Column("xs", "array(bigint)"),
    Column("h", "bigint"),
    Column("day", "date"),
)


def written(lake: Lake, query: str = QUERY, columns: tuple[Column, ...] = COLUMNS, **options: Any) -> Written:
    return lake.running().write(Translation(query, columns, {}), "s3://shop/new", **options)


@pytest.mark.parametrize(
    ("format", "serde", "compression", "suffix"),
    [
        ("PARQUET", PARQUET, "", ".parquet"),
        ("parquet", PARQUET, "SNAPPY", ".parquet"),
        ("JSON", JSON, "", ".json.gz"),
        ("JSON", JSON, "NONE", ".json"),
        ("TEXTFILE", TEXT, "", ".txt.gz"),
        ("CSV", TEXT, "NONE", ".txt"),
    ],
)
def test_what_was_written_is_read_back(lake: Lake, format: str, serde: str, compression: str, suffix: str) -> None:
    found = written(lake, format=format, compression=compression)
    assert found.rows == 10
    assert found.partitions == found.folders == ()
    assert all(url.startswith("s3://shop/new/") and url.endswith(suffix) for url in found.files)
    columns = {"a": "bigint", "b": "string", "xs": "array<bigint>", "h": "bigint", "day": "date"}
    lake.add("new", columns, serde)
    again = lake.query("SELECT a, b, xs, h, day FROM new ORDER BY a", "bigint varchar array(bigint) bigint date", "new")
    kinds = "bigint varchar array(bigint) bigint date"
    assert again == lake.query(QUERY + " ORDER BY 1", kinds)


def test_partitions_become_folders_and_read_back(lake: Lake) -> None:
    value = "CASE i WHEN 0 THEN 'a b/c=%' WHEN 1 THEN NULL ELSE 'é' END"
    query = f"SELECT i AS a, {value} AS p, i % 2 = 0 AS q FROM range(4) t(i)"
    columns = (Column("a", "bigint"), Column("p", "varchar"), Column("q", "boolean"))
    found = written(lake, query, columns, partitioned_by=("p", "q"), compression="ZSTD")
    values = {("a b/c=%", "true"), (None, "false"), ("é", "true"), ("é", "false")}
    assert set(found.partitions) == values
    assert "s3://shop/new/p=a b%2Fc%3D%25/q=true/" in found.folders
    assert "s3://shop/new/p=__HIVE_DEFAULT_PARTITION__/q=false/" in found.folders
    assert {url.rpartition("/")[0] + "/" for url in found.files} == set(found.folders)
    lake.add("new", {"a": "bigint"}, PARQUET, keys={"p": "string", "q": "boolean"})
    for one, folder in zip(found.partitions, found.folders, strict=True):
        lake.add_partition("new", *(value or "__HIVE_DEFAULT_PARTITION__" for value in one), location=folder)
    kinds = "bigint varchar boolean"
    assert lake.query("SELECT a, p, q FROM new ORDER BY a", kinds, "new") == lake.query(query, kinds)


def test_written_types_are_those_of_the_table(lake: Lake) -> None:
    (url,) = written(lake).files
    schema = pq.read_schema(io.BytesIO(lake.s3.objects[url.removeprefix("s3://shop/")]))
    assert [str(field.type) for field in schema] == ["int64", "string", "list<element: int64>", "int64", "date32[day]"]


def test_a_query_without_rows_writes_what_a_table_can_be_read_from(lake: Lake) -> None:
    found = written(lake, QUERY + " WHERE false")
    assert found.rows == 0
    lake.add("new", {"a": "bigint"}, PARQUET)
    assert lake.query("SELECT a FROM new", "bigint", "new") == []
    assert written(lake, QUERY + " WHERE false", partitioned_by=("day",)).partitions == ()


def test_text_has_the_delimiter_that_was_asked_for(lake: Lake) -> None:
    query = "SELECT 1 AS a, NULL AS b, 'x\"y' AS c"
    columns = (Column("a", "integer"), Column("b", "varchar"), Column("c", "varchar"))
    (url,) = written(lake, query, columns, format="TEXTFILE", delimiter="|").files
    assert gzip.decompress(lake.s3.objects[url.removeprefix("s3://shop/")]) == b'1|\\N|x"y\n'
    (url,) = written(lake, query, columns, format="JSON", compression="NONE").files
    assert json.loads(lake.s3.objects[url.removeprefix("s3://shop/")]) == {"a": 1, "b": None, "c": 'x"y'}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "ORC"}, "NOT_SUPPORTED: Writing the format ORC is not supported"),
        ({"format": "AVRO"}, "NOT_SUPPORTED: Writing the format AVRO is not supported"),
        ({"compression": "LZ4000"}, "INVALID_TABLE_PROPERTY: Compression LZ4000 is not supported for PARQUET"),
        ({"partitioned_by": ("a",)}, "INVALID_TABLE_PROPERTY: Partition columns must be the last columns of the table"),
        (
            {"partitioned_by": ("a", "b", "xs", "h", "day")},
            "INVALID_TABLE_PROPERTY: Table contains only partition columns",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(lake: Lake, options: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError) as caught:
        written(lake, **options)
    assert str(caught.value) == message


def test_a_type_that_no_table_has_is_refused(lake: Lake) -> None:
    with pytest.raises(QueryError, match=r"^NOT_SUPPORTED: Unsupported Hive type: json$"):
        written(lake, "SELECT '1'::JSON AS j", (Column("j", "json"),))
