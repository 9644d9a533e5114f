"""Functions of dates, times and timestamps, EXTRACT, AT TIME ZONE.

Source: https://trino.io/docs/current/functions/datetime.html
"""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.call import Call
from infra.local.athena.sql.coercion import common_type
from infra.local.athena.sql.datatype import (
    BIGINT,
    DATE,
    INTERVALS,
    MOMENTS,
    TIMESTAMP,
    TIMESTAMP_ZONE,
    VARCHAR,
    YEAR_TO_MONTH,
    Type,
)
from infra.local.athena.sql.functions import alias, define, rule
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.rules.casts import cast_or_none
from infra.local.athena.sql.rules.moments import from_local, local
from infra.local.athena.sql.rules.typed_literals import known_zone
from infra.local.athena.sql.value import Value, cast_sql

_PARTS = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "week_of_year": "week", "day": "day",
    "day_of_month": "day", "day_of_week": "isodow", "dow": "isodow", "day_of_year": "dayofyear", "doy": "dayofyear",
    "year_of_week": "isoyear", "yow": "isoyear", "hour": "hour", "minute": "minute", "second": "second",
    "millisecond": "millisecond",
}  # fmt: skip
_CLOCK = ("hour", "minute", "second", "millisecond")
_DAY_UNITS = ("day", "week", "month", "quarter", "year")
_MAKERS = {
    "millisecond": "to_milliseconds({0})", "second": "to_seconds({0})", "minute": "to_minutes({0})",
    "hour": "to_hours({0})", "day": "to_days(CAST({0} AS INTEGER))", "week": "to_days(CAST({0} * 7 AS INTEGER))",
    "month": "to_months(CAST({0} AS INTEGER))", "quarter": "to_months(CAST({0} * 3 AS INTEGER))",
    "year": "to_months(CAST({0} * 12 AS INTEGER))",
}  # fmt: skip


def part(unit: str, value: Value) -> str | None:
    """SQL of a part of a moment or interval as a bigint; None where its type has no such part."""
    kind = value.type
    if kind.name in INTERVALS:
        return _interval_part(unit, value)
    is_clock = unit in _CLOCK
    if (kind.name == "date" and is_clock) or (kind.name == "time" and not is_clock):
        return None
    if unit not in _PARTS or kind.name not in (*MOMENTS, "time", "", "unknown"):
        return None
    # A function of its own for each part: datepart takes three times as long over a large table.
    sql = f"{_PARTS[unit]}({local(value)})"
    return f"({sql} % 1000)" if unit == "millisecond" else sql


def _interval_part(unit: str, value: Value) -> str | None:
    if value.type == YEAR_TO_MONTH:
        return f"datepart('{unit}', {value.sql})" if unit in ("year", "month") else None
    divisors = {"day": (86_400_000_000, 10**9), "hour": (3_600_000_000, 24), "minute": (60_000_000, 60),
                "second": (1_000_000, 60), "millisecond": (1000, 1000)}  # fmt: skip
    if unit not in divisors:
        return None
    divisor, modulus = divisors[unit]
    return f"(epoch_us({value.sql}) // {divisor} % {modulus})"


@translates(nodes.Extract)
def extract(analyzer: Analyzer, node: nodes.Extract) -> Value:
    value = analyzer.value(node.operand)
    if node.unit in ("timezone_hour", "timezone_minute"):
        return analyzer.call(nodes.Call(node.place, node.unit, (node.operand,)))
    if node.unit not in _PARTS:
        raise QueryError("SYNTAX_ERROR", f"Invalid EXTRACT field: {node.unit}", *node.place)
    sql = part(node.unit, value)
    if sql is None:
        message = f"Cannot extract {node.unit.upper()} from {value.type}"
        raise QueryError("TYPE_MISMATCH", message, *node.place)
    return Value(sql, BIGINT)


def _part_function(call: Call) -> Value:
    sql = part(call.name, call.value(0))
    if sql is None:
        message = f"Unexpected parameters ({call.value(0).type}) for function {call.name}"
        raise call.fault("FUNCTION_NOT_FOUND", message)
    return Value(sql, BIGINT)


for _name in _PARTS:
    rule(_name, 1, 1)(_part_function)


@translates(nodes.AtTimeZone)
def at_time_zone(analyzer: Analyzer, node: nodes.AtTimeZone) -> Value:
    return analyzer.call(nodes.Call(node.place, "at_timezone", (node.operand, node.zone)))


