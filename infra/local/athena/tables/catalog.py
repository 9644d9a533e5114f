"""The Glue catalogue for one statement: databases, tables, views and partitions, and what a query reads of a table.

What it has said once it says again, so a statement sees each table in one state. It changes nothing: statements call
Glue for that themselves.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.local.athena.contract import CATALOG, Column, QueryError, Relation, Source
from infra.local.athena.tables import files, information, serde, types, views
from infra.local.athena.tables.delta import Deltas, Snapshot
from infra.local.athena.tables.scan import Scan

PARTITIONS = "$partitions"
PATH = "$path"
Entry = Mapping[str, Any]  # a table, database or partition as Glue describes it


class Glue:
    """The catalogue as one statement sees it.

    Args:
        client: A boto3 client of Glue.
        s3: A boto3 client of S3; needed to scan.
        deltas: The Delta tables; without them a Delta table has the columns that Glue has.
    """

    def __init__(self, client: Any, s3: Any = None, deltas: Deltas | None = None) -> None:
        self._client, self._s3, self._deltas = client, s3, deltas
        self._tables: dict[tuple[str, str], Entry] = {}
        self._snapshots: dict[tuple[str, str], Snapshot] = {}
        # An object of what was said last is gone: a writer replaced and deleted it since.
        self.is_outdated = False

    def forget(self) -> None:
        """Ask anew from now on, for a statement that begins again."""
        self._tables.clear()
        self._snapshots.clear()
        self.is_outdated = False

    # --- what the catalogue has

    def databases(self) -> list[Entry]:
        """Every database, by name."""
        return sorted(self._all("get_databases", "DatabaseList"), key=lambda entry: str(entry["Name"]))

    def database(self, name: str) -> Entry:
        """A database.

        Raises:
            QueryError: SCHEMA_NOT_FOUND.
        """
        try:
            return self._client.get_database(Name=name.lower())["Database"]
        except self._client.exceptions.EntityNotFoundException as fault:
            raise QueryError("SCHEMA_NOT_FOUND", f"Schema '{name.lower()}' does not exist") from fault

    def tables(self, database: str) -> list[Entry]:
        """Tables and views of a database, by name.

        Raises:
            QueryError: SCHEMA_NOT_FOUND.
        """
        self.database(database)
        found = self._all("get_tables", "TableList", DatabaseName=database.lower())
        return sorted(found, key=lambda entry: str(entry["Name"]))

    def table(self, database: str, name: str) -> Entry:
        """A table or view as Glue describes it.

        Raises:
            QueryError: SCHEMA_NOT_FOUND or TABLE_NOT_FOUND.
        """
        place = (database.lower(), name.lower())
        if place not in self._tables:
            try:
                answer = self._client.get_table(DatabaseName=place[0], Name=place[1])
            except self._client.exceptions.EntityNotFoundException as fault:
                self.database(database)
                raise QueryError("TABLE_NOT_FOUND", f"Table '{CATALOG}.{'.'.join(place)}' does not exist") from fault
            self._tables[place] = answer["Table"]
        return self._tables[place]

    def partitions(self, database: str, name: str) -> list[Entry]:
        """Partitions of a table that are in the catalogue, in the order of their values."""
        given = {"DatabaseName": database.lower(), "TableName": name.lower()}
        return sorted(self._all("get_partitions", "Partitions", **given), key=lambda entry: list(entry["Values"]))

    # --- relations

    def relation(self, database: str, name: str) -> Relation:
        """A table or view as the translator needs it; `t$partitions` is the relation of a table's partitions.

        Raises:
            QueryError: SCHEMA_NOT_FOUND, TABLE_NOT_FOUND, or what its description is lacking.
        """
        database, name = database.lower(), name.lower()
        if database == information.SCHEMA:
            return information.relation(name)
        if name.endswith(PARTITIONS):
            of = self.relation(database, name.removesuffix(PARTITIONS))
            columns = tuple(column for column in of.columns if column.name in of.partitions)
            if not columns:
                raise QueryError("TABLE_NOT_FOUND", f"Table '{CATALOG}.{database}.{name}' does not exist")
            return Relation(database, name, columns)
        table = self.table(database, name)
        if table.get("TableType") == views.VIRTUAL_VIEW:
            sql, default, columns = views.decode(table)
            return Relation(database, name, columns, view=sql, view_database=default)
        if self._deltas and serde.is_delta(table):
            snapshot = self._snapshot(database, name)
            return Relation(database, name, snapshot.columns, snapshot.partitions)
        partitions = described(table.get("PartitionKeys") or ())
        columns = described(table["StorageDescriptor"].get("Columns") or ())
        return Relation(database, name, columns + partitions, tuple(column.name for column in partitions))

    # --- what is read

    def scan(self, source: Source) -> Scan:
        """What a query reads of a table.

        Raises:
            QueryError: The table cannot be read.
        """
        relation = source.relation
        if relation.database == information.SCHEMA:
            return Scan("rows", rows=information.rows(relation.name, self))
        if relation.name.endswith(PARTITIONS):
            return Scan("rows", rows=self._partition_rows(relation))
        if self._deltas and serde.is_delta(self.table(relation.database, relation.name)):
            return self._snapshot(relation.database, relation.name).scan(source.ranges)
        table = self.table(relation.database, relation.name)
        keys = tuple(column for column in relation.columns if column.name in relation.partitions)
        format, options, names = serde.reading(table)
        prefixes = files.prefixes(table, keys, source.ranges, lambda: self.partitions(relation.database, relation.name))
        return Scan(format, files.listed(self._s3, prefixes), keys, names, options)

    def _snapshot(self, database: str, name: str) -> Snapshot:
        if (database, name) not in self._snapshots:
            assert self._deltas is not None  # noqa: S101 (narrows the type: callers have asked)
            location = serde.location(self.table(database, name))
            self._snapshots[database, name] = self._deltas.snapshot(location)
        return self._snapshots[database, name]

    def _partition_rows(self, relation: Relation) -> tuple[tuple[str | None, ...], ...]:
        name = relation.name.removesuffix(PARTITIONS)
        table = self.table(relation.database, name)
        if self._deltas and serde.is_delta(table):
            found = (file.partition for file in self._snapshot(relation.database, name).scan({}).files)
        else:
            prefixes = files.prefixes(table, relation.columns, {}, lambda: self.partitions(relation.database, name))
            found = (prefix.partition for prefix in prefixes)
        return tuple(dict.fromkeys(found))

    def _all(self, operation: str, member: str, **given: Any) -> list[Entry]:
        try:
            pages = self._client.get_paginator(operation).paginate(**given)
            return [entry for page in pages for entry in page[member]]
        except ClientError as fault:
            raise QueryError("HIVE_METASTORE_ERROR", str(fault)) from fault


def described(columns: Any) -> tuple[Column, ...]:
    """Columns of Glue as Athena has them."""
    return tuple(
        Column(column["Name"].lower(), types.from_hive(column["Type"]), column.get("Comment") or "")
        for column in columns
    )
