"""Athena's data types: their texts, their DuckDB counterparts, and which turns into which unasked.

It knows nothing of expressions; what is not a type of Athena's is refused.

Source: https://trino.io/docs/current/language/types.html
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

TIMESTAMP_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Type:
    """A data type; `str()` gives Athena's text.

    Args:
        name: `bigint`, `varchar`, `decimal`, `timestamp with time zone`, `array`, `map`, `row`, `unknown` (of NULL);
            "" where it is not known before the query runs.
        sizes: Length of varchar and char, precision and scale of decimal, digits of time and timestamp.
        parts: Of an array its element, of a map key and value, of a row its fields.
        names: Of a row's fields; None for a field without one.
        zone: Of a timestamp with time zone, as far as the query says it; "" is UTC.
    """

    name: str
    sizes: tuple[int, ...] = ()
    parts: tuple["Type", ...] = ()
    names: tuple[str | None, ...] = ()
    zone: str = ""

    def __str__(self) -> str:
        if self.name == "row":
            fields = (f"{n} {p}" if n else str(p) for n, p in zip(self.names, self.parts, strict=True))
            return f"row({', '.join(fields)})"
        inner = ", ".join(map(str, self.parts)) if self.parts else ",".join(map(str, self.sizes))
        if not inner:
            return self.name
        head, _, tail = self.name.partition(" ")
        return f"{head}({inner}) {tail}".rstrip()

    @property
    def element(self) -> "Type":
        """Of an array; UNDEFINED where the type is not known."""
        return self.parts[0] if self.parts else UNDEFINED

    @property
    def key(self) -> "Type":
        return self.parts[0] if self.parts else UNDEFINED

    @property
    def item(self) -> "Type":
        """A map's value."""
        return self.parts[1] if len(self.parts) > 1 else UNDEFINED


UNDEFINED = Type("")
UNKNOWN = Type("unknown")
BOOLEAN = Type("boolean")
TINYINT, SMALLINT, INTEGER, BIGINT = (Type(n) for n in ("tinyint", "smallint", "integer", "bigint"))
REAL, DOUBLE = Type("real"), Type("double")
VARCHAR, VARBINARY, JSON, DATE = Type("varchar"), Type("varbinary"), Type("json"), Type("date")
TIME, TIMESTAMP = Type("time", (3,)), Type("timestamp", (3,))
TIMESTAMP_ZONE = Type("timestamp with time zone", (3,))
DAY_TO_SECOND, YEAR_TO_MONTH = Type("interval day to second"), Type("interval year to month")

INTEGERS = ("tinyint", "smallint", "integer", "bigint")
NUMBERS = (*INTEGERS, "decimal", "real", "double")
TEXTS = ("varchar", "char")
MOMENTS = ("date", "timestamp", "timestamp with time zone")
INTERVALS = (DAY_TO_SECOND.name, YEAR_TO_MONTH.name)
_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_ALIASES = {"int": "integer", "float": "real", "double precision": "double", "dec": "decimal", "numeric": "decimal",
            "string": "varchar", "binary": "varbinary", "struct": "row"}  # fmt: skip
_DUCKDB = {
    "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT",
    "real": "FLOAT", "double": "DOUBLE", "varchar": "VARCHAR", "char": "VARCHAR", "varbinary": "BLOB", "json": "JSON",
    "date": "DATE", "time": "TIME", "time with time zone": "TIMETZ", "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ", "interval day to second": "INTERVAL",
    "interval year to month": "INTERVAL", "uuid": "UUID", "unknown": "INTEGER",
}  # fmt: skip