def _zone(call: Call, index: int) -> str:
    text = call.constant(index)
    if not isinstance(text, str):
        message = "A time zone that is not a literal is not supported"
        raise call.fault("NOT_SUPPORTED", message, call.arguments[index])
    zone = known_zone(text)
    if zone is None:
        message = f"'{text}' is not a valid time zone"
        raise QueryError("INVALID_FUNCTION_ARGUMENT", message)
    return zone


def _zoned(call: Call) -> Value:
    value = call.value(0)
    if value.type.name not in ("timestamp", "timestamp with time zone", "unknown"):
        message = f"Type of value must be a time or timestamp with or without time zone (actual {value.type})"
        raise call.fault("TYPE_MISMATCH", message)
    return value


@rule("at_timezone", 2, 2)
def at_timezone(call: Call) -> Value:
    value, zone = _zoned(call), _zone(call, 1)
    kind = Type(TIMESTAMP_ZONE.name, value.type.sizes or (3,), zone=zone)
    return Value(cast_sql(value, kind), kind)


@rule("with_timezone", 2, 2)
def with_timezone(call: Call) -> Value:
    value, zone = _zoned(call), _zone(call, 1)
    kind = Type(TIMESTAMP_ZONE.name, value.type.sizes or (3,), zone=zone)
    return Value(from_local(local(value), kind), kind)


@rule("timezone_hour", 1, 1)
def timezone_hour(call: Call) -> Value:
    return Value(f"({_offset(call)} // 60)", BIGINT)


@rule("timezone_minute", 1, 1)
def timezone_minute(call: Call) -> Value:
    return Value(f"({_offset(call)} % 60)", BIGINT)


def _offset(call: Call) -> str:
    value = call.value(0)
    if value.type.name != TIMESTAMP_ZONE.name:
        raise call.fault("FUNCTION_NOT_FOUND", f"Unexpected parameters ({value.type}) for function {call.name}")
    return f"date_diff('minute', {value.sql} AT TIME ZONE 'UTC', {local(value)})"


def _unit(call: Call, kind: Type) -> str:
    unit = call.constant(0)
    if not isinstance(unit, str):
        message = f"{call.name} needs a literal for its unit"
        raise call.fault("NOT_SUPPORTED", message, call.arguments[0])
    allowed = {"date": _DAY_UNITS, "time": _CLOCK}.get(kind.name, (*_CLOCK, *_DAY_UNITS))
    if unit.lower() not in allowed:
        name = {"date": "DATE", "time": "TIME"}.get(kind.name, "TIMESTAMP")
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid {name} field")
    return unit.lower()


def _moment(call: Call, index: int) -> Value:
    value = call.value(index)
    if value.type.name not in (*MOMENTS, "time", "unknown"):
        given = ", ".join(call.type_texts())
        raise call.fault("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function {call.name}")
    return value


@rule("date_trunc", 2, 2)
def date_trunc(call: Call) -> Value:
    value = _moment(call, 1)
    unit = _unit(call, value.type)
    if value.type.name == "time":
        return Value(f"CAST(date_trunc('{unit}', DATE '1970-01-01' + {value.sql}) AS TIME)", value.type)
    return Value(from_local(f"date_trunc('{unit}', {local(value)})", value.type), value.type)


@rule("date_add", 3, 3)
def date_add(call: Call) -> Value:
    value = _moment(call, 2)
    unit = _unit(call, value.type)
    amount = call.value(1)
    if amount.type.name not in ("tinyint", "smallint", "integer", "bigint", "unknown"):
        given = ", ".join(call.type_texts())
        raise call.fault("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function date_add")
    span = _MAKERS[unit].format(amount.sql)
    return Value(from_local(f"({local(value)} + {span})", value.type), value.type)


@rule("date_diff", 3, 3)
def date_diff(call: Call) -> Value:
    first, second = _moment(call, 1), _moment(call, 2)
    kind = common_type(first.type, second.type)
    if kind is None:
        given = ", ".join(call.type_texts())
        raise call.fault("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function date_diff")
    unit = _unit(call, kind)
    a, b = (local(Value(cast_sql(v, kind), kind)) for v in (first, second))
    return Value(f"date_sub('{unit}', {a}, {b})", BIGINT)


