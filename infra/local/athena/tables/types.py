"""Type texts: Hive's (Glue), Athena's, Delta's and DuckDB's, from one to another.

Every text is read into one tree and written out of it; it knows no values and no tables.
"""

import re
from dataclasses import dataclass
from typing import Any

from infra.local.athena.contract import QueryError
from infra.local.athena.tables.brackets import outer, split
from infra.local.athena.tables.typenames import DUCKDB, FROM_DUCKDB, HIVE, IMPLIED, NAMES

_TEMPORAL = ("timestamp", "time", "timestamp with time zone", "time with time zone")
_SCALAR = re.compile(r"([a-z_]+(?: [a-z]+)*) *(?:\(([\d, ]*)\))?((?: with(?: local)? time zone)?)")
_FIELD = re.compile(r'"((?:[^"]|"")+)" +(.+)|([^\s"(<]+) +(.+)', re.DOTALL)
_CONTINUED = re.compile(r"double precision|(time|timestamp)( *\(\d+\))? with .*|interval (day|year) to .*")
_SIMPLE_NAME = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Type:
    """A type.

    Args:
        name: Athena's, without what stands in brackets.
        numbers: Precision, precision and scale, or length.
        fields: Of a row: names (None for one without) and types; of an array its element, of a map key and value.
    """

    name: str
    numbers: tuple[int, ...] = ()
    fields: tuple[tuple[str | None, "Type"], ...] = ()

    @property
    def element(self) -> "Type":
        """Of an array; the key of a map."""
        return self.fields[0][1]

    @property
    def value(self) -> "Type":
        """Of a map."""
        return self.fields[1][1]


def parse(text: str) -> Type:
    """Read a type of Athena or Hive.

    Raises:
        QueryError: TYPE_NOT_FOUND.

    Example:
        >>> athena(parse("array<struct<a:int,b:decimal(12,3)>>"))
        'array(row(a integer, b decimal(12,3)))'
    """
    text = text.strip()
    head, opened, inside = outer(text)
    name = NAMES.get(head.strip().lower(), "")
    if opened and name in ("array", "map", "row"):
        parts = split(inside)
        if name == "row":
            return Type("row", fields=tuple(_field(part, hive=opened == "<") for part in parts))
        if len(parts) == (1 if name == "array" else 2):
            return Type(name, fields=tuple((None, parse(part)) for part in parts))
        raise _unknown(text)
    found = _SCALAR.fullmatch(text.lower())
    name = NAMES.get(found[1] + found[3], "") if found else ""
    if not found or not name or name in ("array", "map", "row"):
        raise _unknown(text)
    numbers = tuple(int(number) for number in (found[2] or "").split(",") if number.strip())
    if name == "decimal" and len(numbers) == 1:
        numbers = (numbers[0], 0)
    return Type(name, numbers or IMPLIED.get(name, ()))


def parse_delta(schema: Any) -> Type:
    """Read a type of a Delta log, as JSON has it.

    Source:
        https://github.com/delta-io/delta/blob/master/PROTOCOL.md#schema-serialization-format
    """
    if isinstance(schema, str):
        return parse(schema)
    if schema["type"] == "array":
        return Type("array", fields=((None, parse_delta(schema["elementType"])),))
    if schema["type"] == "map":
        return Type("map", fields=((None, parse_delta(schema["keyType"])), (None, parse_delta(schema["valueType"]))))
    return Type("row", fields=tuple((field["name"], parse_delta(field["type"])) for field in schema["fields"]))


def athena(kind: Type) -> str:
    """As Athena writes it: `row(a integer, b varchar)`."""
    if kind.name == "row":
        return f"row({', '.join(_named(name, athena(inner)) for name, inner in kind.fields)})"
    if kind.fields:
        return f"{kind.name}({', '.join(athena(inner) for _, inner in kind.fields)})"
    numbers = f"({','.join(map(str, kind.numbers))})" if kind.numbers else ""
    if kind.name in _TEMPORAL:
        head, zone, rest = kind.name.partition(" with")
        return f"{head}{numbers}{zone}{rest}"
    return kind.name + numbers


