"""The columns and clauses of CREATE EXTERNAL TABLE, read into what Glue keeps. Knows no catalogue."""

from dataclasses import dataclass, field
from typing import Any

from infra.local.athena.statements import faults, hive
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.storage import FORMATS, LAZY, Format

Entry = dict[str, Any]


@dataclass
class Clauses:
    """What the clauses of CREATE TABLE say, in whatever order they come."""

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


def clause(reader: Reader, given: Clauses) -> bool:
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