@rule("date", 1, 1)
def date(call: Call) -> Value:
    sql = cast_or_none(call.value(0), DATE)
    if sql is None:
        raise call.fault("FUNCTION_NOT_FOUND", f"Unexpected parameters ({call.value(0).type}) for function date")
    return Value(sql, DATE)


@rule("last_day_of_month", 1, 1)
def last_day_of_month(call: Call) -> Value:
    return Value(f"last_day({local(_moment(call, 0))})", DATE)


@rule("from_unixtime", 1, 3)
def from_unixtime(call: Call) -> Value:
    seconds = cast_sql(call.value(0), Type("double"))
    zone = ""
    if len(call.arguments) == 2:
        zone = _zone(call, 1)
    elif len(call.arguments) == 3:
        hours, minutes = call.constant(1), call.constant(2)
        if not isinstance(hours, int) or not isinstance(minutes, int):
            raise call.fault("NOT_SUPPORTED", "A time zone that is not a literal is not supported")
        sign = "-" if hours < 0 or minutes < 0 else "+"
        zone = known_zone(f"{sign}{abs(hours):02d}:{abs(minutes):02d}") or ""
    sql = f"make_timestamptz(CAST(round({seconds} * 1000) AS BIGINT) * 1000)"
    return Value(sql, Type(TIMESTAMP_ZONE.name, (3,), zone=zone))


define("from_unixtime_nanos(bigint) -> timestamp(9) with time zone", "make_timestamptz(tr_floor_div({0}, 1000))")
define("to_milliseconds(interval day to second) -> bigint", "(epoch_us({0}) // 1000)")
define("parse_duration(varchar) -> interval day to second", "tr_parse_duration({0})")
define("human_readable_seconds(double) -> varchar", "tr_human_readable_seconds({0})")
define("from_iso8601_date(varchar) -> date", "tr_iso_date({0})")


@rule("to_unixtime", 1, 1)
def to_unixtime(call: Call) -> Value:
    return Value(f"epoch({cast_sql(_moment(call, 0), TIMESTAMP)})", Type("double"))


@rule("to_iso8601", 1, 1)
def to_iso8601(call: Call) -> Value:
    value = _moment(call, 0)
    if value.type.name == "date":
        return Value(f"strftime({value.sql}, '%Y-%m-%d')", VARCHAR)
    text = f"strftime({local(value)}, '%Y-%m-%dT%H:%M:%S.%g')"
    if value.type.name != TIMESTAMP_ZONE.name:
        return Value(text, VARCHAR)
    if not value.type.zone:
        return Value(f"({text} || 'Z')", VARCHAR)
    return Value(f"({text} || tr_offset_text({_offset(call)}))", VARCHAR)


@rule("from_iso8601_timestamp", 1, 1)
def from_iso8601_timestamp(call: Call) -> Value:
    text, zone = call.constant(0), ""
    if isinstance(text, str) and "T" in text:
        tail = text.partition("T")[2].lstrip("0123456789:.,")
        zone = known_zone(tail) or "" if tail else ""
    value = cast_sql(call.value(0), VARCHAR)
    return Value(f"tr_iso_timestamp({value})", Type(TIMESTAMP_ZONE.name, (3,), zone=zone))


alias("from_iso8601_timestamp_nanos", "from_iso8601_timestamp")


def _now(call: Call) -> Value:
    digits = call.constant(0) if call.arguments else 3
    kind = Type(TIMESTAMP_ZONE.name, (digits if isinstance(digits, int) else 3,))
    if call.name.startswith("local"):
        kind = Type("timestamp", kind.sizes)
    moment = "now()" if kind.name == TIMESTAMP_ZONE.name else "CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)"
    return Value(f"date_trunc('{'millisecond' if kind.sizes[0] <= 3 else 'microsecond'}', {moment})", kind)


for _name in ("now", "current_timestamp", "localtimestamp"):
    rule(_name, 0, 1)(_now)


@rule("current_date", 0, 0)
def current_date(call: Call) -> Value:
    return Value("CAST(now() AT TIME ZONE 'UTC' AS DATE)", DATE)


@rule("localtime", 0, 1)
def local_time(call: Call) -> Value:
    return Value("CAST(date_trunc('millisecond', now() AT TIME ZONE 'UTC') AS TIME)", Type("time", (3,)))


define("current_timezone() -> varchar", "'UTC'")
