"""Values as Athena's results show them: once in Python, value by value, and once as SQL for whole columns.

Both say the same (tests/unit/test_athena_values.py); the first is what a reader checks the second by.

Source:
    Doubles: https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/lang/Double.html#toString(double)
"""

import datetime as dt
import decimal
import math
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.athena.engine import floats
from infra.local.athena.tables import types
from infra.local.athena.tables.types import Type, literal

# Java writes plainly what lies between; the rest has an exponent.
_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7
_DAY = 86_400


def text(value: Any, athena_type: str) -> str | None:
    """A value as a result shows it.

    Args:
        value: Of DuckDB's Python API; a timestamp with time zone as an aware datetime.
        athena_type: Its type.

    Example:
        >>> text([1.0, None], "array(double)")
        '[1.0, null]'
    """
    return None if value is None else _text(value, types.parse(athena_type))


def expression(sql: str, kind: Type) -> str:
    """SQL that gives the text of an expression of a type, as `text` would.

    Args:
        sql: The expression; it may stand several times in what is returned, so give a column.
        kind: Its type.
    """
    return _expression(sql, kind, 0)


# --- in Python


def _text(value: Any, kind: Type) -> str:
    if kind.fields:
        return _nested(value, kind)
    writer = _WRITERS.get(kind.name)
    return writer(value, kind) if writer else str(value)


def _nested(value: Any, kind: Type) -> str:
    def inner(item: Any, of: Type) -> str:
        return "null" if item is None else _text(item, of)

    if kind.name == "array":
        return f"[{', '.join(inner(item, kind.element) for item in value)}]"
    if kind.name == "map":
        pairs = value.items() if isinstance(value, Mapping) else value
        return f"{{{', '.join(f'{inner(k, kind.element)}={inner(v, kind.value)}' for k, v in pairs)}}}"
    items = list(value.values()) if isinstance(value, Mapping) else list(value)
    named = zip(kind.fields, items, strict=True)
    shown = (f"{_label(name, place)}={inner(item, of)}" for place, ((name, of), item) in enumerate(named))
    return f"{{{', '.join(shown)}}}"


def _label(name: str | None, place: int) -> str:
    return f"field{place}" if name is None else name


def _floating(value: float, kind: Type) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    digits, exponent = _shortest(abs(value), kind.name == "real")
    sign = "-" if value < 0 else ""
    if _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        plain = format(decimal.Decimal(f"{digits}E{exponent - len(digits) + 1}"), "f")
        return f"{sign}{plain if '.' in plain else f'{plain}.0'}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _shortest(value: float, is_single: bool) -> tuple[str, int]:
    """Digits without zeros at either end that read back as the value, and the exponent of the first."""
    shown = repr(value)
    if is_single:
        import numpy as np  # noqa: PLC0415  (only for the slow path's floats of 4 bytes)

        shown = str(np.float32(value))
    _, digits, exponent = decimal.Decimal(shown).as_tuple()
    joined = "".join(map(str, digits))
    if value < floats.TINY and not joined[1:].strip("0"):
        shown = f"{value:.1e}"  # see floats.TINY
        return shown[0] + shown[2].strip("0"), int(shown.partition("e")[2])
    return joined.rstrip("0") or "0", len(joined) - 1 + int(exponent)


def _decimal(value: Any, kind: Type) -> str:
    return format(decimal.Decimal(value).quantize(decimal.Decimal(1).scaleb(-kind.numbers[1]), context=_EXACT), "f")


def _timestamp(value: dt.datetime, kind: Type) -> str:
    # strftime leaves out the zeros of a year before 1000.
    seconds = value.replace(tzinfo=None).isoformat(" ", "seconds")
    return f"{seconds}{_fraction(value.microsecond, kind)}"


def _zoned(value: dt.datetime, kind: Type) -> str:
    return f"{_timestamp(value.astimezone(dt.UTC), kind)} UTC"


def _time(value: dt.time, kind: Type) -> str:
    return f"{value:%H:%M:%S}{_fraction(value.microsecond, kind)}"


def _fraction(microsecond: int, kind: Type) -> str:
    precision = kind.numbers[0] if kind.numbers else 3
    return f".{microsecond:06d}000000"[: precision + 1] if precision else ""