def array(element: Type) -> Type:
    return Type("array", (), (element,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (), (key, value))


def row(parts: Sequence[Type], names: Sequence[str | None] = ()) -> Type:
    """A row; without names its fields have none."""
    return Type("row", (), tuple(parts), tuple(names) or (None,) * len(parts))


def decimal(precision: int, scale: int) -> Type:
    """A decimal of at most 38 digits; a greater precision is cut to that, as Athena does for results."""
    return Type("decimal", (min(precision, 38), scale))


def varchar(length: int) -> Type:
    return Type("varchar", (length,))


def quoted(name: str) -> str:
    """An identifier of DuckDB's SQL, whatever its text."""
    return '"' + name.replace('"', '""') + '"'


def field_name(names: Sequence[str | None], index: int) -> str:
    """What a row's field is called in DuckDB; one without a name by its place, as Athena shows it."""
    return names[index] or f"field{index}"


def duckdb_type(kind: Type) -> str:
    """DuckDB's text of a type.

    Raises:
        KeyError: For UNDEFINED and for a type that DuckDB has no like of.
    """
    if kind.name == "array":
        return f"{duckdb_type(kind.element)}[]"
    if kind.name == "map":
        return f"MAP({duckdb_type(kind.key)}, {duckdb_type(kind.item)})"
    if kind.name == "row":
        parts = enumerate(kind.parts)
        return f"STRUCT({', '.join(f'{quoted(field_name(kind.names, i))} {duckdb_type(p)}' for i, p in parts)})"
    if kind.name == "decimal":
        return f"DECIMAL({kind.sizes[0]}, {kind.sizes[1]})"
    return _DUCKDB[kind.name]


def is_known(kind: Type) -> bool:
    """Whether the type and all it is made of are known."""
    return kind.name != "" and all(map(is_known, kind.parts))


def as_decimal(kind: Type) -> Type:
    """The decimal that holds an integer type; a decimal itself."""
    return kind if kind.name == "decimal" else decimal(_DIGITS[kind.name], 0)


_TOKEN = re.compile(r'\s*("(?:[^"]|"")*"|[a-z0-9_$ -]+?(?=\s*[(),<>:]|\s*$)|[(),<>:])', re.IGNORECASE)


def parse_type(text: str) -> Type:
    """Read Athena's text of a type, or the Glue catalogue's (`array<struct<a:int>>`).

    Raises:
        ValueError: For what is no type.

    Example:
        >>> str(parse_type("array<struct<a:int,b:string>>"))
        'array(row(a integer, b varchar))'
    """
    tokens, position = [], 0
    text = text.strip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            raise ValueError(f"unknown type: {text}")
        tokens.append(found[1].strip())
        position = found.end()
    kind, rest = _read(tokens)
    if rest:
        raise ValueError(f"unknown type: {text}")
    return kind


def _read(tokens: list[str]) -> tuple[Type, list[str]]:
    if not tokens:
        raise ValueError("a type is missing")
    name, rest = " ".join(tokens[0].lower().split()), tokens[1:]
    if not rest or rest[0] not in "(<":
        return make_type(name), rest
    inner: list[tuple[str | None, Type | int]] = []
    rest = rest[1:]
    while True:
        label, item, rest = _member(name, rest)
        inner.append((label, item))
        if not rest or rest[0] not in ",)>":
            raise ValueError(f"unknown type: {name}")
        mark, rest = rest[0], rest[1:]
        if mark != ",":
            break
    if rest and rest[0].lower() in ("with time zone", "without time zone"):
        name, rest = f"{name} {rest[0].lower()}", rest[1:]
    return make_type(name, inner), rest


def _member(outer: str, tokens: list[str]) -> tuple[str | None, Type | int, list[str]]:
    if tokens and tokens[0].isdigit():
        return None, int(tokens[0]), tokens[1:]
    if outer not in ("row", "struct"):
        kind, rest = _read(tokens)
        return None, kind, rest
    first, rest = tokens[0], tokens[1:]
    if rest and rest[0] == ":":
        kind, rest = _read(rest[1:])
        return _name(first), kind, rest
    if first.startswith('"'):
        kind, rest = _read(rest)
        return _name(first), kind, rest
    label, _, tail = first.partition(" ")
    if tail and make_type_name(first) is None:
        kind, rest = _read([tail.strip(), *rest])
        return _name(label), kind, rest
    kind, rest = _read(tokens)
    return None, kind, rest


def _name(text: str) -> str:
    return text[1:-1].replace('""', '"') if text.startswith('"') else text.lower()


def make_type_name(name: str) -> str | None:
    """Athena's name of a type, or None where there is none such."""
    name = name.lower().removesuffix(" without time zone")
    name = _ALIASES.get(name, name)
    return name if name in _DUCKDB or name in ("array", "map", "row", "decimal") else None


def make_type(name: str, inner: Sequence[tuple[str | None, Type | int]] = ()) -> Type:
    """A type of its name and what stands in its parentheses, with Athena's defaults in place.

    Raises:
        ValueError: For an unknown name or members that do not fit.
    """
    known = make_type_name(name)
    if known is None:
        raise ValueError(f"Unknown type: {name}")
    sizes = tuple(i for _, i in inner if isinstance(i, int))
    parts = tuple(i for _, i in inner if isinstance(i, Type))
    if known == "decimal":
        return Type(known, (*sizes, 38, 0)[:2] if not sizes else (*sizes, 0)[:2])
    if known in ("time", "timestamp", "timestamp with time zone", "time with time zone"):
        return Type(known, sizes or (TIMESTAMP_DIGITS,))
    if known == "char":
        return Type(known, sizes or (1,))
    if {"array": 1, "map": 2}.get(known, len(parts)) != len(parts):
        raise ValueError(f"Unknown type: {name}")
    return Type(known, sizes, parts, tuple(n for n, _ in inner) if known == "row" else ())
