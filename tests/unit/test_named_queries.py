"""The named queries give the documented answer: translated from Athena's SQL, run on the rows of tests/golden."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from infra.aws import glue, named
from infra.local.athena import sql
from infra.local.athena.contract import Column, QueryError, Relation
from infra.local.athena.sql.macros import install_functions, prepare
from infra.local.athena.tables import types, views

pytestmark = pytest.mark.unit

GOLDEN = Path(__file__).parents[1] / "golden" / "named_queries"
QUERIES = {query.name: query for query in named.queries()}


class Catalogue:
    """The relations of the lake's catalogue."""

    def __init__(self) -> None:
        self._tables = glue.catalogue(glue.Lake("bucket")).tables

    def relation(self, database: str, name: str) -> Relation:
        entry = self._tables.get((database, name))
        if entry is None:
            raise QueryError("TABLE_NOT_FOUND", f"{database}.{name}")
        if entry["TableType"] == views.VIRTUAL_VIEW:
            text, default, columns = views.decode(entry)
            return Relation(database, name, columns, view=text, view_database=default)
        found = entry["StorageDescriptor"]["Columns"]
        return Relation(database, name, tuple(Column(one["Name"], types.from_hive(one["Type"])) for one in found))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def shown(value: Any) -> Any:
    """A value as the golden files have it: numbers as they are, all else as text, midnight without its time."""
    return value if value is None or isinstance(value, int | float) else str(value).removesuffix(" 00:00:00")


@pytest.fixture
def lake() -> duckdb.DuckDBPyConnection:
    """A connection that can run translations."""
    connection = duckdb.connect()
    prepare(connection)
    return connection


def test_every_query_has_an_answer_that_was_worked_out() -> None:
    assert {path.stem for path in (GOLDEN / "expect").iterdir()} == set(QUERIES)


@pytest.mark.parametrize("name", QUERIES)
def test_a_named_query_gives_the_rows_that_were_worked_out(lake: duckdb.DuckDBPyConnection, name: str) -> None:
    translation = sql.translate(QUERIES[name].sql, catalog=Catalogue(), database="gold")
    for key, source in translation.sources.items():
        relation = source.relation
        columns = ", ".join(f"{types.quoted(one.name)} {types.to_duckdb(one.type)}" for one in relation.columns)
        lake.execute(f"CREATE TABLE {types.quoted(key)} ({columns})")
        for row in lines(GOLDEN / "given" / f"{relation.full_name}.jsonl"):
            values = [row.get(one.name) for one in relation.columns]
            lake.execute(f"INSERT INTO {types.quoted(key)} VALUES ({', '.join('?' * len(values))})", values)
    install_functions(lake, translation.sql)
    found = lake.execute(translation.sql).fetchall()
    names = [column.name for column in translation.columns]
    expected = [
        {key: value for key, value in row.items() if key != "because"}
        for row in lines(GOLDEN / "expect" / f"{name}.jsonl")
    ]
    assert [dict(zip(names, map(shown, row), strict=True)) for row in found] == expected
