"""Values look as Athena's: in Python, in SQL, and the same in both."""

import datetime as dt
import decimal
import math
import struct
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.local.athena.engine import values
from infra.local.athena.tables import types

pytestmark = pytest.mark.unit

# DuckDB's expression, Athena's type, the text
SHOWN = [
    ("true", "boolean", "true"),
    ("42::tinyint", "tinyint", "42"),
    ("170141183460469231731687303715884105727::hugeint", "bigint", "170141183460469231731687303715884105727"),
    ("1.0::double", "double", "1.0"),
    ("0.0::double", "double", "0.0"),
    ("'-0.0'::double", "double", "-0.0"),
    ("1e10::double", "double", "1.0E10"),
    ("12345678.9::double", "double", "1.23456789E7"),
    ("9999999.0::double", "double", "9999999.0"),
    ("1e7::double", "double", "1.0E7"),
    ("0.001::double", "double", "0.001"),
    ("0.0001::double", "double", "1.0E-4"),
    ("0.00012345::double", "double", "1.2345E-4"),
    ("-1.5e-7::double", "double", "-1.5E-7"),
    ("1.7976931348623157e308::double", "double", "1.7976931348623157E308"),
    ("'nan'::double", "double", "NaN"),
    ("'-inf'::double", "double", "-Infinity"),
    ("0.1::float", "real", "0.1"),
    ("16777216::float", "real", "1.6777216E7"),
    ("1e-5::float", "real", "1.0E-5"),
    ("1048576.75::float", "real", "1048576.8"),
    ("-1762400.25::float", "real", "-1762400.2"),
    ("8834240512::float", "real", "8.83424E9"),
    ("2417851639229258349412352::double", "double", "2.4178516392292583E24"),
    ("1.5::decimal(12,3)", "decimal(12,3)", "1.500"),
    ("-0.05::decimal(5,2)", "decimal(5,2)", "-0.05"),
    ("-0.25::decimal(2,2)", "decimal(2,2)", "-0.25"),
    ("0::decimal(38,38)", "decimal(38,38)", f"0.{'0' * 38}"),
    ("[0.5::decimal(1,1)]", "array(decimal(1,1))", "[0.5]"),
    ("5e-324::double", "double", "4.9E-324"),
    ("-1e-323::double", "double", "-9.9E-324"),
    ("1.5e-323::double", "double", "1.5E-323"),
    ("1.401298464324817e-45::float", "real", "1.4E-45"),
    ("2.802596928649634e-45::float", "real", "2.8E-45"),
    ("7::decimal(38,0)", "decimal(38,0)", "7"),
    (
        "12345678901234567890123456789.123456789::decimal(38,9)",
        "decimal(38,9)",
        "12345678901234567890123456789.123456789",
    ),
    ("'a''b'", "varchar", "a'b"),
    ("'ab'::blob", "varbinary", "61 62"),
    ("''::blob", "varbinary", ""),
    ("date '2024-01-02'", "date", "2024-01-02"),
    ("date '0001-01-02'", "date", "0001-01-02"),
    ("time '04:00:00'", "time(3)", "04:00:00.000"),
    ("timestamp '2024-01-02 03:04:05'", "timestamp(3)", "2024-01-02 03:04:05.000"),
    ("timestamp '2024-01-02 03:04:05.987654'", "timestamp(3)", "2024-01-02 03:04:05.987"),
    ("timestamp '2024-01-02 03:04:05.987654'", "timestamp(6)", "2024-01-02 03:04:05.987654"),
    ("timestamp '2024-01-02 03:04:05'", "timestamp(0)", "2024-01-02 03:04:05"),
    ("timestamp '2024-01-02 03:04:05.5'", "timestamp(9)", "2024-01-02 03:04:05.500000000"),
    ("timestamp '2024-01-02 03:04:05.56'", "timestamp(1)", "2024-01-02 03:04:05.5"),
    ("timestamptz '2024-01-02 03:04:05+02'", "timestamp(3) with time zone", "2024-01-02 01:04:05.000 UTC"),
    ("interval '2 days 3 hours'", "interval day to second", "2 03:00:00.000"),
    ("interval '-90 minutes'", "interval day to second", "-0 01:30:00.000"),
    ("[1, 2]", "array(integer)", "[1, 2]"),
    ("['a', null]", "array(varchar)", "[a, null]"),
    ("[]::int[]", "array(integer)", "[]"),
    ("[[1.0::double], null]", "array(array(double))", "[[1.0], null]"),
    ("{'a': 1, 'b': null}", "row(a integer, b varchar)", "{a=1, b=null}"),
    ("row(1, 'x')", "row(integer, varchar)", "{field0=1, field1=x}"),
    ("map {'a': 1, 'b': 2}", "map(varchar, integer)", "{a=1, b=2}"),
    ("map {'a': [{'k': 1e10::double}]}", "map(varchar, array(row(k double)))", "{a=[{k=1.0E10}]}"),
    ("""'{"a": [1]}'::json""", "json", '{"a": [1]}'),
    ("null::int[]", "array(integer)", None),
    ("null::struct(a int)", "row(a integer)", None),
    ("null::map(int, int)", "map(integer, integer)", None),
    ("null::double", "double", None),
]


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def in_sql(database: duckdb.DuckDBPyConnection, value: str, athena: str) -> Any:
    shown = values.expression("x", types.parse(athena))
    return database.execute(f"SELECT {shown} FROM (SELECT {value} AS x)").fetchall()[0][0]


