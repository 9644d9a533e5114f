"""Type texts of Hive, Athena, Delta and DuckDB mean each other."""

import pytest

from infra.local.athena.contract import QueryError
from infra.local.athena.tables import types

pytestmark = pytest.mark.unit

# Hive's, Athena's, DuckDB's
SAME = [
    ("boolean", "boolean", "BOOLEAN"),
    ("tinyint", "tinyint", "TINYINT"),
    ("smallint", "smallint", "SMALLINT"),
    ("int", "integer", "INTEGER"),
    ("bigint", "bigint", "BIGINT"),
    ("float", "real", "FLOAT"),
    ("double", "double", "DOUBLE"),
    ("decimal(12,3)", "decimal(12,3)", "DECIMAL(12,3)"),
    ("string", "varchar", "VARCHAR"),
    ("varchar(10)", "varchar(10)", "VARCHAR"),
    ("char(3)", "char(3)", "VARCHAR"),
    ("binary", "varbinary", "BLOB"),
    ("date", "date", "DATE"),
    ("timestamp", "timestamp(3)", "TIMESTAMP"),
    ("array<string>", "array(varchar)", "VARCHAR[]"),
    ("array<array<int>>", "array(array(integer))", "INTEGER[][]"),
    ("map<string,double>", "map(varchar, double)", "MAP(VARCHAR, DOUBLE)"),
    (
        "struct<a:int,b:struct<c:decimal(5,2),d:array<string>>>",
        "row(a integer, b row(c decimal(5,2), d array(varchar)))",
        'STRUCT("a" INTEGER, "b" STRUCT("c" DECIMAL(5,2), "d" VARCHAR[]))',
    ),
]


@pytest.mark.parametrize(("hive", "athena", "duckdb"), SAME)
def test_a_type_has_a_text_in_each_language(hive: str, athena: str, duckdb: str) -> None:
    assert types.from_hive(hive) == athena
    assert types.to_hive(athena) == hive
    assert types.to_duckdb(athena) == duckdb
    assert types.athena(types.parse(athena)) == athena


@pytest.mark.parametrize(
    ("text", "athena"),
    [
        (" STRING ", "varchar"),
        ("integer", "integer"),
        ("decimal", "decimal(10,0)"),
        ("decimal(9)", "decimal(9,0)"),
        ("timestamp", "timestamp(3)"),
        ("timestamp with time zone", "timestamp(3) with time zone"),
        ("timestamp(6) with time zone", "timestamp(6) with time zone"),
        ("interval day to second", "interval day to second"),
        ("row(integer, varchar)", "row(integer, varchar)"),
        ("row(timestamp(3) with time zone)", "row(timestamp(3) with time zone)"),
        ("row(timestamp with time zone, time bigint)", "row(timestamp(3) with time zone, time bigint)"),
        ("row(timestamp timestamp(3))", "row(timestamp timestamp(3))"),
        ("row(double precision)", "row(double)"),
        ('row("a ""b, c" integer)', 'row("a ""b, c" integer)'),
        ("row(date date)", "row(date date)"),
        ("struct<Ab:int>", "row(ab integer)"),
        ("map<int,array<struct<k:string>>>", "map(integer, array(row(k varchar)))"),
    ],
)
def test_other_spellings_are_read(text: str, athena: str) -> None:
    assert types.athena(types.parse(text)) == athena


@pytest.mark.parametrize("text", ["", "strin", "array<>", "array", "map<string>", "struct<int>", "array<int", "int)"])
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="TYPE_NOT_FOUND: Unknown type"):
        types.parse(text)


@pytest.mark.parametrize("text", ["timestamp(3) with time zone", "time(3)", "json", "unknown"])
def test_hive_has_no_such_type(text: str) -> None:
    with pytest.raises(QueryError, match="NOT_SUPPORTED: Unsupported Hive type: "):
        types.to_hive(text)


def test_a_delta_schema_is_read() -> None:
    fields = [
        {"name": "id", "type": "long"},
        {"name": "tags", "type": {"type": "array", "elementType": "string", "containsNull": True}},
        {"name": "m", "type": {"type": "map", "keyType": "string", "valueType": "double"}},
        {"name": "at", "type": "timestamp_ntz"},
        {"name": "price", "type": "decimal(12,3)"},
    ]
    assert types.athena(types.parse_delta({"type": "struct", "fields": fields})) == (
        "row(id bigint, tags array(varchar), m map(varchar, double), at timestamp(3), price decimal(12,3))"
    )


def test_names_and_strings_are_escaped() -> None:
    assert types.quoted('a"b') == '"a""b"'
    assert types.literal("it's") == "'it''s'"
