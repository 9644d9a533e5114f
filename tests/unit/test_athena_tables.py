"""Tables of the catalogue: what their descriptions mean, and what is read of their files."""

import base64
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.local.athena.contract import Column, QueryError, Range
from infra.local.athena.tables import views
from tests.unit.athena_lake import CSV, JSON, PARQUET, TEXT, Lake

pytestmark = pytest.mark.unit


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, row_group_size=2)
    return buffer.getvalue()


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


# --- the catalogue


def test_a_table_is_a_relation_with_its_partitions_last(lake: Lake) -> None:
    lake.add("sales", {"ID": "bigint", "price": "decimal(12,3)"}, PARQUET, keys={"day": "date"})
    relation = lake.catalog().relation("DB", "Sales")
    assert relation.full_name == "db.sales"
    assert relation.columns == (Column("id", "bigint"), Column("price", "decimal(12,3)"), Column("day", "date"))
    assert relation.partitions == ("day",)


def test_what_is_not_there_is_said_as_athena_says_it(lake: Lake) -> None:
    with pytest.raises(QueryError, match=r"^TABLE_NOT_FOUND: Table 'awsdatacatalog.db.sales' does not exist$"):
        lake.catalog().relation("db", "sales")
    with pytest.raises(QueryError, match=r"^SCHEMA_NOT_FOUND: Schema 'other' does not exist$"):
        lake.catalog().relation("other", "sales")


