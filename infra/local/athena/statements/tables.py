"""CREATE EXTERNAL TABLE, DROP TABLE and DROP VIEW: entries of Glue, written as Athena writes them. Data stay."""

import time
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from infra.local.athena.contract import Outcome, QueryError
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, delta, entries, faults, hive
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.entries import Entry
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.storage import FORMATS, LAZY, Format

_NO_LOCATION = "No location was specified for table. An S3 location must be specified"


@dataclass
class _Table:
    """What the clauses of CREATE TABLE say."""

    columns: list[Entry] = field(default_factory=list)
    keys: list[Entry] = field(default_factory=list)
    comment: str = ""
    serde: str = ""
    serde_properties: dict[str, str] = field(default_factory=dict)
    format: Format = FORMATS["TEXTFILE"]
    location: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    buckets: tuple[list[str], int] = field(default_factory=lambda: ([], -1))

    @property
    def kind(self) -> str:
        """Its table_type in capitals: DELTA, ICEBERG or ""."""
        return next((value.upper() for name, value in self.properties.items() if name.lower() == "table_type"), "")


def create(reader: Reader) -> Action:
    """CREATE EXTERNAL TABLE [IF NOT EXISTS] name [(columns)] and its clauses."""
    reader.expect("CREATE")
    external = reader.accept("EXTERNAL")
    reader.expect("TABLE")
    quiet = reader.exists(negated=True)
    name = reader.full_name()
    given = _Table(columns=reader.listed(lambda: column(reader)) if reader.peek("(") else [])
    while _clause(reader, given):
        pass
    reader.end()
    if not given.location:
        raise faults.at_start(_NO_LOCATION)
    if not given.location.startswith("s3://"):
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


def column(reader: Reader) -> Entry:
    """Read `name type [COMMENT 'text']`."""
    entry: Entry = {"Name": reader.name(), "Type": hive.read(reader)}
    if reader.accept("COMMENT"):
        entry["Comment"] = reader.string()
    return entry


def check_names(columns: list[Entry]) -> None:
    """No column twice.

    Raises:
        QueryError: Hive's fault.
    """
    seen: set[str] = set()
    for entry in columns:
        if entry["Name"] in seen:
            raise faults.HiveError(
                "GENERIC_USER_ERROR", f"SemanticException [Error 10036]: Duplicate column name: {entry['Name']}"
            )
        seen.add(entry["Name"])


def _check_columns(given: _Table) -> None:
    if given.kind == "DELTA":
        if given.columns or given.keys:
            raise faults.at_start("Columns and partitions of a Delta table come from its log: leave them out")
        return
    if not given.columns and given.kind != "ICEBERG":
        raise faults.at_start("At least one column is required for a table")


def _clause(reader: Reader, given: _Table) -> bool:
    """Read a clause that may follow the columns; False when there is none."""
    if reader.accept("COMMENT"):
        given.comment = reader.string()
    elif reader.accept("PARTITIONED", "BY"):
        given.keys = reader.listed(lambda: column(reader))
    elif reader.accept("CLUSTERED", "BY"):
        names = reader.listed(reader.name)
        if reader.accept("SORTED", "BY"):
            reader.listed(lambda: (reader.name(), reader.accept("ASC") or reader.accept("DESC")))
        reader.expect("INTO")
        given.buckets = (names, reader.number())
        reader.expect("BUCKETS")
    elif reader.accept("ROW", "FORMAT", "SERDE"):
        given.serde = reader.string()
    elif reader.accept("ROW", "FORMAT", "DELIMITED"):
        given.serde, given.serde_properties = LAZY, _delimited(reader)
    elif reader.accept("WITH", "SERDEPROPERTIES"):
        given.serde_properties |= reader.properties()
    elif reader.accept("STORED", "AS"):
        given.format = _format(reader)
    elif reader.accept("LOCATION"):
        given.location = reader.string()
    elif reader.accept("TBLPROPERTIES"):
        given.properties = reader.properties()
    else:
        return False
    return True


def _format(reader: Reader) -> Format:
    if reader.accept("INPUTFORMAT"):
        input_ = reader.string()
        reader.expect("OUTPUTFORMAT")
        return Format(LAZY, input_, reader.string())
    name = reader.take().word
    if name not in FORMATS:
        raise faults.HiveError(
            "GENERIC_USER_ERROR",
            f"SemanticException Unrecognized file format in STORED AS clause: '{name}'",
        )
    return FORMATS["JSONFILE" if name == "JSON" else name]


def _delimited(reader: Reader) -> dict[str, str]:
    """The clauses of ROW FORMAT DELIMITED as properties of the SerDe."""
    found: dict[str, str] = {"serialization.format": "1"}
    while True:
        if reader.accept("FIELDS", "TERMINATED", "BY"):
            found["field.delim"] = found["serialization.format"] = _sign(reader.string())
            if reader.accept("ESCAPED", "BY"):
                found["escape.delim"] = _sign(reader.string())
        elif reader.accept("COLLECTION", "ITEMS", "TERMINATED", "BY"):
            found["collection.delim"] = _sign(reader.string())
        elif reader.accept("MAP", "KEYS", "TERMINATED", "BY"):
            found["mapkey.delim"] = _sign(reader.string())
        elif reader.accept("LINES", "TERMINATED", "BY"):
            found["line.delim"] = _sign(reader.string())
        elif reader.accept("NULL", "DEFINED", "AS"):
            found["serialization.null.format"] = reader.string()
        else:
            return found


def _sign(text: str) -> str:
    """A delimiter; Hive takes a number for the character of that code."""
    return chr(int(text)) if len(text) > 1 and text.isdigit() and int(text) < 128 else text


def _entry(given: _Table, name: str, columns: list[Entry]) -> Entry:
    keys = given.keys
    check_names(columns)
    check_names(keys)
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
