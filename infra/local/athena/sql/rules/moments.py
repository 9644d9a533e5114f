"""Arithmetic with dates, times, timestamps and intervals."""

import re

from infra.local.athena.sql.datatype import (
    DAY_TO_SECOND,
    INTEGERS,
    INTERVALS,
    MOMENTS,
    NUMBERS,
    YEAR_TO_MONTH,
    Type,
    duckdb_type,
)
from infra.local.athena.sql.value import Value

_DAY = 86_400_000_000  # in microseconds


def moment_arithmetic(operator: str, left: Value, right: Value) -> Value | None:
    """Translate `operator` between moments and intervals; None where they are neither, or do not go together."""
    if operator in "+*" and left.type.name in INTERVALS and right.type.name not in INTERVALS:
        return moment_arithmetic(operator, right, left)
    names = (left.type.name, right.type.name)
    found: Value | None = None
    if operator in "+-" and names[1] in INTERVALS and names[0] == names[1]:
        found = Value(f"({left.sql} {operator} {right.sql})", left.type)
    elif operator in "+-" and names[1] in INTERVALS and names[0] in (*MOMENTS, "time"):
        found = shifted(left, right, operator)
    elif operator == "-" and names[0] == names[1] and names[0] in MOMENTS:
        found = _difference(left, right)
    elif operator == "*" and names[1] in INTERVALS and names[0] in NUMBERS:
        found = _scaled(operator, right, left)
    elif operator == "/" and names[0] in INTERVALS and names[1] in NUMBERS:
        found = _scaled(operator, left, right)
    return found


def shifted(moment: Value, by: Value, operator: str) -> Value:
    """A moment plus or minus an interval, with the moment's type.

    Months move a timestamp with a time zone on that zone's clock, days and seconds by their length.
    """
    kind, interval = moment.type, by.sql
    if kind.zone and by.type == YEAR_TO_MONTH:
        zone = f"'{kind.zone}'"
        return Value(f"((({moment.sql} AT TIME ZONE {zone}) {operator} {interval}) AT TIME ZONE {zone})", kind)
    if kind.name == "date" and by.type == DAY_TO_SECOND and not _is_of_days(interval):
        words = "add hour, minutes or seconds to" if operator == "+" else "subtract hour, minutes or seconds from"
        interval = f"tr_whole_days({interval}, 'Cannot {words} a date')"
    sql = f"({moment.sql} {operator} {interval})"
    return Value(f"CAST({sql} AS {duckdb_type(kind)})" if kind.name in ("date", "time") else sql, kind)


def _is_of_days(interval: str) -> bool:
    found = re.fullmatch(r"to_microseconds\((-?\d+)\)", interval)
    return bool(found) and int(found[1]) % _DAY == 0  # type: ignore[index]


def _difference(left: Value, right: Value) -> Value:
    if left.type.name == "date":
        return Value(f"to_days(CAST({left.sql} - {right.sql} AS INTEGER))", DAY_TO_SECOND)
    sql = f"to_microseconds(epoch_us({left.sql}) - epoch_us({right.sql}))"
    return Value(sql, DAY_TO_SECOND)


def _scaled(operator: str, interval: Value, factor: Value) -> Value:
    if interval.type == YEAR_TO_MONTH:
        months = f"(datepart('year', {interval.sql}) * 12 + datepart('month', {interval.sql}))"
        return Value(
            f"to_months(CAST(trunc(CAST({months} AS DOUBLE) {operator} {factor.sql}) AS INTEGER))", YEAR_TO_MONTH
        )
    if operator == "*" and factor.type.name in INTEGERS:
        return Value(f"to_microseconds(epoch_us({interval.sql}) * {factor.sql})", DAY_TO_SECOND)
    scaled = f"CAST(epoch_us({interval.sql}) AS DOUBLE) {operator} CAST({factor.sql} AS DOUBLE)"
    return Value(f"to_microseconds(CAST(trunc(({scaled}) / 1000) AS BIGINT) * 1000)", DAY_TO_SECOND)


def local(moment: Value) -> str:
    """The moment on the clock of its zone, as a TIMESTAMP or DATE in DuckDB's SQL."""
    if moment.type.name != "timestamp with time zone":
        return moment.sql
    return f"({moment.sql} AT TIME ZONE '{moment.type.zone or 'UTC'}')"


def from_local(sql: str, kind: Type) -> str:
    """What stood on the clock of a type's zone as that type again."""
    if kind.name == "timestamp with time zone":
        return f"({sql} AT TIME ZONE '{kind.zone or 'UTC'}')"
    return f"CAST({sql} AS {duckdb_type(kind)})"