def test_a_view_has_its_query_columns_and_default_database(lake: Lake) -> None:
    columns = (Column("n", "bigint"), Column("xs", "array(varchar)"))
    text = views.encode("SELECT 1 n, xs FROM t", "silver", columns)
    lake.glue.tables["v"] = {"Name": "v", "DatabaseName": "db", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": text}
    relation = lake.catalog().relation("db", "v")
    assert (relation.view, relation.view_database, relation.columns) == ("SELECT 1 n, xs FROM t", "silver", columns)
    assert json.loads(base64.b64decode(text.split()[3]))["catalog"] == "awsdatacatalog"


@pytest.mark.parametrize("text", [None, "SELECT 1", "/* Presto View: !!! */", "/* Presto View: e30= */"])
def test_a_view_of_another_engine_is_refused(lake: Lake, text: str | None) -> None:
    lake.glue.tables["v"] = {"Name": "v", "DatabaseName": "db", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": text}
    with pytest.raises(QueryError, match=r"^INVALID_VIEW: Invalid view JSON for db\.v"):
        lake.catalog().relation("db", "v")


def test_the_partitions_of_a_table_are_a_table(lake: Lake) -> None:
    lake.add("sales", {"id": "bigint"}, PARQUET, keys={"day": "date", "country": "string"})
    lake.add_partition("sales", "2024-01-02", "UK")
    lake.add_partition("sales", "2024-01-01", "it's")
    rows = lake.query('SELECT * FROM "sales$partitions" ORDER BY 1', "date varchar", "sales$partitions")
    assert rows == [["2024-01-01", "it's"], ["2024-01-02", "UK"]]


def test_an_iceberg_table_and_a_foreign_serde_are_not_supported(lake: Lake) -> None:
    lake.add("ice", {"id": "int"}, PARQUET, parameters={"table_type": "ICEBERG"})
    lake.add("orc", {"id": "int"}, "org.apache.hadoop.hive.ql.io.orc.OrcSerde")
    for name in ("ice", "orc"):
        with pytest.raises(QueryError, match=r"^NOT_SUPPORTED: Table db"):
            lake.query(f"SELECT id FROM {name}", "integer", name)


def test_a_bucket_that_is_gone_fails_the_query(lake: Lake) -> None:
    lake.add("t", {"id": "int"}, PARQUET)
    lake.glue.tables["t"]["StorageDescriptor"]["Location"] = "s3://gone/t/"
    with pytest.raises(QueryError, match=r"^HIVE_FILESYSTEM_ERROR: Failed to list s3://gone/t/: NoSuchBucket"):
        lake.query("SELECT id FROM t", "integer", "t")


# --- Parquet


def test_parquet_columns_are_found_by_name_and_absent_ones_are_null(lake: Lake) -> None:
    lake.add("t", {"a": "bigint", "b": "string", "c": "double"}, PARQUET)
    lake.s3.objects |= {"t/1.parquet": parquet(A=[1], b=["x"]), "t/2.parquet": parquet(c=[0.5], A=[2])}
    assert lake.query("SELECT a, b, c FROM t ORDER BY a", "bigint varchar double", "t") == [
        ["1", "x", None],
        ["2", None, "0.5"],
    ]


def test_columns_that_no_file_has_are_null_and_rows_are_counted_without_any(lake: Lake) -> None:
    lake.add("t", {"a": "bigint", "z": "array<string>"}, PARQUET)
    lake.s3.objects["t/1"] = parquet(a=[1, 2])
    assert lake.query("SELECT z FROM t", "array(varchar)", "t:z") == [[None], [None]]
    running = lake.running()
    relation = running.catalog.relation("db", "t")
    from infra.local.athena.contract import Source, Translation  # noqa: PLC0415

    selected = running.select(
        Translation("SELECT count(*) FROM t", (Column("n", "bigint"),), {"t": Source(relation, ())})
    )
    assert lake.rows(selected) == [["2"]]
    assert selected.scanned_bytes == 0


def test_a_table_without_files_is_empty(lake: Lake) -> None:
    lake.add("t", {"a": "bigint", "b": "map<string,int>"}, PARQUET)
    lake.s3.objects |= {"t/": b"", "t/_SUCCESS": b"x", "t/.hidden/a": b"x", "t/_temporary/0": b"x", "t2/a": b"x"}
    assert lake.query('SELECT a, b, "$path" FROM t', "bigint map(varchar,integer) varchar", "t:a,b,$path") == []


def test_a_file_of_another_type_than_the_table_says_is_bad_data(lake: Lake) -> None:
    lake.add("t", {"a": "string"}, PARQUET)
    lake.s3.objects["t/1.parquet"] = parquet(a=[1])
    with pytest.raises(QueryError) as caught:
        lake.query("SELECT a FROM t", "varchar", "t")
    assert str(caught.value) == (
        "HIVE_BAD_DATA: Field a's type INT64 in parquet file s3://shop/t/1.parquet is incompatible with type varchar "
        "defined in table schema"
    )


def test_a_file_that_is_no_parquet_is_bad_data(lake: Lake) -> None:
    lake.add("t", {"a": "string"}, PARQUET)
    lake.s3.objects["t/1.parquet"] = b"PAR1 oops"
    with pytest.raises(QueryError, match=r"^HIVE_BAD_DATA: Malformed Parquet file: s3://shop/t/1.parquet"):
        lake.query("SELECT a FROM t", "varchar", "t")


def test_a_file_that_is_gone_when_it_is_opened_fails_the_query(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.add("t", {"a": "string"}, PARQUET)
    lake.s3.objects["t/1.parquet"] = parquet(a=["x"])
    listed = lake.s3.list_objects_v2(Bucket="shop", Prefix="t/")
    monkeypatch.setattr(lake.s3, "list_objects_v2", lambda **_: listed)
    lake.s3.objects.clear()
    with pytest.raises(QueryError, match=r"^HIVE_CANNOT_OPEN_SPLIT: .*s3://shop/t/1.parquet is not there"):
        lake.query("SELECT a FROM t", "varchar", "t")


def test_bytes_are_those_of_the_columns_and_row_groups_that_are_read(lake: Lake) -> None:
    lake.add("t", {"a": "bigint", "b": "string"}, PARQUET)
    body = parquet(a=[1, 2, 3, 4], b=["x" * 50, "y" * 60, "z" * 70, "w" * 80])
    lake.s3.objects["t/1.parquet"] = body
    meta = pq.read_metadata(io.BytesIO(body))
    sizes = [[meta.row_group(g).column(c).total_compressed_size for c in (0, 1)] for g in (0, 1)]
    whole = lake.selected("SELECT a, b FROM t", "bigint varchar", "t")
    one = lake.selected("SELECT a FROM t", "bigint", "t:a")
    part = lake.selected("SELECT a FROM t WHERE a > 2", "bigint", "t:a", ranges={"a": Range(low=3)})
    assert whole.scanned_bytes == sum(map(sum, sizes))
    assert one.scanned_bytes == sizes[0][0] + sizes[1][0]
    assert part.scanned_bytes == sizes[1][0]
    with pytest.raises(QueryError, match=r"^EXCEEDED_SCAN_LIMIT: Bytes scanned limit was exceeded$"):
        lake.query("SELECT a, b FROM t", "bigint varchar", "t", scanned_bytes=whole.scanned_bytes - 1)


def test_a_path_column_says_where_a_row_is_from(lake: Lake) -> None:
    lake.add("t", {"a": "bigint"}, PARQUET, keys={"k": "string"})
    lake.s3.objects |= {"t/k=x/b'1.parquet": parquet(a=[1]), "t/k=y/2.parquet": parquet(a=[2])}
    lake.add_partition("t", "x")
    lake.add_partition("t", "y")
    rows = lake.query('SELECT a, "$path" FROM t ORDER BY a', "bigint varchar", "t:a,$path")
    assert rows == [["1", "s3://shop/t/k=x/b'1.parquet"], ["2", "s3://shop/t/k=y/2.parquet"]]


# --- partitions


def test_partitions_have_the_values_of_the_catalogue_and_only_those_that_match_are_read(lake: Lake) -> None:
    lake.add("t", {"a": "bigint"}, PARQUET, keys={"day": "date", "country": "string"})
    places = [("2024-01-01", "a b", ""), ("2024-01-02", "100%", "s3://shop/elsewhere/x"), ("2024-01-03", "é/ü", "")]
    for number, (day, country, location) in enumerate(places):
        lake.add_partition("t", day, country, location=location)
        folder = location.removeprefix("s3://shop/") if location else f"t/day={day}/country={country}"
        lake.s3.objects[f"{folder}/f"] = parquet(a=[number])
    everything = lake.query("SELECT a, day, country FROM t ORDER BY a", "bigint date varchar", "t")
    assert everything == [["0", "2024-01-01", "a b"], ["1", "2024-01-02", "100%"], ["2", "2024-01-03", "é/ü"]]
    lake.linked.clear()
    import datetime as dt  # noqa: PLC0415

    later = {"day": Range(low=dt.date(2024, 1, 2)), "country": Range(values=frozenset({"100%", "UK"}))}
    sql = "SELECT a FROM t WHERE day >= '2024-01-02' AND country IN ('100%', 'UK')"
    assert lake.query(sql, "bigint", "t", ranges=later) == [["1"]]
    assert lake.linked == ["elsewhere/x/f"]


def test_a_default_partition_is_null(lake: Lake) -> None:
    lake.add("t", {"a": "bigint"}, PARQUET, keys={"n": "int"})
    lake.add_partition("t", "__HIVE_DEFAULT_PARTITION__")
    lake.add_partition("t", "7")
    lake.s3.objects |= {
        "t/n=__HIVE_DEFAULT_PARTITION__/f": parquet(a=[1]),
        "t/n=7/f": parquet(a=[2]),
    }
    assert lake.query("SELECT a, n FROM t ORDER BY a", "bigint integer", "t") == [["1", None], ["2", "7"]]


def test_many_partitions_are_listed_together(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.add("t", {"a": "bigint"}, PARQUET, keys={"n": "int"})
    for number in range(30):
        lake.add_partition("t", str(number))
        lake.s3.objects[f"t/n={number}/f"] = parquet(a=[number * 10])
    lake.s3.objects["t/n=99/f"] = parquet(a=[-1])  # in no partition of the catalogue
    asked, ask = [], lake.s3.list_objects_v2
    monkeypatch.setattr(lake.s3, "list_objects_v2", lambda **given: asked.append(given) or ask(**given))
    assert lake.query("SELECT sum(a), count(*), sum(n) FROM t", "bigint bigint bigint", "t") == [["4350", "30", "435"]]
    assert len(asked) == 1


# --- JSON


def test_json_lines_are_read_by_key_whatever_their_capitals(lake: Lake) -> None:
    columns = {"orderid": "bigint", "tags": "array<string>", "item": "struct<sku:string,n:int>", "raw": "string"}
    lake.add("j", {**columns, "at": "timestamp", "absent": "double"}, JSON)
    rows = [
        {
            "orderId": 1,
            "tags": ["a", None],
            "item": {"sku": "x", "n": 2},
            "raw": {"z": 1},
            "at": "2024-01-02 03:04:05.6",
        },
        {"orderid": "2", "tags": [], "item": None, "raw": 5, "more": True},
    ]
    lake.s3.objects |= {"j/1.json": lines(rows[0]), "j/2.json.gz": gzip.compress(lines(rows[1]))}
    kinds = "bigint array(varchar) varchar timestamp(3) double"
    found = lake.query('SELECT orderid, tags, raw, "at", absent FROM j ORDER BY 1', kinds, "j")
    assert found == [
        ["1", "[a, null]", '{"z":1}', "2024-01-02 03:04:05.600", None],
        ["2", "[]", "5", None, None],
    ]
    assert lake.query("SELECT item.n FROM j ORDER BY orderid", "integer", "j") == [["2"], [None]]


def test_a_key_can_be_mapped_to_a_column(lake: Lake) -> None:
    lake.add("j", {"ts": "bigint"}, JSON, options={"mapping.ts": "time stamp"})
    lake.s3.objects["j/1"] = lines({"time stamp": 5, "ts": 6})
    assert lake.query("SELECT ts FROM j", "bigint", "j") == [["5"]]


def test_malformed_json_fails_unless_it_is_to_be_ignored(lake: Lake) -> None:
    body = b'{"a": 1}\n{"a": oops\n{"a": 3}\n'
    lake.add("j", {"a": "bigint"}, JSON)
    lake.add("lenient", {"a": "bigint"}, JSON, options={"ignore.malformed.json": "TRUE"})
    lake.s3.objects |= {"j/1": body, "lenient/1": body}
    with pytest.raises(QueryError, match=r"^HIVE_CURSOR_ERROR: Row is not a valid JSON Object$"):
        lake.query("SELECT a FROM j", "bigint", "j")
    assert lake.query("SELECT a FROM lenient", "bigint", "lenient") == [["1"], [None], ["3"]]


@pytest.mark.parametrize("options", [{}, {"ignore.malformed.json": "true"}])
def test_a_json_value_of_another_type_is_bad_data(lake: Lake, options: dict[str, str]) -> None:
    lake.add("j", {"a": "bigint"}, JSON, options=options)
    lake.s3.objects["j/1"] = lines({"a": "zz"})
    with pytest.raises(QueryError, match=r"^HIVE_BAD_DATA: "):
        lake.query("SELECT a FROM j", "bigint", "j")


# --- CSV


def test_quoted_csv_is_text_with_quotes_and_escapes_undone(lake: Lake) -> None:
    lake.add("c", {"a": "string", "b": "string", "n": "int"}, CSV, parameters={"skip.header.line.count": "1"})
    body = 'h1,h2,h3\n"1","a, ""b""",7\nx,,8,extra\n"a\\"b"\n'
    lake.s3.objects |= {"c/1.csv": body.encode(), "c/2.csv": b'h1,h2,h3\n"second","",9\n'}
    assert lake.query("SELECT a, b, n FROM c ORDER BY n NULLS LAST", "varchar varchar integer", "c") == [
        ["1", 'a, "b"', "7"],
        ["x", "", "8"],
        ["second", "", "9"],
        ['a"b', None, None],
    ]


def test_quoted_csv_has_times_as_numbers(lake: Lake) -> None:
    lake.add("c", {"at": "timestamp", "day": "date", "ok": "boolean"}, CSV, options={"separatorChar": ";"})
    lake.s3.objects["c/1.csv"] = b'"1579059880000";"18276";"true"\n'
    assert lake.query('SELECT "at", day, ok FROM c', "timestamp(3) date boolean", "c") == [
        ["2020-01-15 03:44:40.000", "2020-01-15", "true"]
    ]


@pytest.mark.parametrize(("kind", "text"), [("int", "x"), ("int", ""), ("double", "1,5"), ("date", "2024-01-01")])
def test_a_csv_value_of_another_type_is_bad_data(lake: Lake, kind: str, text: str) -> None:
    lake.add("c", {"a": kind}, CSV)
    lake.s3.objects["c/1.csv"] = f'"{text}"\n"1"\n'.encode()
    with pytest.raises(QueryError, match=r"^HIVE_BAD_DATA: Error parsing field value for field 0: For input string: "):
        lake.query("SELECT a FROM c", "varchar", "c")


def test_plain_text_is_split_at_its_delimiter_and_gives_null_for_what_is_not_of_the_type(lake: Lake) -> None:
    columns = {"a": "string", "n": "int", "d": "double", "xs": "array<int>", "m": "map<string,int>", "ok": "boolean"}
    options = {"field.delim": "\t", "collection.delim": "|", "mapkey.delim": ":"}
    lake.add("p", columns, TEXT, options=options)
    body = 'q"x\t7\t1.5\t1|2|x\tk:1|l:z\tTRUE\n\\N\t1.5\tabc\n\t\t\t\t\tno\tmore\n'
    lake.s3.objects["p/1"] = body.encode()
    assert lake.query("SELECT * FROM p", "varchar integer double array(integer) map(varchar,integer) boolean", "p") == [
        ['q"x', "7", "1.5", "[1, 2, null]", "{k=1, l=null}", "true"],
        [None, None, None, None, None, None],
        ["", None, None, "[null]", "{=null}", None],
    ]


def test_plain_text_has_its_own_delimiter_null_and_escape(lake: Lake) -> None:
    lake.add("p", {"a": "string", "b": "string"}, TEXT)
    lake.add("q", {"a": "string", "b": "string"}, TEXT, options={
        "field.delim": ",", "escape.delim": "\\", "serialization.null.format": "NA", "skip.header.line.count": "2",
    })  # fmt: skip
    lake.s3.objects |= {"p/1": b"x\x01y,z\n", "q/1": b"one\ntwo\na\\,b,NA\n,c\n"}
    assert lake.query("SELECT a, b FROM p", "varchar varchar", "p") == [["x", "y,z"]]
    assert lake.query("SELECT a, b FROM q", "varchar varchar", "q") == [["a,b", None], ["", "c"]]


# --- information_schema


def test_the_catalogue_describes_itself(lake: Lake) -> None:
    lake.add("t", {"a": "bigint"}, PARQUET, keys={"k": "string"})
    running = lake.running()
    from infra.local.athena.contract import Source, Translation  # noqa: PLC0415

    relation = running.catalog.relation("information_schema", "columns")
    needed = ("table_name", "column_name", "ordinal_position", "data_type", "extra_info")
    columns = tuple(Column(name, "varchar") for name in needed)
    sql = f"SELECT {', '.join(needed)} FROM x"
    found = lake.rows(running.select(Translation(sql, columns, {"x": Source(relation, needed)})))
    assert found == [["t", "a", "1", "bigint", None], ["t", "k", "2", "varchar", "partition key"]]
