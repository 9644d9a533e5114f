"""Dates to text and back by patterns, MySQL's, Joda's and Teradata's, turned into DuckDB's before the query runs.

Source: https://trino.io/docs/current/functions/datetime.html, https://trino.io/docs/current/functions/teradata.html
"""

import re
from collections.abc import Callable

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import DATE, TIMESTAMP, TIMESTAMP_ZONE, VARCHAR, Type
from infra.local.athena.sql.functions import rule
from infra.local.athena.sql.rules.moments import local
from infra.local.athena.sql.rules.texts import shown_zone
from infra.local.athena.sql.value import Value, cast_sql, string

_MYSQL = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M",
    "j": "%j", "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S",
    "T": "%H:%M:%S", "v": "%V", "W": "%A", "x": "%G", "Y": "%Y", "y": "%y", "%": "%%",
}  # fmt: skip
_MYSQL_REFUSED = "DUuVwX"
_JODA = {
    "y": "%Y", "yyyy": "%Y", "yyy": "%Y", "yy": "%y", "Y": "%Y", "YYYY": "%Y", "YY": "%y", "x": "%G", "xxxx": "%G",
    "M": "%-m", "MM": "%m", "MMM": "%b", "MMMM": "%B", "d": "%-d", "dd": "%d", "D": "%-j", "DDD": "%j",
    "e": "%u", "E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A", "a": "%p", "H": "%-H", "HH": "%H", "h": "%-I",
    "hh": "%I", "m": "%-M", "mm": "%M", "s": "%-S", "ss": "%S", "SSS": "%g", "SSSSSS": "%f", "ww": "%V",
}  # fmt: skip
# What DuckDB's patterns do not know, as SQL of a timestamp; a control sign stands for each in the pattern.
_JODA_SQL = {
    "w": "CAST(weekofyear({0}) AS VARCHAR)", "S": "left(strftime({0}, '%g'), 1)", "SS": "left(strftime({0}, '%g'), 2)",
    "k": "CAST((hour({0}) + 23) % 24 + 1 AS VARCHAR)", "kk": "lpad(CAST((hour({0}) + 23) % 24 + 1 AS VARCHAR), 2, '0')",
    "K": "CAST(hour({0}) % 12 AS VARCHAR)", "KK": "lpad(CAST(hour({0}) % 12 AS VARCHAR), 2, '0')",
    "G": "CASE WHEN year({0}) > 0 THEN 'AD' ELSE 'BC' END", "C": "CAST(year({0}) // 100 AS VARCHAR)",
}  # fmt: skip
_SIGNS = dict(zip(_JODA_SQL, map(chr, range(1, 10)), strict=True))
_TERADATA = {"yyyy": "%Y", "yy": "%y", "mm": "%m", "dd": "%d", "hh24": "%H", "hh": "%I", "mi": "%M", "ss": "%S"}


def _mysql(pattern: str, call: Call) -> str:
    found, position = "", 0
    while position < len(pattern):
        letter = pattern[position]
        position += 1
        if letter != "%" or position == len(pattern):
            found += "%%" if letter == "%" else letter
            continue
        letter = pattern[position]
        position += 1
        if letter in _MYSQL_REFUSED:
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"%{letter} not supported in date format string")
        found += _MYSQL.get(letter, letter)
    return found


def _joda(pattern: str, call: Call) -> str:
    found = ""
    for piece in re.finditer(r"''|'((?:[^']|'')*)'|([A-Za-z])\2*|.", pattern, re.DOTALL):
        text = piece[0]
        if text == "''":
            found += "'"
        elif piece[1] is not None:
            found += piece[1].replace("''", "'").replace("%", "%%")
        elif not piece[2]:
            found += text.replace("%", "%%")
        elif text in _JODA:
            found += _JODA[text]
        elif text in _SIGNS and call.name == "format_datetime":
            found += _SIGNS[text]
        elif text in _SIGNS:
            raise call.fault("NOT_SUPPORTED", f"Pattern {text} is not supported to parse with")
        elif text[0] in "zZ":
            found += _joda_zone(text, call)
        else:
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Illegal pattern component: {text}")
    return found


