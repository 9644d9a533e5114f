"""The catalogue that is made of lakehouse/tables.py: what it says of each table, and when it counts as different."""

# ruff: noqa: N803 (the parameters of boto3's clients)

from collections.abc import Iterator
from typing import Any

import pytest

from infra.aws import glue, named
from infra.commands import catalog
from infra.commands.catalog import differences
from infra.local.athena.tables import views
from lakehouse.settings import load
from lakehouse.tables import TABLES, VIEWS, Column

pytestmark = pytest.mark.unit

LAKE = glue.Lake("bucket", "mine_", (Column("select", "string", "first in batch 0/7"),), ("Ab-c", "Xy_z"), 4)


def test_every_table_and_view_of_the_contract_is_in_it_under_the_prefix() -> None:
    found = glue.catalogue(LAKE)
    assert list(found.databases) == ["mine_bronze", "mine_silver", "mine_gold", "mine_ops"]
    wanted = {(f"mine_{table.layer}", table.name) for table in (*TABLES, *VIEWS)}
    bronze = {("mine_bronze", "order_lines"), ("mine_bronze", "order_lines_dynamodb")}
    assert set(found.tables) == wanted | bronze


def test_a_delta_table_is_registered_natively_with_its_columns() -> None:
    entry = glue.catalogue(LAKE).tables["mine_silver", "order_lines"]
    assert entry["Parameters"] == {"EXTERNAL": "TRUE", "table_type": "DELTA", "spark.sql.sources.provider": "delta"}
    assert entry["StorageDescriptor"]["Location"] == "s3://bucket/silver/order_lines/"
    assert entry["StorageDescriptor"]["SerdeInfo"]["Parameters"]["path"] == "s3://bucket/silver/order_lines/"
    columns = entry["StorageDescriptor"]["Columns"]
    assert columns[0] == {"Name": "source", "Type": "string", "Comment": "way in: kafka or dynamodb"}
    assert columns[-1] == {"Name": "select", "Type": "string", "Comment": "first in batch 0/7"}


def test_bronze_has_a_partition_for_each_topic_id_and_partition() -> None:
    entry = glue.catalogue(LAKE).tables["mine_bronze", "order_lines"]
    parameters = entry["Parameters"]
    assert parameters["projection.topic_id.values"] == "Ab-c,Xy_z"
    assert parameters["projection.partition.range"] == "0,3"
    assert parameters["storage.location.template"] == (
        "s3://bucket/bronze/order_lines/kafka/shop.public.order_lines/${topic_id}/partition=${partition}/"
    )
    assert [key["Name"] for key in entry["PartitionKeys"]] == ["topic_id", "partition"]


@pytest.mark.parametrize(("first", "expected"), [("", "NOW-3YEARS,NOW"), ("2026-11-29", "2026-11-29,NOW")])
def test_stream_records_have_a_partition_for_each_day_since_the_first(first: str, expected: str) -> None:
    entry = glue.catalogue(glue.Lake("bucket", first_date=first)).tables["bronze", "order_lines_dynamodb"]
    parameters = entry["Parameters"]
    assert parameters["projection.arrived_date.range"] == expected
    template = "s3://bucket/bronze/order_lines/dynamodb/date=${arrived_date}/"
    assert parameters["storage.location.template"] == template
    assert entry["PartitionKeys"] == [
        {"Name": "arrived_date", "Type": "date", "Comment": "day in UTC on which Firehose had the record"}
    ]


def test_the_view_of_live_rows_is_one_of_athenas() -> None:
    entry = glue.catalogue(LAKE).tables["mine_silver", "current_order_lines"]
    sql, database, columns = views.decode(entry)
    assert 'batch_id, "select" FROM mine_silver.order_lines WHERE NOT is_deleted' in sql
    assert database == "mine_silver"
    assert (columns[2].name, columns[2].type) == ("line_no", "integer")
    assert [column["Name"] for column in entry["StorageDescriptor"]["Columns"]][-1] == "select"


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b"]),
        ({"a": [], "b": ""}, {"b": None}, []),
        ({"a": [{"n": "x"}]}, {"a": [{"n": "x", "more": 1}]}, []),
        ({"a": [{"n": "x"}]}, {"a": [{"n": "y"}]}, ["a"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a"]),
    ],
)
def test_what_differs_is_named(wanted: dict[str, object], found: dict[str, object], expected: list[str]) -> None:
    assert differences(wanted, found) == expected


def test_every_named_query_says_what_it_answers() -> None:
    found = named.queries()
    assert len(found) == 16
    assert all(len(query.description) > 20 and not query.sql.startswith("--") for query in found)


def test_the_prefix_goes_before_databases_alone() -> None:
    sql = "SELECT gold.daily_sales.x, 'gold.y', a.gold.b FROM gold.daily_sales"
    assert glue.prefixed(sql, "p_") == "SELECT p_gold.daily_sales.x, 'gold.y', a.gold.b FROM p_gold.daily_sales"
    assert all("mine_" in query.sql for query in named.queries("mine_"))


class MemoryAthena:
    """The API's named queries, listed one a page."""

    def __init__(self) -> None:
        self.queries: dict[str, dict[str, Any]] = {}

    def get_paginator(self, operation: str) -> "MemoryAthena":
        assert operation == "list_named_queries"
        return self

    def paginate(self, *, WorkGroup: str) -> Iterator[dict[str, Any]]:
        yield from ({"NamedQueryIds": [name]} for name in list(self.queries))

    def batch_get_named_query(self, *, NamedQueryIds: list[str]) -> dict[str, Any]:
        assert len(NamedQueryIds) <= 50
        return {"NamedQueries": [self.queries[name] for name in NamedQueryIds]}

    def create_named_query(self, **given: str) -> None:
        name = f"id{len(self.queries)}"
        self.queries[name] = {"NamedQueryId": name, **given}

    def update_named_query(self, *, NamedQueryId: str, **given: str) -> None:
        self.queries[NamedQueryId] |= given


def test_named_queries_are_made_once_and_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    athena, settings = MemoryAthena(), load(environ={}, dotenv=None)
    monkeypatch.setattr(catalog, "_client", lambda *_: athena)
    athena.queries |= {
        f"own{at}": {"NamedQueryId": f"own{at}", "Name": f"own{at}", "QueryString": "SELECT 1"} for at in range(60)
    }
    assert len(catalog.named_queries(settings, check=True)) == len(catalog.named_queries(settings)) == 16
    assert catalog.named_queries(settings) == []
    mine = next(query for query in athena.queries.values() if query["Name"] == "baskets")
    wanted, mine["QueryString"] = mine["QueryString"], "SELECT 2"
    assert catalog.named_queries(settings, check=True) == ["updated query baskets"]
    assert mine["QueryString"] == "SELECT 2"
    assert catalog.named_queries(settings) == ["updated query baskets"]
    assert mine["QueryString"] == wanted
    assert len(athena.queries) == 76