def hive(kind: Type) -> str:
    """As Glue has it: `struct<a:int,b:string>`.

    Raises:
        QueryError: NOT_SUPPORTED; a table of Hive cannot hold the type.
    """
    if kind.name == "row":
        fields = (f"{name or f'field{place}'}:{hive(inner)}" for place, (name, inner) in enumerate(kind.fields))
        return f"struct<{','.join(fields)}>"
    if kind.fields:
        return f"{kind.name}<{','.join(hive(inner) for _, inner in kind.fields)}>"
    if kind.name == "varchar" and kind.numbers:
        return f"varchar({kind.numbers[0]})"
    if kind.name in ("decimal", "char"):
        return f"{kind.name}({','.join(map(str, kind.numbers))})"
    if kind.name not in ("boolean", "tinyint", "smallint", "bigint", "double", "date", "timestamp", *HIVE):
        raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {athena(kind)}")
    return HIVE.get(kind.name, kind.name)


def duckdb(kind: Type) -> str:
    """As DuckDB writes it in a CAST."""
    if kind.name == "array":
        return f"{duckdb(kind.element)}[]"
    if kind.name == "map":
        return f"MAP({duckdb(kind.element)}, {duckdb(kind.value)})"
    if kind.name == "row":
        fields = (quoted(name or f"field{place}") + " " + duckdb(inner) for place, (name, inner) in _placed(kind))
        return f"STRUCT({', '.join(fields)})"
    if kind.name == "decimal":
        return f"DECIMAL({','.join(map(str, kind.numbers))})"
    return DUCKDB.get(kind.name, kind.name.upper())


def from_hive(text: str) -> str:
    """Athena's text of a type of Glue."""
    return athena(parse(text))


def to_hive(text: str) -> str:
    """Glue's text of a type of Athena.

    Raises:
        QueryError: NOT_SUPPORTED.
    """
    return hive(parse(text))


def to_duckdb(text: str) -> str:
    """DuckDB's text of a type of Athena."""
    return duckdb(parse(text))


def from_duckdb(text: str) -> str:
    """Athena's text of a type of DuckDB, for a value that only DuckDB can tell the type of.

    Example:
        >>> from_duckdb("STRUCT(a HUGEINT, b VARCHAR[])")
        'row(a bigint, b array(varchar))'
    """
    text = text.strip()
    if text.endswith("]"):
        return f"array({from_duckdb(text[: text.rindex('[')])})"
    head, opened, inside = outer(text)
    if opened and head in ("STRUCT", "TUPLE", "MAP"):
        parts = [part.strip() for part in split(inside)]
        if head == "STRUCT":
            fields = (found for part in parts if (found := _FIELD.fullmatch(part)))
            named = (((f[1] or "").replace('""', '"') or f[3], from_duckdb(f[2] or f[4])) for f in fields)
            return f"row({', '.join(_named(name, kind) for name, kind in named)})"
        return f"{'row' if head == 'TUPLE' else 'map'}({', '.join(map(from_duckdb, parts))})"
    return athena(parse(FROM_DUCKDB.get(text, text)))


def quoted(name: str) -> str:
    """An identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string for DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def _placed(kind: Type) -> list[tuple[int, tuple[str | None, Type]]]:
    return list(enumerate(kind.fields))


def _named(name: str | None, text: str) -> str:
    if name is None:
        return text
    return f"{name if _SIMPLE_NAME.fullmatch(name) else quoted(name)} {text}"


def _field(text: str, *, hive: bool) -> tuple[str | None, Type]:
    text = text.strip()
    if hive:
        name, colon, rest = text.partition(":")
        if not colon:
            raise _unknown(text)
        return name.strip().strip("`").lower(), parse(rest)
    found = _FIELD.fullmatch(text)
    # `timestamp(3) with time zone` is a type, `timestamp timestamp(3)` a field of that name.
    if not found or _CONTINUED.fullmatch(text.lower()):
        return None, parse(text)
    return (found[1].replace('""', '"') if found[1] else found[3].lower()), parse(found[2] or found[4])


def _unknown(text: str) -> QueryError:
    return QueryError("TYPE_NOT_FOUND", f"Unknown type: {text}")
