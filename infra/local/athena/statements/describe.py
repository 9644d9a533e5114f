"""DESCRIBE [EXTENDED|FORMATTED]: the lines that Hive writes of a table, and Trino's of a view."""

import datetime
from collections.abc import Iterable

from infra.local.athena.contract import Column, Outcome
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, entries, faults, partitions
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.entries import Entry
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.tokens import NAME, WORD
from infra.local.athena.tables import views

COLUMNS = ("col_name", "data_type", "comment")
_EMPTY = "\t \t "
_HEAD = "# col_name            \tdata_type           \tcomment             "


def read(reader: Reader) -> Action:
    """DESCRIBE|DESC [EXTENDED|FORMATTED] [database.]table [PARTITION (…)] [column], and DESCRIBE VIEW view."""
    reader.one_of("DESCRIBE", "DESC")
    if reader.peek("VIEW") and len(reader.last(2)) == 2 and not reader.peek("VIEW", "."):
        reader.expect("VIEW")
    form = "EXTENDED" if reader.accept("EXTENDED") else "FORMATTED" if reader.accept("FORMATTED") else ""
    name = reader.full_name()
    spec = partitions.spec(reader) if reader.peek("PARTITION") else None
    wanted = reader.name() if reader.next and reader.next.kind in (WORD, NAME) else ""
    reader.end()

    def run(context: Context) -> Outcome:
        entry = entries.table(context, name)
        if entries.is_view(entry) and not form:
            return view(context, entry)
        place = _partition(context, entry, spec) if spec is not None else entry
        if wanted:
            lines = [_one(entry, wanted)]
        elif form == "FORMATTED":
            lines = [*_formatted(entry), *_details(entry, place)]
        else:
            lines = [*_plain(entry), *([_EMPTY, _extended(place, spec is not None)] if form else [])]
        return answers.lines(context, COLUMNS, lines)

    return run


def view(context: Context, entry: Entry) -> Outcome:
    """Names and types of a view's columns, as Trino writes them."""
    both = [Column("column", "varchar(0)"), Column("type", "varchar(0)")]
    _, _, found = views.decode(entry)
    outcome = answers.lines(context, both, (f"{column.name}\t{column.type}" for column in found))
    return answers.named(outcome, "DESC_VIEW")


def padded(text: str) -> str:
    """Text in a field of Hive's, 20 characters wide."""
    return f"{text:20}"


def _plain(entry: Entry) -> list[str]:
    keys = entries.keys(entry)
    lines = [_column(column) for column in (*entries.columns(entry), *keys)]
    return [*lines, *_partition_block(keys)]


def _partition_block(keys: list[Entry]) -> list[str]:
    if not keys:
        return []
    return [_EMPTY, "# Partition Information\t \t ", _HEAD, _EMPTY, *map(_column, keys)]


def _column(column: Entry) -> str:
    # Hive cuts a comment at its first tab, which would begin a field.
    comment = padded(str(column.get("Comment") or "")).partition("\t")[0]
    return "\t".join((padded(column["Name"]), padded(column["Type"]), comment))


def _one(entry: Entry, wanted: str) -> str:
    found = [column for column in (*entries.columns(entry), *entries.keys(entry)) if column["Name"] == wanted]
    if not found:
        known = ", ".join(f"{at}:{column['Name']}" for at, column in enumerate(entries.columns(entry)))
        raise faults.task(f"cannot find field {wanted} from [{known}]", "COLUMN_NOT_FOUND")
    return _column(found[0] | {"Comment": found[0].get("Comment") or "from deserializer"})


def _partition(context: Context, entry: Entry, spec: dict[str, str]) -> Entry:
    keys = [key["Name"] for key in entries.keys(entry)]
    for part in entries.partitions(context, entry):
        if all(key in keys and part["Values"][keys.index(key)] == value for key, value in spec.items()):
            return entry | part
    raise faults.no_partition(spec)


def _formatted(entry: Entry) -> list[str]:
    return [_HEAD, _EMPTY, *map(_column, entries.columns(entry)), *_partition_block(entries.keys(entry)), _EMPTY]


def _details(entry: Entry, place: Entry) -> list[str]:
    """The blocks of FORMATTED under the columns; `place` is the table or one of its partitions."""
    storage = place.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    part = place is not entry
    head = (
        [
            ("Partition Value:", f"[{', '.join(place['Values'])}]"),
            ("Database:", entry["DatabaseName"]),
            ("Table:", entry["Name"]),
        ]
        if part
        else [("Database:", entry["DatabaseName"]), ("Owner:", str(entry.get("Owner") or ""))]
    )
    lines = [f"# Detailed {'Partition' if part else 'Table'} Information\t \t "]
    lines += _rows(
        [
            *head,
            ("CreateTime:", _time(place.get("CreateTime") or place.get("CreationTime"))),
            ("LastAccessTime:", "UNKNOWN"),
            ("Protect Mode:", "None"),
            *([] if part else [("Retention:", str(entry.get("Retention", 0)))]),
            ("Location:", str(storage.get("Location") or "")),
            *([] if part else [("Table Type:", str(entry.get("TableType") or ""))]),
        ]
    )
    lines += [f"{'Partition' if part else 'Table'} Parameters:\t \t ", *_settings(place.get("Parameters"))]
    lines += [_EMPTY, "# Storage Information\t \t "]
    lines += _rows(
        [
            ("SerDe Library:", str(serde.get("SerializationLibrary") or "")),
            ("InputFormat:", str(storage.get("InputFormat") or "")),
            ("OutputFormat:", str(storage.get("OutputFormat") or "")),
            ("Compressed:", "Yes" if storage.get("Compressed") else "No"),
            ("Num Buckets:", str(storage.get("NumberOfBuckets", -1))),
            ("Bucket Columns:", f"[{', '.join(storage.get('BucketColumns') or [])}]"),
            ("Sort Columns:", "[]"),
        ]
    )
    if entries.is_view(entry):
        return lines
    return [*lines, "Storage Desc Params:\t \t ", *_settings(serde.get("Parameters"))]


def _rows(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{padded(name)}\t{padded(value)}\t " for name, value in pairs]


def _settings(parameters: Entry | None) -> list[str]:
    return [f"\t{padded(name)}\t{padded(str(value))}" for name, value in sorted((parameters or {}).items())]


def _time(value: object) -> str:
    if not isinstance(value, datetime.datetime):
        return "UNKNOWN"
    return f"{value.astimezone(datetime.UTC):%a %b %d %H:%M:%S UTC %Y}"


def _extended(place: Entry, part: bool) -> str:
    storage = place.get("StorageDescriptor") or {}
    columns = ", ".join(
        f"FieldSchema(name:{column['Name']}, type:{column['Type']}, comment:{column.get('Comment') or 'null'})"
        for column in storage.get("Columns") or []
    )
    parameters = ", ".join(f"{name}={value}" for name, value in (place.get("Parameters") or {}).items())
    what = f"Partition(values:[{', '.join(place['Values'])}], " if part else f"Table(tableName:{place['Name']}, "
    return (
        f"Detailed {'Partition' if part else 'Table'} Information\t{what}dbName:{place['DatabaseName']}, "
        f"sd:StorageDescriptor(cols:[{columns}], location:{storage.get('Location', '')}, "
        f"inputFormat:{storage.get('InputFormat')}, outputFormat:{storage.get('OutputFormat')}), "
        f"parameters:{{{parameters}}})\t"
    )
