"""Databases, tables and partitions as Glue keeps them, found by the names of a statement. Changes none.

Goes to Glue itself, not through the catalogue of queries, which remembers what it said.
"""

from typing import Any

from botocore.exceptions import ClientError

from infra.local.athena.engine.context import Context
from infra.local.athena.statements import faults

Entry = dict[str, Any]

# What TableInput takes of what GetTable answers.
_INPUT = (
    "Name", "Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor",
    "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters", "TargetTable",
)  # fmt: skip


def resolve(context: Context, name: tuple[str, str]) -> tuple[str, str]:
    """A table's name with the default database where it names none; some clients send that one in backticks."""
    return name[0] or context.job.database.strip('`"').lower() or "default", name[1]


def is_absent(fault: ClientError) -> bool:
    """Whether Glue says that what was asked for is not there."""
    return fault.response["Error"]["Code"] == "EntityNotFoundException"


def find_database(context: Context, name: str) -> Entry | None:
    """The database; None if it is not there."""
    try:
        found: Entry = context.glue.get_database(Name=name)["Database"]
    except ClientError as fault:
        if is_absent(fault):
            return None
        raise
    return found


def database(context: Context, name: str) -> Entry:
    """The database.

    Raises:
        QueryError: It is not there.
    """
    found = find_database(context, name)
    if found is None:
        raise faults.no_database(name)
    return found


def find(context: Context, name: tuple[str, str]) -> Entry | None:
    """The table or view; None if it is not there."""
    database_name, table_name = resolve(context, name)
    try:
        found: Entry = context.glue.get_table(DatabaseName=database_name, Name=table_name)["Table"]
    except ClientError as fault:
        if is_absent(fault):
            return None
        raise
    return found


def table(context: Context, name: tuple[str, str]) -> Entry:
    """The table or view.

    Raises:
        QueryError: It or its database is not there.
    """
    found = find(context, name)
    if found is None:
        database(context, resolve(context, name)[0])
        raise faults.no_table(name[1])
    return found


def tables(context: Context, database_name: str) -> list[Entry]:
    """All tables and views of a database, by name.

    Raises:
        QueryError: The database is not there.
    """
    database(context, database_name)
    pages = context.glue.get_paginator("get_tables").paginate(DatabaseName=database_name)
    return sorted((entry for page in pages for entry in page["TableList"]), key=lambda entry: str(entry["Name"]))


def partitions(context: Context, entry: Entry) -> list[Entry]:
    """All partitions of a table, by their values."""
    pages = context.glue.get_paginator("get_partitions").paginate(
        DatabaseName=entry["DatabaseName"], TableName=entry["Name"]
    )
    return sorted((found for page in pages for found in page["Partitions"]), key=lambda found: list(found["Values"]))


def is_view(entry: Entry) -> bool:
    """Whether it is a view."""
    return bool(entry.get("TableType") == "VIRTUAL_VIEW")


def is_delta(entry: Entry) -> bool:
    """Whether it is a native Delta table."""
    parameters = {name.lower(): str(value).lower() for name, value in (entry.get("Parameters") or {}).items()}
    return "delta" in (parameters.get("table_type"), parameters.get("spark.sql.sources.provider"))


def columns(entry: Entry) -> list[Entry]:
    """Its columns without those of partitions: Name, Type and Comment."""
    return list((entry.get("StorageDescriptor") or {}).get("Columns") or [])


def keys(entry: Entry) -> list[Entry]:
    """Its columns of partitions."""
    return list(entry.get("PartitionKeys") or [])


def as_input(entry: Entry) -> Entry:
    """The table as UpdateTable takes it; the emulator answers an Owner of "", which none may be."""
    return {name: entry[name] for name in _INPUT if entry.get(name)}


def update(context: Context, entry: Entry) -> None:
    """Write a table back."""
    context.glue.update_table(DatabaseName=entry["DatabaseName"], TableInput=as_input(entry))