def _joda_zone(text: str, call: Call) -> str:
    zone = call.value(0).type.zone
    if call.name == "parse_datetime":
        return "%z" if text[0] == "Z" else "%Z"
    if text[0] == "z" or len(text) > 2:
        return shown_zone(zone)
    offset = re.fullmatch(r"GMT([+-]\d\d):(\d\d)", zone or "GMT+00:00")
    if not offset:
        raise call.fault("NOT_SUPPORTED", f"Pattern {text} is not supported for the zone {zone}")
    return offset[1] + (":" if text == "ZZ" else "") + offset[2]


def _teradata(pattern: str, call: Call) -> str:
    found = ""
    for piece in re.finditer(r"yyyy|yy|mm|dd|hh24|hh|mi|ss|([a-z])|.", pattern, re.IGNORECASE | re.DOTALL):
        text = piece[0].lower()
        if piece[1]:
            message = f"Failed to tokenize string [{pattern}] at offset {piece.start()}"
            raise QueryError("INVALID_FUNCTION_ARGUMENT", message)
        found += _TERADATA.get(text, text.replace("%", "%%"))
    return found


def _pattern(call: Call, convert: Callable[[str, Call], str]) -> str:
    pattern = call.constant(1)
    if not isinstance(pattern, str):
        message = f"{call.name} needs a literal for its format"
        raise call.fault("NOT_SUPPORTED", message, call.arguments[1])
    return convert(pattern, call)


def _unexpected(call: Call) -> QueryError:
    given = ", ".join(call.type_texts())
    return call.fault("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function {call.name}")


def _format(call: Call, convert: Callable[[str, Call], str]) -> Value:
    value = call.value(0)
    if value.type.name not in ("date", "timestamp", TIMESTAMP_ZONE.name, "unknown"):
        raise _unexpected(call)
    moment = f"CAST({local(value)} AS TIMESTAMP)"
    pattern = _pattern(call, convert)
    sql = f"strftime({moment}, {string(pattern)})"
    for piece, sign in _SIGNS.items():
        if sign in pattern:
            sql = f"replace({sql}, chr({ord(sign)}), {_JODA_SQL[piece].format(moment)})"
    return Value(sql, VARCHAR)


def _parse(call: Call, convert: Callable[[str, Call], str], kind: Type) -> Value:
    value = call.value(0)
    if value.type.name not in ("varchar", "char", "unknown"):
        raise _unexpected(call)
    pattern = _pattern(call, convert)
    text = cast_sql(value, VARCHAR)
    if not re.search(r"%[YyG]", pattern):
        # a date without a year is one of 1970, where DuckDB would say 1900
        pattern, text = f"%Y {pattern}", f"('1970 ' || {text})"
    sql = f"tr_parse_moment({text}, {string(pattern)}, {cast_sql(value, VARCHAR)})"
    if kind.name == TIMESTAMP_ZONE.name:
        return Value(f"(CAST({sql} AS TIMESTAMP) AT TIME ZONE 'UTC')", kind)
    return Value(f"CAST({sql} AS {'DATE' if kind == DATE else 'TIMESTAMP'})", kind)


@rule("date_format", 2, 2)
def date_format(call: Call) -> Value:
    return _format(call, _mysql)


@rule("date_parse", 2, 2)
def date_parse(call: Call) -> Value:
    return _parse(call, _mysql, TIMESTAMP)


@rule("format_datetime", 2, 2)
def format_datetime(call: Call) -> Value:
    return _format(call, _joda)


@rule("parse_datetime", 2, 2)
def parse_datetime(call: Call) -> Value:
    return _parse(call, _joda, TIMESTAMP_ZONE)


@rule("to_char", 2, 2)
def to_char(call: Call) -> Value:
    return _format(call, _teradata)


@rule("to_date", 2, 2)
def to_date(call: Call) -> Value:
    return _parse(call, _teradata, DATE)


@rule("to_timestamp", 2, 2)
def to_timestamp(call: Call) -> Value:
    return _parse(call, _teradata, TIMESTAMP)
