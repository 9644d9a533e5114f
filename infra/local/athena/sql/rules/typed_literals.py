"""Literals with a type's name before them, and intervals: read while the query is translated."""

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.datatype import DAY_TO_SECOND, YEAR_TO_MONTH, Type, varchar
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.rules.casts import cast_or_none
from infra.local.athena.sql.rules.literals import decimal_literal
from infra.local.athena.sql.value import Value, string

_TIMESTAMP = re.compile(
    r"\s*([+-]?\d{4,}-\d{1,2}-\d{1,2})(?: (\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,12}))?)?)?"
    r"\s*([A-Za-z+-][\w/:+-]*)?\s*"
)
_TIME = re.compile(r"\s*(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,12}))?)?\s*")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?")
_SECONDS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
_UNITS = ("day", "hour", "minute", "second")


@translates(nodes.TypedLiteral)
def typed_literal(analyzer: Analyzer, node: nodes.TypedLiteral) -> Value:
    reader = {"timestamp": _timestamp, "timestamp with time zone": _timestamp, "date": _date, "time": _time}
    if node.type.name == "decimal":
        return decimal_literal(node.text, node, leading=True)
    if node.type.name in reader:
        return reader[node.type.name](node)
    if node.type.name in ("varchar", "char"):
        return Value(string(node.text), Type(node.type.name, (len(node.text),)))
    if node.type.name == "json":
        argument = nodes.Literal(node.place, "string", node.text)
        return analyzer.call(nodes.Call(node.place, "json_parse", (argument,)))
    sql = cast_or_none(Value(string(node.text), varchar(len(node.text))), node.type)
    if sql is None:
        raise QueryError("INVALID_LITERAL", f"No literal form for type {node.type}", *node.place)
    return Value(sql, node.type)


def _invalid(node: nodes.TypedLiteral) -> QueryError:
    name = node.type.name.upper()
    return QueryError("INVALID_LITERAL", f"'{node.text}' is not a valid {name} literal", *node.place)


def _day(text: str, node: nodes.TypedLiteral) -> date:
    try:
        return date(*map(int, text.split("-")))
    except ValueError as error:
        raise _invalid(node) from error


def _date(node: nodes.TypedLiteral) -> Value:
    found = re.fullmatch(r"\s*(\d{4,}-\d{1,2}-\d{1,2})\s*", node.text)
    if not found:
        raise _invalid(node)
    return Value(f"DATE '{_day(found[1], node)}'", node.type)


def _timestamp(node: nodes.TypedLiteral) -> Value:
    found = _TIMESTAMP.fullmatch(node.text)
    if not found:
        raise _invalid(node)
    day, (hour, minute, second) = _day(found[1], node), (int(found[i] or 0) for i in (2, 3, 4))
    if hour > 23 or minute > 59 or second > 59:
        raise _invalid(node)
    fraction = (found[5] or "")[:6].ljust(6, "0")
    moment = f"TIMESTAMP '{day} {hour:02d}:{minute:02d}:{second:02d}.{fraction}'"
    sizes = (len(found[5] or ""),)
    if not found[6]:
        return Value(f"CAST({moment} AS TIMESTAMP)", Type("timestamp", sizes))
    zone = known_zone(found[6])
    if zone is None:
        raise _invalid(node)
    return Value(f"({moment} AT TIME ZONE '{zone or 'UTC'}')", Type("timestamp with time zone", sizes, zone=zone))


def known_zone(text: str) -> str | None:
    """A zone as DuckDB knows it, "" for UTC; None where there is none such."""
    if text.upper() in ("UTC", "Z", "GMT", "UT", "ETC/UTC"):
        return ""
    offset = _OFFSET.fullmatch(text)
    if offset:
        hours, minutes = int(offset[2]), int(offset[3] or 0)
        return f"GMT{offset[1]}{hours:02d}:{minutes:02d}" if hours * 60 + minutes <= 14 * 60 else None
    if not re.fullmatch(r"[A-Za-z][\w/+-]*", text):
        return None
    try:
        return ZoneInfo(text).key
    except (ValueError, KeyError, OSError):
        return None


def _time(node: nodes.TypedLiteral) -> Value:
    found = _TIME.fullmatch(node.text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
        raise _invalid(node)
    fraction = (found[4] or "")[:6].ljust(6, "0")
    text = f"{int(found[1]):02d}:{int(found[2]):02d}:{int(found[3] or 0):02d}.{fraction}"
    return Value(f"TIME '{text}'", Type("time", (len(found[4] or ""),)))


@translates(nodes.Interval)
def interval(analyzer: Analyzer, node: nodes.Interval) -> Value:
    sign, text = node.sign, node.text.strip()
    if text[:1] in ("-", "+"):
        sign, text = (-sign if text[0] == "-" else sign), text[1:]
    if node.start in ("year", "month"):
        months = _months(text, node)
        if months >= 2**31:
            raise _bad_interval(node)
        return Value(f"to_months({sign * months})", YEAR_TO_MONTH)
    try:
        micro = _span(text, node) // timedelta(microseconds=1)
    except OverflowError as error:
        raise _bad_interval(node) from error
    if micro >= 2**63:
        raise _bad_interval(node)
    return Value(f"to_microseconds({sign * micro})", DAY_TO_SECOND)


def _bad_interval(node: nodes.Interval) -> QueryError:
    return QueryError("INVALID_LITERAL", f"'{node.text}' is not a valid INTERVAL literal", *node.place)


def _months(text: str, node: nodes.Interval) -> int:
    found = re.fullmatch(r"(\d{1,19})(?:-(\d{1,19}))?", text)
    if not found or (found[2] is not None and node.end != "month"):
        raise _bad_interval(node)
    if node.start == "month":
        return int(found[1])
    return int(found[1]) * 12 + int(found[2] or 0)


def _span(text: str, node: nodes.Interval) -> timedelta:
    units = _UNITS[_UNITS.index(node.start) : _UNITS.index(node.end or node.start) + 1]
    numbers = re.split(r"[ :]", text)
    if len(numbers) > len(units) or not all(re.fullmatch(r"\d{1,19}(\.\d*)?", n) for n in numbers):
        raise _bad_interval(node)
    if any("." in n for n, u in zip(numbers, units, strict=False) if u != "second"):
        raise _bad_interval(node)
    return sum(
        (timedelta(seconds=_SECONDS[u]) * float(n) if "." in n else timedelta(seconds=_SECONDS[u] * int(n))
         for n, u in zip(numbers, units, strict=False)), timedelta(),
    )  # fmt: skip
