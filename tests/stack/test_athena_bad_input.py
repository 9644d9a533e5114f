"""Whatever is wrong with a request, a statement, a table or its files: Athena's answer in words, never a 500, no hang.

`Shop.ask` itself fails on any other answer of the API than InvalidRequestException, and on a statement without an end.
"""

import gzip
import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.stack.athena_shop import BUCKET, DATABASE, JSON, PARQUET, TEXT, Shop
from tests.stack.conftest import client, make_settings, started

pytestmark = pytest.mark.stack

LONG = "x" * 200_000
ABSENT = "does not exist"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with started(make_settings(tmp_path_factory.mktemp("bad")), "gateway") as settings:
        shop = Shop(settings)
        shop.put("good/1.csv", b"1,x\n")
        shop.register("good", {"a": "int", "b": "string"}, TEXT, serde_parameters={"field.delim": ","})
        yield shop


@pytest.mark.parametrize(
    ("sql", "state", "reason"),
    [
        ("SELEC 1", "REFUSED", "line 1:1: mismatched input 'SELEC'. Expecting: "),
        ("SELECT\n  1 +", "REFUSED", "line 2:6: mismatched input '<EOF>'. Expecting: "),
        ("SELECT a b c FROM good", "REFUSED", "line 1:12: mismatched input 'c'. Expecting: "),
        ("SELECT 'abc", "REFUSED", "line 1:8: mismatched input '''"),
        ('SELECT "abc', "REFUSED", "line 1:8: mismatched input '\"'"),
        ("SELECT * FROM `good`", "REFUSED", "line 1:15: backquoted identifiers are not supported"),
        (" ", "REFUSED", "mismatched input '<EOF>'"),
        ("--", "REFUSED", "mismatched input '<EOF>'"),
        (";", "REFUSED", "mismatched input"),
        ("SELECT 1; SELECT 2", "REFUSED", "Only one sql statement is allowed. Got: SELECT 1; SELECT 2"),
        ("SELECT \ufffd", "REFUSED", "line 1:8: mismatched input '\ufffd'"),
        ("SELECT absent FROM good", "FAILED", "COLUMN_NOT_FOUND: line 1:8: Column 'absent' cannot be resolved"),
        ("SELECT a,\n  absent(a) FROM good", "FAILED", "FUNCTION_NOT_FOUND: line 2:3: Function 'absent' not reg"),
        ("SELECT * FROM absent", "FAILED", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.absent' does"),
        ("SELECT * FROM no.absent", "FAILED", "SCHEMA_NOT_FOUND: line 1:15: Schema 'no' does not exist"),
        ("SELECT * FROM no.such.table_", "FAILED", "CATALOG_NOT_FOUND: line 1:15: Catalog 'no' does not exist"),
        ("SELECT * FROM good WHERE b = 1", "FAILED", "TYPE_MISMATCH: line 1:28: Cannot apply operator: varchar ="),
        ("SELECT a FROM good GROUP BY b", "FAILED", "line 1:8: 'a' must be an aggregate expression or appear"),
        ('SELECT * FROM "a\'b""c`\N{SNOWMAN}"', "FAILED", "TABLE_NOT_FOUND: line 1:15: "),
        ('SELECT ""', "FAILED", "COLUMN_NOT_FOUND: line 1:8: Column ''"),
        (f"SELECT * FROM {LONG}", "FAILED", f"Table 'awsdatacatalog.db.{LONG}' does not exist"),
        (f'SELECT "{LONG}" FROM good', "FAILED", f"Column '{LONG}' cannot be resolved"),
        (f"SELECT {LONG}(1)", "FAILED", "FUNCTION_NOT_FOUND"),
        (f"SELECT '{LONG * 5}'", "REFUSED", "1 validation error detected: Value at 'queryString' failed to satisfy"),
        (f"SELECT {'9' * 4000}", "FAILED", "INVALID_LITERAL: line 1:8: Invalid numeric literal"),
        (f"SELECT {'9' * 100_000}", "FAILED", ""),
        ("SELECT 9223372036854775808", "FAILED", "INVALID_LITERAL: line 1:8: Invalid numeric literal"),
        (f"SELECT DECIMAL '{'1' * 50}'", "FAILED", "INVALID_LITERAL: line 1:8: "),
        (f"SELECT 0.{'0' * 50}1", "FAILED", "INVALID_LITERAL: line 1:8: "),
        ("SELECT DATE '2020-13-45'", "FAILED", "INVALID_LITERAL: line 1:8: '2020-13-45' is not a valid DATE literal"),
        ("SELECT TIMESTAMP '9999999-01-01 00:00:00'", "FAILED", "INVALID_LITERAL: line 1:8: "),
        ("SELECT 2147483647 + a FROM good", "FAILED", "NUMERIC_VALUE_OUT_OF_RANGE: integer addition overflow"),
        ("SELECT 1 / (a - 1) FROM good", "FAILED", "DIVISION_BY_ZERO: Division by zero"),
        ("SELECT CAST(b AS date) FROM good", "FAILED", "INVALID_CAST_ARGUMENT: Value cannot be cast to date: x"),
        ("SELECT CAST(1e308 * 10 AS integer)", "FAILED", "Out of range for integer"),
        ("SELECT ?", "FAILED", "line 1:8: Incorrect number of parameters: expected 1 but found 0"),
        ("EXECUTE absent USING 1", "FAILED", "Prepared statement not found: absent"),
        ("DEALLOCATE PREPARE absent", "FAILED", "PreparedStatement absent was not found"),
        ("EXECUTE IMMEDIATE 'SELEC 1'", "FAILED", "SYNTAX_ERROR: line 1:1: mismatched input 'SELEC'"),
        ("CREATE TABLE made AS SELECT 1", "FAILED", "line 1:1: Column name not specified at position 1"),
        ("CREATE TABLE made AS SELECT 1 AS a, 2 AS a", "FAILED", "Column name 'a' specified more than once"),
        ("CREATE TABLE good AS SELECT 1 AS a", "FAILED", "already exists"),
        ("CREATE TABLE absent.made AS SELECT 1 AS a", "FAILED", ABSENT),
        ("CREATE VIEW made AS SELECT absent FROM good", "FAILED", "COLUMN_NOT_FOUND: line 1:28: Column 'absent'"),
        ("CREATE EXTERNAL TABLE made (a int) LOCATION ''", "REFUSED", "An S3 location must be specified"),
        ("CREATE EXTERNAL TABLE made (a whatever) LOCATION 's3://shop/x/'", "REFUSED", "mismatched input 'whatever'"),
        ("CREATE EXTERNAL TABLE made (a int, a int) LOCATION 's3://shop/x/'", "FAILED", "Duplicate column name: a"),
        ("CREATE EXTERNAL TABLE good (a int) LOCATION 's3://shop/x/'", "FAILED", "Table good already exists"),
        ("INSERT INTO absent SELECT 1", "FAILED", "TABLE_NOT_FOUND"),
        ("INSERT INTO good SELECT 'a'", "FAILED", "Insert query has mismatched column types"),
        ("UPDATE good SET a = 1", "FAILED", "NOT_SUPPORTED"),
        ("DROP TABLE absent", "FAILED", "Table not found absent"),
        ("DROP DATABASE db", "FAILED", "Database db is not empty"),
        ("DESCRIBE absent", "FAILED", "Table not found absent"),
        ("SHOW TABLES IN absent", "FAILED", "Database does not exist: absent"),
        ("SHOW PARTITIONS good", "FAILED", "is not a partitioned table"),
        ("ALTER TABLE good ADD PARTITION (z = '1')", "FAILED", "table is not partitioned"),
        ("SET x = 1", "REFUSED", "Queries of this type are not supported"),
    ],
)  # fmt: skip
def test_a_faulty_statement_is_told_what_is_wrong(shop: Shop, sql: str, state: str, reason: str) -> None:
    answer = shop.ask(sql)
    assert (answer.state, reason in answer.reason) == (state, True), answer.reason[:1000]


def test_long_conditions_are_no_faults(shop: Shop) -> None:
    """As tools make them of a selection."""
    either = " OR ".join(f"a = {number}" for number in range(500))
    assert shop.rows(f"SELECT a FROM good WHERE {either}") == [["1"]]
    assert shop.rows(f"SELECT count(*) FROM ({' UNION ALL '.join(['SELECT 1'] * 300)}) AS t") == [["300"]]
    assert shop.rows(f"SELECT a FROM good WHERE a IN ({', '.join(map(str, range(9000)))})") == [["1"]]
    answer = shop.ask(f"SELECT a{' + a' * 3000} FROM good")
    assert answer.reason.startswith("STATEMENT_TOO_LARGE: statement is too large (stack overflow ")


def test_odd_names_and_values_are_no_faults(shop: Shop) -> None:
    shop.ask("CREATE DATABASE `a'b``\N{SNOWMAN}`")
    columns = 'a AS "it\'s ""quoted""", b AS "na\u00efve \u65e5\u672c `c`", \'\' AS "", \' \' AS " "'
    for name in ("odd", "odd\N{SNOWMAN}"):
        made = shop.ask(f'CREATE VIEW "{name}" AS SELECT {columns} FROM good')
        if made.state == "SUCCEEDED":
            assert shop.rows(f'SELECT * FROM "{name}"') == [["1", "x", "", " "]]
        else:
            assert made.reason
    assert shop.rows("SELECT a, '', NULL, 'tab\t\"q\"', 'line\nbreak', '\N{SNOWMAN}' FROM good") == [
        ["1", "", None, 'tab\t"q"', "line\nbreak", "\N{SNOWMAN}"]
    ]
    assert shop.rows(f'SELECT 1 AS "{LONG}"') == [["1"]]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"ResultConfiguration": {}}, "No output location provided"),
        ({"ResultConfiguration": {"OutputLocation": ""}}, "No output location provided"),
        ({"ResultConfiguration": {"OutputLocation": "file:///tmp/"}}, "outputLocation is not a valid S3 path"),
        ({"ResultConfiguration": {"OutputLocation": "s3://"}}, "outputLocation is not a valid S3 path"),
        ({"ResultConfiguration": {"OutputLocation": f"s3://{LONG}/"}}, "outputLocation is not a valid S3 path"),
        ({"WorkGroup": "absent"}, "WorkGroup is not found"),
        ({"WorkGroup": "no good\n"}, "failed to satisfy constraint"),
        ({"ClientRequestToken": "x"}, "failed to satisfy constraint"),
        ({"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": -1}}}, ""),
    ],
)  # fmt: skip
def test_a_faulty_request_is_refused(shop: Shop, given: dict[str, Any], reason: str) -> None:
    shop.athena = client(shop.settings, "athena", parameter_validation=False)
    answer = shop.ask("SELECT 1", **given)
    assert answer.state == "REFUSED"
    assert reason in answer.reason


