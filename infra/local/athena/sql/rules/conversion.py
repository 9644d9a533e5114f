"""Functions that show values and their types: typeof, format, and sizes as texts.

Source: https://trino.io/docs/current/functions/conversion.html
"""

import re

from infra.local.athena.contract import CATALOG
from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import DOUBLE, INTEGERS, NUMBERS, TEXTS, VARCHAR
from infra.local.athena.sql.functions import define, rule
from infra.local.athena.sql.rules.moments import local
from infra.local.athena.sql.rules.texts import as_text
from infra.local.athena.sql.value import Value, cast_sql, string

_MOMENT = {"Y": "%Y", "y": "%y", "m": "%m", "d": "%d", "e": "%-d", "B": "%B", "b": "%b", "A": "%A", "a": "%a",
           "H": "%H", "M": "%M", "S": "%S", "L": "%g", "j": "%j", "p": "%p", "I": "%I", "k": "%-H", "l": "%-I",
           "F": "%Y-%m-%d", "T": "%H:%M:%S", "D": "%m/%d/%y", "R": "%H:%M"}  # fmt: skip

define("format_number(double) -> varchar", "tr_format_number({0})")
define("parse_data_size(varchar) -> decimal(38,0)", "tr_parse_data_size({0})")
define("parse_presto_data_size(varchar) -> decimal(38,0)", "tr_parse_data_size({0})")


define("uuid() -> uuid", "uuid()")


@rule("current_catalog", 0, 0)
def current_catalog(call: Call) -> Value:
    return Value(string(CATALOG), VARCHAR)


@rule("typeof", 1, 1)
def type_of(call: Call) -> Value:
    return Value(string(str(call.value(0).type)), VARCHAR)


@rule("format", 1, None)
def format_(call: Call) -> Value:
    """The pattern, a literal, is taken apart here; each of its pieces becomes a text of its own."""
    pattern = call.constant(0)
    if not isinstance(pattern, str):
        raise call.fault("NOT_SUPPORTED", "format needs a literal for its pattern", call.arguments[0])
    pieces, position, used = [], 0, 0
    for found in re.finditer(r"%(?:(\d+)\$)?([-+ 0,(#]*)(\d+)?(\.\d+)?([tT][a-zA-Z]|[a-zA-Z%])", pattern):
        pieces.append(string(pattern[position : found.start()]))
        position = found.end()
        index, flags, width, digits, kind = found.groups()
        if kind in ("%", "n"):
            pieces.append(string("%" if kind == "%" else "\n"))
            continue
        used += index is None
        place = int(index or used)
        if not 1 <= place < len(call.arguments):
            raise call.fault("INVALID_FUNCTION_ARGUMENT", f"Format specifier '{found[0]}'")
        pieces.append(_piece(call, call.value(place), (flags, width or "", digits or "", kind)))
    pieces.append(string(pattern[position:]))
    return Value(f"({' || '.join(p for p in pieces if p != string(''))} || '')", VARCHAR)


def _piece(call: Call, value: Value, how: tuple[str, str, str, str]) -> str:
    flags, width, digits, kind = how
    name = value.type.name
    if kind in "dxXo" and name in INTEGERS:
        return f"printf('%{flags}{width}{kind}', CAST({value.sql} AS BIGINT))"
    if kind in "feEgG" and name in NUMBERS:
        return f"printf('%{flags}{width}{digits or '.6'}{kind}', {cast_sql(value, DOUBLE)})"
    if kind[0] in "tT" and kind[1:] in _MOMENT and name in ("date", "timestamp", "timestamp with time zone"):
        return f"strftime(CAST({local(value)} AS TIMESTAMP), '{_MOMENT[kind[1:]]}')"
    if kind in "sSb":
        text = f"coalesce({_java_text(value)}, 'null')"
        text = f"left({text}, {digits[1:]})" if digits else text
        text = f"printf('%{'-' if '-' in flags else ''}{width}s', {text})" if width else text
        return f"upper({text})" if kind == "S" else text
    message = f"Invalid format string: %{''.join(how)} ({value.type})"
    raise call.fault("INVALID_FUNCTION_ARGUMENT", message)


def _java_text(value: Value) -> str:
    if value.type.name in (*TEXTS, *INTEGERS, "boolean", "decimal", "date"):
        return as_text(value)
    return f"tr_java_double({value.sql})" if value.type.name in ("double", "real") else as_text(value)
