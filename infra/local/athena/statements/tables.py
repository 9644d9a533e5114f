"""CREATE EXTERNAL TABLE, DROP TABLE and DROP VIEW: entries of Glue, written as Athena writes them. Data stay."""

import time

from botocore.exceptions import ClientError

from infra.local.athena.contract import Outcome, QueryError
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, clauses, delta, entries, faults
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.entries import Entry
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.storage import Format
from infra.local.athena.tables import serde

_NO_LOCATION = "No location was specified for table. An S3 location must be specified"


def create(reader: Reader) -> Action:
    """CREATE EXTERNAL TABLE [IF NOT EXISTS] name [(columns)] and its clauses."""
    reader.expect("CREATE")
    external = reader.accept("EXTERNAL")
    reader.expect("TABLE")
    quiet = reader.exists(negated=True)
    name = reader.full_name()
    given = clauses.Clauses(columns=reader.listed(lambda: clauses.column(reader)) if reader.peek("(") else [])
    while clauses.clause(reader, given):
        pass
    reader.end()
    if not given.location:
        raise faults.at_start(_NO_LOCATION)
    if not serde.is_url(given.location):
        raise faults.at_start(f"Invalid S3 location: {given.location}")
    _check_columns(given)

    def run(context: Context) -> Outcome:
        if given.kind == "ICEBERG":
            raise QueryError("NOT_SUPPORTED", "Iceberg tables are not supported by this endpoint")
        if not external:
            raise faults.task("Only external tables, and tables with table_type=ICEBERG, can be created")
        database, table = entries.resolve(context, name)
        if quiet and entries.find(context, name):
            return answers.done(context)
        columns = delta.columns(context, given.location) if given.kind == "DELTA" else given.columns
        store(context, database, _entry(given, table, columns))
        return answers.done(context)

    return run


def store(context: Context, database: str, entry: Entry) -> None:
    """Create a table in Glue.

    Raises:
        QueryError: The database is not there, or the table is.
    """
    try:
        context.glue.create_table(DatabaseName=database, TableInput=entry)
    except ClientError as fault:
        code = fault.response["Error"]["Code"]
        if code == "AlreadyExistsException":
            raise faults.task(f"AlreadyExistsException(message:Table {entry['Name']} already exists)") from fault
        if code == "EntityNotFoundException":
            raise faults.no_database(database) from fault
        raise


def drop(reader: Reader) -> Action:
    """DROP TABLE|VIEW [IF EXISTS] name [PURGE]."""
    reader.expect("DROP")
    view = reader.one_of("TABLE", "VIEW") == "VIEW"
    quiet = reader.exists()
    name = reader.full_name()
    reader.accept("PURGE")
    reader.end()

    def run(context: Context) -> Outcome:
        database, table = entries.resolve(context, name)
        found = entries.find(context, name)
        if found is None and not quiet:
            entries.database(context, database)
            if view:
                raise QueryError("TABLE_NOT_FOUND", f"View 'awsdatacatalog.{database}.{table}' does not exist", 1, 1)
            raise faults.no_table(table)
        if found and entries.is_view(found) != view:
            raise faults.HiveError(
                "GENERIC_USER_ERROR",
                f"SemanticException [Error 10132]: Cannot drop a {'base table with DROP VIEW' if view else 'view'}"
                f"{'' if view else ' with DROP TABLE'}",
            )
        if found:
            context.glue.delete_table(DatabaseName=database, Name=table)
        return answers.done(context)

    return run


def _check_columns(given: clauses.Clauses) -> None:
    if given.kind == "DELTA":
        if given.columns or given.keys:
            raise faults.at_start("Columns and partitions of a Delta table come from its log: leave them out")
        return
    if not given.columns and given.kind != "ICEBERG":
        raise faults.at_start("At least one column is required for a table")


def _entry(given: clauses.Clauses, name: str, columns: list[Entry]) -> Entry:
    keys = given.keys
    clauses.check_names(columns)
    clauses.check_names(keys)
    if {entry["Name"] for entry in columns} & {entry["Name"] for entry in keys}:
        raise faults.HiveError(
            "GENERIC_USER_ERROR", "SemanticException [Error 10035]: Column repeated in partitioning columns"
        )
    parameters = {"EXTERNAL": "TRUE", "transient_lastDdlTime": str(int(time.time())), **given.properties}
    if given.comment:
        parameters["comment"] = given.comment
    return table_entry(
        name,
        columns,
        keys,
        format=Format(
            given.serde or given.format.serde,
            given.format.input,
            given.format.output,
            given.serde_properties
            if "serialization.format" in given.serde_properties
            else {"serialization.format": "1", **given.serde_properties},
        ),
        location=given.location,
        parameters=parameters,
        buckets=given.buckets,
    )


def table_entry(
    name: str,
    columns: list[Entry],
    keys: list[Entry],
    *,
    format: Format,
    location: str,
    parameters: dict[str, str],
    buckets: tuple[list[str], int] = ([], -1),
) -> Entry:
    """A table as Athena writes it to Glue."""
    return {
        "Name": name,
        "Owner": "hadoop",
        "Retention": 0,
        "StorageDescriptor": {
            "Columns": columns,
            "Location": location,
            "InputFormat": format.input,
            "OutputFormat": format.output,
            "Compressed": False,
            "NumberOfBuckets": buckets[1],
            "SerdeInfo": {"SerializationLibrary": format.serde, "Parameters": dict(format.parameters)},
            "BucketColumns": buckets[0],
            "SortColumns": [],
            "Parameters": {},
            "StoredAsSubDirectories": False,
        },
        "PartitionKeys": keys,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
    }