def _days(value: dt.timedelta, _: Type) -> str:
    milliseconds = value // dt.timedelta(milliseconds=1) if value >= dt.timedelta() else -(-value // _MILLISECOND)
    sign = "-" if milliseconds < 0 else ""
    seconds, rest = divmod(abs(milliseconds), 1000)
    return f"{sign}{seconds // _DAY} {seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"


_MILLISECOND = dt.timedelta(milliseconds=1)
_EXACT = decimal.Context(prec=40)
_WRITERS: dict[str, Callable[[Any, Type], str]] = {
    "boolean": lambda value, _: "true" if value else "false",
    "real": _floating,
    "double": _floating,
    "decimal": _decimal,
    "varbinary": lambda value, _: bytes(value).hex(" "),
    "timestamp": _timestamp,
    "timestamp with time zone": _zoned,
    "time": _time,
    "interval day to second": _days,
}


# --- in SQL


def _expression(sql: str, kind: Type, depth: int) -> str:
    if kind.fields:
        return _nested_expression(sql, kind, depth)
    maker = _MAKERS.get(kind.name)
    return maker(sql, kind) if maker else f"CAST({sql} AS VARCHAR)"


def _nested_expression(sql: str, kind: Type, depth: int) -> str:
    name = f"v{depth}"

    def inner(item: str, of: Type) -> str:
        return f"coalesce({_expression(item, of, depth + 1)}, 'null')"

    if kind.name == "array":
        return f"'[' || array_to_string(list_transform({sql}, lambda {name}: {inner(name, kind.element)}), ', ') || ']'"
    if kind.name == "map":
        pair = f"{inner(f'{name}.key', kind.element)} || '=' || {inner(f'{name}.value', kind.value)}"
        return f"'{{' || array_to_string(list_transform(map_entries({sql}), lambda {name}: {pair}), ', ') || '}}'"
    parts = [
        f"{literal(f'{_label(label, place)}=')} || {inner(f'struct_extract_at({sql}, {place + 1})', of)}"
        for place, (label, of) in enumerate(kind.fields)
    ]
    joined = " || ', ' || ".join(parts)
    return f"CASE WHEN {sql} IS NOT NULL THEN '{{' || {joined} || '}}' END"


def _decimal_expression(sql: str, kind: Type) -> str:
    shown = f"CAST({sql} AS VARCHAR)"
    # Where no digit stands before the point DuckDB writes none.
    return f"regexp_replace({shown}, '^(-?)[.]', '\\10.')" if len(set(kind.numbers)) == 1 else shown


def _moment_expression(sql: str, kind: Type, format: str = "%Y-%m-%d %H:%M:%S") -> str:
    precision = kind.numbers[0] if kind.numbers else 3
    if precision == 0:
        return f"strftime({sql}, '{format}')"
    if precision == 3:
        return f"strftime({sql}, '{format}.%g')"
    shown = f"strftime({sql}, '{format}.%f')"
    return f"left({shown}, -{6 - precision})" if precision < 6 else f"{shown} || '{'0' * (precision - 6)}'"


def _days_expression(sql: str, _: Type) -> str:
    total = f"CAST(trunc(epoch({sql}) * 1000) AS BIGINT)"
    seconds = f"(abs({total}) // 1000)"
    return (
        f"CASE WHEN {total} < 0 THEN '-' ELSE '' END || printf('%d %02d:%02d:%02d.%03d', {seconds} // {_DAY}, "
        f"{seconds} // 3600 % 24, {seconds} // 60 % 60, {seconds} % 60, abs({total}) % 1000)"
    )


_MAKERS: dict[str, Callable[[str, Type], str]] = {
    "varchar": lambda sql, _: sql,
    "char": lambda sql, _: sql,
    "real": floats.expression,
    "double": floats.expression,
    "decimal": _decimal_expression,
    "varbinary": lambda sql, _: f"rtrim(regexp_replace(lower(hex({sql})), '(..)', '\\1 ', 'g'))",
    "timestamp": lambda sql, kind: _moment_expression(f"CAST({sql} AS TIMESTAMP)", kind),
    "timestamp with time zone": lambda sql, kind: (
        _moment_expression(f"(CAST({sql} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')", kind) + " || ' UTC'"
    ),
    "time": lambda sql, kind: _moment_expression(f"DATE '1970-01-01' + {sql}", kind, "%H:%M:%S"),
    "interval day to second": _days_expression,
}
