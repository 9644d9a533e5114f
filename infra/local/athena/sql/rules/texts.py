"""Values as varchar, as a cast writes them."""

from infra.local.athena.sql.datatype import DAY_TO_SECOND, YEAR_TO_MONTH, Type
from infra.local.athena.sql.rules.moments import local
from infra.local.athena.sql.value import Value, string


def as_text(value: Value) -> str:  # noqa: PLR0911 - one return a type
    """SQL of a plain value's text: a double as `1.0E0`, a timestamp with all its digits, an interval as `1-2`."""
    kind = value.type
    if kind.name in ("varchar", "char"):
        return value.sql
    if kind.name in ("double", "real"):
        return f"tr_double_text({value.sql})"
    if kind.name == "decimal" and kind.sizes and kind.sizes[0] == kind.sizes[1]:
        # DuckDB writes no zero before the point of a decimal that has no digit there.
        return f"regexp_replace(CAST({value.sql} AS VARCHAR), '^(-?)[.]', '\\10.')"
    if kind.name == "timestamp":
        return moment_text(value.sql, kind)
    if kind.name == "timestamp with time zone":
        return f"({moment_text(local(value), kind)} || {string(' ' + shown_zone(kind.zone))})"
    if kind.name == "time":
        return f"strftime(DATE '1970-01-01' + {value.sql}, '%H:%M:%S.%g')"
    if kind == DAY_TO_SECOND:
        return f"tr_day_to_second_text({value.sql})"
    if kind == YEAR_TO_MONTH:
        return f"tr_year_to_month_text({value.sql})"
    return f"CAST({value.sql} AS VARCHAR)"


def result_type(kind: Type) -> Type:
    """The type of a result's column: times have three digits of a second in it, whatever they had in the query.

    So Trino tells a client that does not ask for parametric times, as Athena's names of types show that it does not.
    """
    parts = tuple(map(result_type, kind.parts))
    is_time = kind.name.startswith("time")
    return Type(kind.name, (3,) if is_time else kind.sizes, parts, kind.names)


def presented(value: Value) -> str:
    """SQL of a result's value: what DuckDB cannot carry out of a query as Athena's value is its text instead.

    These are timestamps with a time zone other than UTC and months as an interval.
    """
    kind = value.type
    if kind.name == "timestamp" and kind.sizes and kind.sizes[0] > 3:
        return f"make_timestamp((epoch_us({value.sql}) + 500) // 1000 * 1000)"
    if value.type == YEAR_TO_MONTH:
        return as_text(value)
    if value.type.zone:
        return as_text(Value(value.sql, Type(value.type.name, (3,), zone=value.type.zone)))
    return value.sql


def moment_text(sql: str, kind: Type) -> str:
    """SQL of a timestamp's text with as many digits of a second as its type has."""
    digits = kind.sizes[0] if kind.sizes else 3
    if digits == 0:
        return f"strftime({sql}, '%Y-%m-%d %H:%M:%S')"
    if digits == 3:
        return f"strftime({sql}, '%Y-%m-%d %H:%M:%S.%g')"
    text = f"strftime({sql}, '%Y-%m-%d %H:%M:%S.%n')"
    return text if digits == 9 else f"left({text}, {20 + digits})"


def shown_zone(zone: str) -> str:
    """How Athena writes a zone; offsets are kept as DuckDB calls them, `GMT+05:30`."""
    return zone.removeprefix("GMT") if zone.startswith(("GMT+", "GMT-")) else zone or "UTC"