def test_a_missing_bucket_for_the_result_fails_the_query(shop: Shop) -> None:
    answer = shop.ask("SELECT 1", ResultConfiguration={"OutputLocation": "s3://absent/results/"})
    assert answer.state == "FAILED"
    assert "NoSuchBucket" in answer.reason


def parquet(**columns: list[Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


GOOD = parquet(a=[1, 2], b=["x", "y"])
GZIP = gzip.compress(b'{"a": 1}\n' * 50)
TWO = {"a": "bigint", "b": "string"}
FILES: dict[str, tuple[str, dict[str, str], bytes, str]] = {
    "no parquet at all": (PARQUET, TWO, b"PAR1 nothing of that kind PAR1", "HIVE_BAD_DATA: Malformed Parquet file"),
    "a cut parquet file": (PARQUET, TWO, GOOD[:-20], "HIVE_BAD_DATA: Malformed Parquet file"),
    "a parquet file with a hole": (PARQUET, TWO, GOOD[:10] + bytes(60) + GOOD[70:], "HIVE_BAD_DATA"),
    "a number where the table has text": (PARQUET, {"a": "string"}, GOOD, "HIVE_BAD_DATA: Field a's type INT64"),
    "text where the table has a number": (PARQUET, {"b": "bigint"}, GOOD, "HIVE_BAD_DATA: Field b's type STRING"),
    "broken gzip": (JSON, {"a": "bigint"}, GZIP[:20] + b"garbage" + GZIP[27:], "HIVE_BAD_DATA"),
    "cut gzip": (JSON, {"a": "bigint"}, GZIP[:-9], "HIVE_"),
    "no gzip": (JSON, {"a": "bigint"}, b"not compressed", "HIVE_BAD_DATA"),
    "broken JSON": (JSON, {"a": "bigint"}, b'{"a": 1}\n{"a":\n', "HIVE_CURSOR_ERROR: Row is not a valid JSON Object"),
    "JSON of another type": (JSON, {"a": "bigint"}, b'{"a": "x"}\n', "HIVE_BAD_DATA"),
    "bytes": (TEXT, TWO, bytes(range(256)) * 9, "HIVE_BAD_DATA"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_fails_the_query(shop: Shop, name: str) -> None:
    serde, columns, body, reason = FILES[name]
    table = f"file{[*FILES].index(name)}"
    shop.put(f"{table}/1.{'json.gz' if 'gzip' in name else 'data'}", body)
    shop.register(table, columns, serde)
    answer = shop.ask(f"SELECT * FROM {table}")
    assert (answer.state, reason in answer.reason) == ("FAILED", True), answer
    assert str(shop.settings.data_path) not in answer.reason


def test_columns_that_a_file_lacks_are_null_and_a_location_without_files_has_no_rows(shop: Shop) -> None:
    shop.put("lacking/1.parquet", parquet(a=[1]))
    shop.register("lacking", TWO, PARQUET)
    assert shop.rows("SELECT * FROM lacking") == [["1", None]]
    for number, serde in enumerate((PARQUET, JSON, TEXT)):
        shop.register(f"empty{number}", TWO, serde)
        assert shop.rows(f"SELECT count(*), max(a) FROM empty{number}") == [["0", None]]
        shop.put(f"empty{number}/1", b"")
        assert shop.rows(f"SELECT * FROM empty{number}") == []


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (b"{broken", "DELTA_LAKE_BAD_DATA"),
        (b"", "DELTA_LAKE_BAD_DATA"),
        (b'{"protocol":{"minReaderVersion":99,"minWriterVersion":99}}\n', "DELTA_LAKE_BAD_DATA"),
        (None, "DELTA_LAKE_INVALID_TABLE: line 1:15: Metadata not found in transaction log for s3://shop/log"),
    ],
)
def test_a_delta_log_that_cannot_be_read_fails_the_query(shop: Shop, log: bytes | None, reason: str) -> None:
    name = f"log{abs(hash(log))}"
    if log is not None:
        shop.put(f"{name}/_delta_log/{0:020d}.json", log)
    shop.register_delta(name)
    answer = shop.ask(f"SELECT * FROM {name}")
    assert (answer.state, reason in answer.reason) == ("FAILED", True), answer


def test_a_delta_table_that_lost_a_file_or_got_a_broken_commit_fails_the_query(shop: Shop) -> None:
    for name in ("lost", "broken"):
        shop.add_delta(name, pa.table({"a": [1]}))
        shop.register_delta(name)
        assert shop.rows(f"SELECT * FROM {name}") == [["1"]]
    [data] = [e["Key"] for e in shop.s3.list_objects_v2(Bucket=BUCKET, Prefix="lost/part")["Contents"]]
    shop.s3.delete_object(Bucket=BUCKET, Key=data)
    answer = shop.ask("SELECT * FROM lost")
    assert answer.reason.startswith("HIVE_CANNOT_OPEN_SPLIT: ")
    assert f"s3://shop/{data}" in answer.reason
    shop.put(f"broken/_delta_log/{1:020d}.json", b"{{{")
    assert shop.ask("SELECT * FROM broken").reason.startswith("DELTA_LAKE_BAD_DATA: line 1:15: Failed to read")
    # The fault is the file's, not the worker's: it heals.
    shop.s3.delete_object(Bucket=BUCKET, Key=f"broken/_delta_log/{1:020d}.json")
    assert shop.rows("SELECT * FROM broken") == [["1"]]


def test_a_bucket_that_was_dropped_under_its_tables_fails_the_query(shop: Shop) -> None:
    place = {"LocationConstraint": shop.settings.aws_default_region}
    shop.s3.create_bucket(Bucket="doomed", CreateBucketConfiguration=place)
    shop.register("doomed", {"a": "int"}, TEXT, location="s3://doomed/t/")
    shop.register_delta("doomed_delta", location="s3://doomed/d/")
    shop.s3.put_object(Bucket="doomed", Key="t/1.csv", Body=b"1\n")
    assert shop.rows("SELECT * FROM doomed") == [["1"]]
    result = shop.ask("SELECT 1", ResultConfiguration={"OutputLocation": "s3://doomed/results/"})
    for entry in shop.s3.list_objects_v2(Bucket="doomed")["Contents"]:
        shop.s3.delete_object(Bucket="doomed", Key=entry["Key"])
    shop.s3.delete_bucket(Bucket="doomed")
    for sql in ("SELECT * FROM doomed", "SELECT * FROM doomed_delta", "INSERT INTO doomed SELECT 1"):
        answer = shop.ask(sql)
        assert answer.state == "FAILED"
        assert answer.reason
    with pytest.raises(ClientError) as found:
        shop.athena.get_query_results(QueryExecutionId=result.execution)
    assert found.value.response["Error"]["Message"] == "Could not find results"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"columns": {"a": "whatever(("}}, "TYPE_NOT_FOUND: line 1:15: Unknown type"),
        ({"columns": {"a": f"{'array<' * 3000}int{'>' * 3000}"}}, "STATEMENT_TOO_LARGE"),
        ({"columns": {"a": "int"}, "serde": "com.nobody.SerDe"}, "NOT_SUPPORTED: Table db.odd has a SerDe"),
        ({"columns": {"a": "int"}, "serde": ""}, "NOT_SUPPORTED: Table db.odd has a SerDe"),
        ({"columns": {"a": "int"}, "location": ""}, "INVALID_TABLE_PROPERTY: The location '' is not an S3 URL"),
        ({"columns": {"a": "int"}, "location": "s3://no bucket'/"}, ""),
        ({"columns": {"a": "int"}, "Parameters": {"table_type": "ICEBERG"}}, "NOT_SUPPORTED: Table db.odd is of type"),
        ({"columns": {"a": "int"}, "serde_parameters": {"field.delim": "', header = true) --"}}, ""),
        ({"columns": {"a": "int"}, "Parameters": {"skip.header.line.count": "many"}}, ""),
        ({"columns": {}}, ""),
        (
            {
                "columns": {"a": "int"},
                "PartitionKeys": [{"Name": "d", "Type": "int"}],
                "Parameters": {"projection.enabled": "true", "projection.d.type": "whatever"},
            },
            "INVALID_TABLE_PROPERTY: Table property 'projection.d.type' is not valid",
        ),
    ],
)  # fmt: skip
def test_a_table_that_is_described_wrong_fails_the_query(shop: Shop, table: dict[str, Any], reason: str) -> None:
    shop.put("odd/1.csv", b"1\n")
    shop.register("odd", **{"serde": TEXT, **table})
    answer = shop.ask("SELECT * FROM odd")
    shop.glue.delete_table(DatabaseName=DATABASE, Name="odd")
    if answer.state == "FAILED":
        assert reason in answer.reason
        assert "INTERNAL_ERROR" not in answer.reason, answer.reason
    else:
        assert reason == "", answer
