"""The schema `information_schema`, answered from the catalogue."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infra.local.athena.contract import CATALOG, Column, QueryError, Relation

if TYPE_CHECKING:
    from infra.local.athena.tables.catalog import Entry, Glue

SCHEMA = "information_schema"
Row = tuple[str | None, ...]
_COLUMNS = {
    "schemata": ("catalog_name", "schema_name"),
    "tables": ("table_catalog", "table_schema", "table_name", "table_type"),
    "views": ("table_catalog", "table_schema", "table_name", "view_definition"),
    "columns": (
        "table_catalog",
        "table_schema",
        "table_name",
        "column_name",
        "ordinal_position",
        "column_default",
        "is_nullable",
        "data_type",
        "comment",
        "extra_info",
    ),
}


def relation(name: str) -> Relation:
    """One of its relations.

    Raises:
        QueryError: TABLE_NOT_FOUND.
    """
    if name not in _COLUMNS:
        raise QueryError("TABLE_NOT_FOUND", f"Table '{CATALOG}.{SCHEMA}.{name}' does not exist")
    kinds = {"ordinal_position": "bigint"}
    return Relation(SCHEMA, name, tuple(Column(column, kinds.get(column, "varchar")) for column in _COLUMNS[name]))


def rows(name: str, catalog: "Glue") -> tuple[Row, ...]:
    """The rows of one of its relations."""
    databases = [str(entry["Name"]) for entry in catalog.databases()]
    if name == "schemata":
        return tuple((CATALOG, database) for database in [*databases, SCHEMA])
    found: list[Row] = []
    for database in databases:
        for table in catalog.tables(database):
            found += _of(name, table, catalog)
    return tuple(found)


def _of(name: str, table: "Entry", catalog: "Glue") -> Iterator[Row]:
    place = (CATALOG, str(table["DatabaseName"]), str(table["Name"]))
    is_view = table.get("TableType") == "VIRTUAL_VIEW"
    if name == "tables":
        yield (*place, "VIEW" if is_view else "BASE TABLE")
        return
    try:
        described = catalog.relation(place[1], place[2])
    except QueryError:
        return  # a table that cannot be described has no columns here, and hides no other
    if name == "views" and is_view:
        yield (*place, described.view)
    if name == "columns":
        for number, column in enumerate(described.columns, 1):
            extra = "partition key" if column.name in described.partitions else None
            yield (*place, column.name, str(number), None, "YES", column.type, column.comment or None, extra)
