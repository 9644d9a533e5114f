"""SHOW CREATE TABLE: the statement that makes a table of Glue again, as Hive lays it out."""

from collections.abc import Iterator, Mapping

from infra.local.athena.contract import Outcome
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, entries, faults
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.entries import Entry
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.storage import LAZY

_DELIMITERS = (
    ("field.delim", "FIELDS TERMINATED BY"),
    ("escape.delim", "ESCAPED BY"),
    ("collection.delim", "COLLECTION ITEMS TERMINATED BY"),
    ("mapkey.delim", "MAP KEYS TERMINATED BY"),
    ("line.delim", "LINES TERMINATED BY"),
    ("serialization.null.format", "NULL DEFINED AS"),
)
_SHOWN = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", "'": "\\'"}


def read(reader: Reader) -> Action:
    """SHOW CREATE TABLE [database.]table."""
    reader.expect("SHOW", "CREATE", "TABLE")
    name = reader.full_name()
    reader.end()

    def run(context: Context) -> Outcome:
        entry = entries.table(context, name)
        if entries.is_view(entry):
            raise faults.task(f"{entry['DatabaseName']}.{entry['Name']} is a view: use SHOW CREATE VIEW")
        shown = ".".join(filter(None, name))
        return answers.lines(context, ["createtab_stmt"], "\n".join(statement(entry, shown)).split("\n"))

    return run


def statement(entry: Entry, name: str) -> Iterator[str]:
    """The lines of CREATE EXTERNAL TABLE; `name` as it is asked for."""
    storage, parameters = entry["StorageDescriptor"], dict(entry.get("Parameters") or {})
    if entries.is_delta(entry):
        yield f"CREATE EXTERNAL TABLE `{name}`"
        yield from _location(storage)
        yield from _properties({"table_type": "DELTA"})
        return
    serde = storage.get("SerdeInfo") or {}
    yield f"CREATE EXTERNAL TABLE `{name}`("
    yield from _columns(entries.columns(entry))
    comment = parameters.pop("comment", "")
    if comment:
        yield f"COMMENT {quoted(comment)}"
    if entries.keys(entry):
        yield "PARTITIONED BY ( "
        yield from _columns(entries.keys(entry))
    if storage.get("BucketColumns"):
        yield "CLUSTERED BY ( "
        yield ", \n".join(f"  {column}" for column in storage["BucketColumns"]) + ") "
        yield f"INTO {storage['NumberOfBuckets']} BUCKETS"
    yield from _row_format(str(serde.get("SerializationLibrary") or ""), serde.get("Parameters") or {})
    yield "STORED AS INPUTFORMAT "
    yield f"  {quoted(str(storage.get('InputFormat')))} "
    yield "OUTPUTFORMAT "
    yield f"  {quoted(str(storage.get('OutputFormat')))}"
    yield from _location(storage)
    yield from _properties({key: value for key, value in parameters.items() if key != "EXTERNAL"})


def quoted(text: str) -> str:
    """A string of Hive's."""
    return "'" + "".join(_SHOWN.get(sign, sign if ord(sign) >= 32 else f"\\u{ord(sign):04X}") for sign in text) + "'"


def _columns(columns: list[Entry]) -> Iterator[str]:
    for column in columns:
        comment = f" COMMENT {quoted(column['Comment'])}" if column.get("Comment") else ""
        yield f"  `{column['Name']}` {column['Type']}{comment}{')' if column is columns[-1] else ', '}"


def _row_format(serde: str, parameters: Mapping[str, str]) -> Iterator[str]:
    if serde == LAZY and "field.delim" in parameters:
        yield "ROW FORMAT DELIMITED "
        for name, words in _DELIMITERS:
            if name in parameters:
                yield f"  {words} {quoted(parameters[name])} "
        return
    yield "ROW FORMAT SERDE "
    yield f"  {quoted(serde)} "
    own = {name: value for name, value in parameters.items() if (name, value) != ("serialization.format", "1")}
    if own:
        yield "WITH SERDEPROPERTIES ( "
        yield ", \n".join(f"  {quoted(name)}={quoted(value)}" for name, value in sorted(own.items())) + ") "


def _location(storage: Entry) -> Iterator[str]:
    yield "LOCATION"
    yield f"  {quoted(storage.get('Location') or '')}"


def _properties(parameters: Mapping[str, str]) -> Iterator[str]:
    yield "TBLPROPERTIES ("
    yield ", \n".join(f"  {quoted(name)}={quoted(str(value))}" for name, value in sorted(parameters.items())) + ")"
