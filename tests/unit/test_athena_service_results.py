"""GetQueryResults page by page, and what is said of columns and of statements."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.athena.contract import Column
from infra.local.athena.service import statement
from infra.local.athena.service.columns import column_info
from tests.unit.athena_api import Api, RefusedError

pytestmark = pytest.mark.unit


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    found = Api(tmp_path / "athena")
    yield found
    found.service.stop()


def refusal(api: Api, **members: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        api("GetQueryResults", **members)
    return caught.value


def values(page: Any) -> list[list[str | None]]:
    return [[datum.get("VarCharValue") for datum in row["Data"]] for row in page["ResultSet"]["Rows"]]


def pages(api: Api, execution: str, **members: Any) -> list[list[list[str | None]]]:
    found: list[list[list[str | None]]] = []
    token: dict[str, Any] = {}
    while True:
        page = api("GetQueryResults", QueryExecutionId=execution, **members, **token)
        found.append(values(page))
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def test_a_select_has_its_header_types_and_nulls(api: Api) -> None:
    page = api("GetQueryResults", QueryExecutionId=api.done())
    assert values(page) == [["day", "price"], ["2024-01-02", "1.500"], ["2024-01-03", None]]
    assert page["ResultSet"]["Rows"][2]["Data"][1] == {}
    assert page["UpdateCount"] == 0
    assert "NextToken" not in page
    assert page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"][1] == {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": "price",
        "Label": "price",
        "Type": "decimal",
        "Precision": 18,
        "Scale": 3,
        "Nullable": "UNKNOWN",
        "CaseSensitive": False,
    }


@pytest.mark.parametrize("rows", [0, 1, 2, 998, 999, 1000, 1001, 1999, 2500])
@pytest.mark.parametrize("most", [None, 1, 7, 999, 1000])
def test_pages_have_every_row_once_and_the_header_counts(api: Api, rows: int, most: int | None) -> None:
    if most == 1 and rows > 10:
        rows = 10
    api.rows = [[f"{number}"] for number in range(rows)]
    found = pages(
        api,
        api.done(columns=(Column("n", "bigint"),), rows=rows),
        **({} if most is None else {"MaxResults": most}),
    )
    assert [row for page in found for row in page] == [["n"], *api.rows]
    size = most or 1000
    assert [len(page) for page in found[:-1]] == [size] * (len(found) - 1)
    assert len(found) == -(-(rows + 1) // size)


def test_text_of_a_utility_has_no_header(api: Api) -> None:
    api.rows = [["orders"], ["sales"]]
    outcome = {"statement": "UTILITY", "substatement": "SHOW_TABLES", "columns": (Column("tab_name", "varchar"),)}
    found = api.done("SHOW TABLES", location="s3://results/here/x.txt", **outcome)
    assert pages(api, found) == [[["orders"], ["sales"]]]
    assert pages(api, found, MaxResults=1) == [[["orders"]], [["sales"]]]


def test_a_plan_has_a_header(api: Api) -> None:
    api.rows = [["Fragment 0"], [""]]
    outcome = {"substatement": "EXPLAIN", "columns": (Column("Query Plan", "varchar"),)}
    found = api.done("EXPLAIN SELECT 1", location="s3://results/here/x.txt", **outcome)
    assert pages(api, found) == [[["Query Plan"], ["Fragment 0"], [""]]]


def test_a_definition_has_neither_rows_nor_columns_and_writes_have_a_count(api: Api) -> None:
    nothing = {"columns": (), "rows": 0, "location": "s3://results/here/x.txt"}
    made = api.done("CREATE DATABASE x", statement="DDL", substatement="CREATE_DATABASE", **nothing)
    page = api("GetQueryResults", QueryExecutionId=made)
    assert page["ResultSet"] == {"Rows": [], "ResultSetMetadata": {"ColumnInfo": []}}
    assert "UpdateCount" not in page
    counted = {"columns": (Column("rows", "bigint"),), "rows": 0, "location": "", "updated": 7}
    insert = api.done("INSERT INTO t SELECT 1", substatement="INSERT", **counted)
    copied = api.done("CREATE TABLE t AS SELECT 1 a", statement="DDL", substatement="CREATE_TABLE_AS_SELECT", **counted)
    for found in (insert, copied):
        page = api("GetQueryResults", QueryExecutionId=found)
        assert (page["UpdateCount"], page["ResultSet"]["Rows"]) == (7, [])
        assert page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"][0]["Name"] == "rows"


def test_what_is_asked_first_is_answered_first(api: Api) -> None:
    ended, waiting = api.done(), api.start()
    more = "MaxResults is more than maximum allowed length 1000"
    assert refusal(api, QueryExecutionId="absent", MaxResults=1001).athena_code == "QUERY_EXECUTION_NOT_FOUND"
    assert refusal(api, QueryExecutionId=waiting, MaxResults=1001).message == more
    assert refusal(api, QueryExecutionId=waiting, NextToken="x").message == (
        "Query has not yet finished. Current state: QUEUED"
    )
    api.pool.begin(waiting)
    fault = refusal(api, QueryExecutionId=waiting)
    assert fault.message == "Query has not yet finished. Current state: RUNNING"
    assert fault.athena_code == "INVALID_QUERY_EXECUTION_STATE"
    assert refusal(api, QueryExecutionId=ended, NextToken="x").message == "Malformed nextPageToken x"
    assert "greater than or equal to 1" in refusal(api, QueryExecutionId="absent", MaxResults=0).message


def test_a_token_belongs_to_its_result(api: Api) -> None:
    one, two = api.done(), api.done()
    token = api("GetQueryResults", QueryExecutionId=one, MaxResults=1)["NextToken"]
    assert refusal(api, QueryExecutionId=two, NextToken=token).message == f"Malformed nextPageToken {token}"


def test_a_result_that_is_gone_is_said_to_be(api: Api) -> None:
    found = api.done()
    api.gone.add(f"s3://results/here/{found}.csv")
    fault = refusal(api, QueryExecutionId=found)
    assert (fault.message, fault.athena_code) == ("Could not find results", "RESULT_NOT_FOUND")


@pytest.mark.parametrize(
    ("type_text", "kind", "precision", "scale", "is_cased"),
    [
        ("boolean", "boolean", 0, 0, False),
        ("tinyint", "tinyint", 3, 0, False),
        ("integer", "integer", 10, 0, False),
        ("bigint", "bigint", 19, 0, False),
        ("real", "float", 17, 0, False),
        ("double", "double", 17, 0, False),
        ("decimal(38,10)", "decimal", 38, 10, False),
        ("decimal(5)", "decimal", 5, 0, False),
        ("string", "string", 0, 0, False),
        ("varchar(0)", "varchar", 0, 0, False),
        ("varchar", "varchar", 2147483647, 0, True),
        ("varchar(12)", "varchar", 12, 0, True),
        ("char(3)", "char", 3, 0, True),
        ("varbinary", "varbinary", 1073741824, 0, False),
        ("date", "date", 0, 0, False),
        ("timestamp(3)", "timestamp", 3, 0, False),
        ("timestamp(6)", "timestamp", 6, 0, False),
        ("timestamp(3) with time zone", "timestamp with time zone", 3, 0, False),
        ("array(row(a integer, b varchar))", "array", 0, 0, False),
        ("map(varchar, decimal(10,2))", "map", 0, 0, False),
        ("row(a timestamp(3), b array(char(2)))", "row", 0, 0, False),
        ("json", "json", 0, 0, False),
        ("interval day to second", "interval day to second", 0, 0, False),
        ("unknown", "unknown", 0, 0, False),
    ],
)
def test_types_have_their_bare_name_and_digits(
    type_text: str, kind: str, precision: int, scale: int, is_cased: bool
) -> None:
    found = column_info("a", type_text)
    shown = (found["Type"], found["Precision"], found["Scale"], found["CaseSensitive"])
    assert shown == (kind, precision, scale, is_cased)


@pytest.mark.parametrize(
    ("sql", "kind", "subtype", "reads"),
    [
        ("select 1;", "DML", "SELECT", True),
        ("-- a;b\n/* c;d */ WITH x AS (SELECT 1) SELECT * FROM x ; -- end", "DML", "SELECT", True),
        ("(SELECT ';' AS \"a;b\")", "DML", "SELECT", True),
        ("VALUES 1", "DML", "SELECT", True),
        ("EXPLAIN SELECT 1", "DML", "EXPLAIN", True),
        ("INSERT INTO t VALUES 1", "DML", "INSERT", False),
        ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "DML", "MERGE", False),
        ("UNLOAD (SELECT 1) TO 's3://b/x' WITH (format='PARQUET')", "DML", "UNLOAD", False),
        ('CREATE TABLE "db"."t"\nWITH(format = \'PARQUET\')\nAS SELECT 1', "DDL", "CREATE_TABLE_AS_SELECT", False),
        ("CREATE EXTERNAL TABLE t (a int) LOCATION 's3://b/AS SELECT'", "DDL", "CREATE_TABLE", False),
        ("CREATE TABLE t (a int) LOCATION 's3://b/'", "DDL", "CREATE_TABLE", False),
        ("CREATE OR REPLACE VIEW v AS SELECT 1 a", "DDL", "CREATE_VIEW", False),
        ("create schema if not exists x", "DDL", "CREATE_DATABASE", False),
        ("DROP TABLE IF EXISTS `t`", "DDL", "DROP_TABLE", False),
        ("ALTER TABLE t ADD PARTITION (day='x')", "DDL", "", False),
        ("MSCK REPAIR TABLE t", "DDL", "", False),
        ("SHOW TABLES IN x", "UTILITY", "SHOW_TABLES", True),
        ("SHOW SCHEMAS", "UTILITY", "SHOW_DATABASES", True),
        ("DESCRIBE t", "UTILITY", "DESCRIBE_TABLE", True),
        ("PREPARE p FROM SELECT ?", "UTILITY", "PREPARE", False),
        ("EXECUTE p USING 1", "UTILITY", "EXECUTE", False),
    ],
)
def test_first_words_say_what_a_statement_is(sql: str, kind: str, subtype: str, reads: bool) -> None:
    found = statement.classify(sql)
    assert (found.type, found.subtype, found.reads) == (kind, subtype, reads)


@pytest.mark.parametrize("sql", ["'SELECT 1'", "INSTALL httpfs", "COPY t TO 'x'", "1", "ATTACH 'x'", "PRAGMA x", ";;"])
def test_what_begins_no_statement_of_athena_is_none(sql: str) -> None:
    with pytest.raises(statement.MalformedError, match=r"line 1:\d+: mismatched input"):
        statement.classify(sql)


def test_long_and_odd_texts_are_read_in_one_pass() -> None:
    for odd in ("/**/" * 60_000, "'" * 200_001, '"' * 200_001, "/*" * 100_000, "--" * 100_000, "`" * 200_001):
        assert statement.classify("SELECT 1 " + odd).subtype == "SELECT"
        with pytest.raises(statement.MalformedError):
            statement.classify(odd)
