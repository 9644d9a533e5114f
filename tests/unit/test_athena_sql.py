import datetime
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from infra.local.athena.contract import CATALOG, Column, QueryError, Relation
from infra.local.athena.sql import translate
from infra.local.athena.sql.datatype import Type, duckdb_type, field_name, parse_type
from infra.local.athena.sql.macros import install_functions, prepare, run_exact
from infra.local.athena.sql.runtime import runtime_error

pytestmark = pytest.mark.unit
GOLDEN = Path(__file__).parents[1] / "golden" / "athena"
TABLES = json.loads((GOLDEN / "tables.json").read_text())
DATABASE = "shop"


def cases() -> list[Any]:
    found = []
    for path in sorted(GOLDEN.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            case = json.loads(line)
            found.append(pytest.param(case, id=f"{path.stem}: {case['name']}"))
    return found


class Tables:
    """A catalogue of the sample tables and of views that a case defines."""

    def __init__(self, views: dict[str, str] | None = None) -> None:
        self.views = views or {}

    def relation(self, database: str, name: str) -> Relation:
        if database != DATABASE:
            raise QueryError("SCHEMA_NOT_FOUND", f"Schema '{database}' does not exist")
        if name in self.views:
            return Relation(database, name, (), (), self.views[name])
        if name not in TABLES:
            raise QueryError("TABLE_NOT_FOUND", f"Table '{CATALOG}.{database}.{name}' does not exist")
        table = TABLES[name]
        columns = tuple(Column(*c) for c in table["columns"])
        return Relation(database, name, columns, tuple(table.get("partitions", ())))


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        prepare(opened)
        for name, table in TABLES.items():
            columns = [*table["columns"], ["$path", "varchar"]]
            definitions = ", ".join(f'"{n}" {duckdb_type(parse_type(t))}' for n, t in columns)
            opened.execute(f'CREATE TABLE "table {name}" ({definitions})')
            rows = ", ".join(f"({row}, 's3://bucket/{name}/1.parquet')" for row in table["rows"])
            opened.execute(f'INSERT INTO "table {name}" VALUES {rows}')
        yield opened


def run(connection: duckdb.DuckDBPyConnection, case: dict[str, Any]) -> tuple[list[list[str]], list[list[str | None]]]:
    """Columns with their types, and rows of texts."""
    found = translate(
        case["sql"], catalog=Tables(case.get("views")), database=DATABASE, parameters=case.get("parameters", ())
    )
    for key, source in found.sources.items():
        needed = ", ".join(f'"{n}"' for n in source.needed) or "NULL"
        table = source.relation.name
        connection.execute(f'CREATE OR REPLACE TEMP VIEW "{key}" AS SELECT {needed} FROM "table {table}"')
    install_functions(connection, found.sql)
    try:
        rows = run_exact(connection, lambda: connection.execute(found.sql).fetchall())
    except duckdb.Error as error:
        raise runtime_error(error) from error
    types = [parse_type(c.type) for c in found.columns]
    texts = [[text(v, t) for v, t in zip(row, types, strict=True)] for row in rows]
    return [[c.name, c.type] for c in found.columns], texts


def text(value: Any, kind: Type) -> str | None:
    """A value as Athena writes it."""
    if value is None:
        return None
    if kind.name == "array":
        return f"[{', '.join(inner(v, kind.element) for v in value)}]"
    if kind.name == "map":
        return f"{{{', '.join(f'{inner(k, kind.key)}={inner(v, kind.item)}' for k, v in value.items())}}}"
    if kind.name == "row":
        pairs = zip(value.values() if isinstance(value, dict) else value, kind.parts, strict=True)
        named = (f"{field_name(kind.names, i)}={inner(v, k)}" for i, (v, k) in enumerate(pairs))
        return f"{{{', '.join(named)}}}"
    return scalar(value)


def inner(value: Any, kind: Type) -> str:
    found = text(value, kind)
    return "null" if found is None else found


def scalar(value: Any) -> str:  # noqa: PLR0911 - one return a type
    match value:
        case bool():
            return str(value).lower()
        case float():
            return java(value)
        case Decimal():
            return f"{value:f}"
        case bytes():
            return value.hex(" ")
        case datetime.datetime():
            zone = " UTC" if value.tzinfo else ""
            return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}{zone}"
        case datetime.time():
            return f"{value:%H:%M:%S}.{value.microsecond // 1000:03d}"
        case datetime.timedelta():
            sign = "-" if value < datetime.timedelta() else ""
            seconds, micro = divmod(abs(value) // datetime.timedelta(microseconds=1), 1_000_000)
            days, rest = divmod(seconds, 86_400)
            return f"{sign}{days} {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}.{micro // 1000:03d}"
    return str(value)


def java(value: float) -> str:
    """As Java writes a double."""
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    digits, exponent = f"{Decimal(repr(value)):E}".split("E")
    if value == 0 or -3 <= int(exponent) < 7:
        return f"{Decimal(repr(value)):f}" if "." in f"{Decimal(repr(value)):f}" else f"{Decimal(repr(value)):f}.0"
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


@pytest.mark.parametrize("case", cases())
def test_query_gives_the_documented_answer(case: dict[str, Any], connection: duckdb.DuckDBPyConnection) -> None:
    if "error" in case:
        with pytest.raises(QueryError) as raised:
            run(connection, case)
        assert str(raised.value) == case["error"]
        return
    columns, rows = run(connection, case)
    assert (rows, columns) == (case["rows"], case["columns"])