@pytest.mark.parametrize(("value", "athena", "expected"), SHOWN)
def test_a_value_is_shown_as_athena_shows_it(
    database: duckdb.DuckDBPyConnection, value: str, athena: str, expected: str | None
) -> None:
    assert in_sql(database, value, athena) == expected
    if "with time zone" in athena:
        python = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    else:
        python = database.execute(f"SELECT {value}").fetchall()[0][0]
    assert values.text(python, athena) == expected


@settings(max_examples=300, deadline=None)
@given(st.floats())
@example(2.0**81)
@example(-(2.0**91))
@example(2.0**807)
def test_doubles_are_the_same_in_sql_and_python(database: duckdb.DuckDBPyConnection, value: float) -> None:
    shown = database.execute(
        f"SELECT {values.expression('x', types.parse('double'))} FROM (SELECT ?::DOUBLE AS x)", [value]
    )
    found = shown.fetchall()[0][0]
    assert found == values.text(value, "double")
    assert math.isnan(value) or float(found.replace("Infinity", "inf")) == value


@settings(max_examples=300, deadline=None)
@given(st.floats(width=32))
@example(1048576.75)
@example(8834240512.0)
def test_reals_are_the_same_in_sql_and_python(database: duckdb.DuckDBPyConnection, value: float) -> None:
    shown = database.execute(
        f"SELECT {values.expression('x', types.parse('real'))} FROM (SELECT ?::FLOAT AS x)", [value]
    )
    found = shown.fetchall()[0][0]
    assert found == values.text(value, "real")
    if math.isfinite(value):
        assert struct.pack("f", float(found)) == struct.pack("f", value)


@settings(max_examples=100, deadline=None)
@given(st.decimals(min_value=-(10**8), max_value=10**8, places=3), st.datetimes(min_value=dt.datetime(1, 1, 2)))
def test_decimals_and_times_are_the_same_in_sql_and_python(
    database: duckdb.DuckDBPyConnection, number: decimal.Decimal, moment: dt.datetime
) -> None:
    shown = [values.expression("n", types.parse("decimal(12,3)")), values.expression("t", types.parse("timestamp"))]
    row = database.execute(
        f"SELECT {shown[0]}, {shown[1]} FROM (SELECT ?::DECIMAL(12,3) AS n, ?::TIMESTAMP AS t)", [number, moment]
    ).fetchall()[0]
    assert row == (values.text(number, "decimal(12,3)"), values.text(moment, "timestamp(3)"))
