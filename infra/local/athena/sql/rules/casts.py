"""CAST and TRY_CAST, with Athena's texts, rounding and refusals.

Source: https://trino.io/docs/current/functions/conversion.html and the cast operators of Trino's types
"""

from collections.abc import Callable

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.datatype import INTEGERS, INTERVALS, NUMBERS, TEXTS, UNDEFINED, UNKNOWN, Type, duckdb_type
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.rules.json_casts import from_json, to_json
from infra.local.athena.sql.rules.moments import local
from infra.local.athena.sql.rules.texts import as_text
from infra.local.athena.sql.structure import recast
from infra.local.athena.sql.value import Value

_TIMES = ("timestamp", "timestamp with time zone")
_WORDS = {"tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INT", "bigint": "BIGINT"}
# From which types each one can be cast.
_SOURCES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "real", "double", "decimal"),
                    (*NUMBERS, *TEXTS, "boolean")),
    "boolean": (*NUMBERS, *TEXTS, "boolean"),
    **dict.fromkeys(TEXTS, (*NUMBERS, *TEXTS, "boolean", "date", "time", "uuid", *_TIMES, *INTERVALS)),
    "date": (*TEXTS, "date", *_TIMES),
    "time": (*TEXTS, "time", *_TIMES),
    "timestamp": (*TEXTS, "date", "time", *_TIMES),
    "timestamp with time zone": (*TEXTS, "date", "time", *_TIMES),
    "uuid": (*TEXTS, "uuid"),
    "varbinary": ("varbinary", "uuid"),
    **{name: (name,) for name in INTERVALS},
}  # fmt: skip


@translates(nodes.Cast)
def cast_node(analyzer: Analyzer, node: nodes.Cast) -> Value:
    value = analyzer.value(node.operand)
    sql = cast_or_none(value, node.type)
    if sql is None:
        message = f"Cannot cast {value.type} to {node.type}"
        raise QueryError("TYPE_MISMATCH", message, *node.place)
    kind = Type(node.type.name, node.type.sizes, zone=value.type.zone) if node.type.name == _TIMES[1] else node.type
    return Value(f"TRY({sql})" if node.safe else sql, kind)


def cast(value: Value, target: Type) -> str:
    """SQL of an explicit cast.

    Raises:
        QueryError: TYPE_MISMATCH, without a place, where the types do not go together.
    """
    sql = cast_or_none(value, target)
    if sql is None:
        raise QueryError("TYPE_MISMATCH", f"Cannot cast {value.type} to {target}")
    return sql


def cast_or_none(value: Value, target: Type) -> str | None:
    """SQL of an explicit cast; None where the types do not go together."""
    source = value.type
    if source in (UNKNOWN, UNDEFINED):
        return f"CAST({value.sql} AS {duckdb_type(target)})"
    if target.name == "json":
        return to_json(value)
    if source.name == "json":
        return from_json(value.sql, target)
    if source.parts or target.parts:
        return _structure(value, target)
    if source.name not in _SOURCES.get(target.name, ()):
        return None
    return _scalar(value, target)


def _structure(value: Value, target: Type) -> str | None:
    source = value.type
    if source.name != target.name or len(source.parts) != len(target.parts):
        return None
    pairs = zip(source.parts, target.parts, strict=True)
    if any(cast_or_none(Value("x", a), b) is None for a, b in pairs):
        return None
    return recast(value.sql, source, target, lambda sql, a, b: cast(Value(sql, a), b))


def _scalar(value: Value, target: Type) -> str:
    maker = _MAKERS.get(target.name)
    return maker(value, target) if maker else f"CAST({value.sql} AS {duckdb_type(target)})"


def _to_text(value: Value, target: Type) -> str:
    source, text = value.type, as_text(value)
    if not target.sizes or target.sizes == source.sizes:
        return text
    length = target.sizes[0]
    if target.name == "char":
        return f"rpad({text}, {length}, ' ')"
    if source.name in TEXTS:
        return f"left({text}, {length})" if not source.sizes or source.sizes[0] > length else text
    return f"tr_fitting_text({text}, {length})"


def _to_integer(value: Value, target: Type) -> str:
    source, kind = value.type.name, duckdb_type(target)
    if source in TEXTS:
        return f"CAST(tr_integer_text({value.sql}, '{_WORDS[target.name]}') AS {kind})"
    if source in ("double", "real"):
        return f"CAST(round({value.sql}) AS {kind})"
    return f"CAST({value.sql} AS {kind})"


def _to_boolean(value: Value, target: Type) -> str:
    if value.type.name in TEXTS:
        return f"tr_text_to_boolean({value.sql})"
    return f"({value.sql} <> 0)" if value.type.name in NUMBERS else value.sql


def _to_date(value: Value, target: Type) -> str:
    if value.type.name in TEXTS:
        return f"tr_text_to_date({value.sql})"
    return f"CAST({local(value)} AS DATE)"


def _to_timestamp(value: Value, target: Type) -> str:
    if value.type.name in TEXTS:
        return rounded(f"tr_text_to_timestamp({value.sql})", 6, target)
    if value.type.name == "time":
        return f"(CAST(now() AT TIME ZONE 'UTC' AS DATE) + {value.sql})"
    digits = value.type.sizes[0] if value.type.sizes else 0
    return rounded(f"CAST({local(value)} AS TIMESTAMP)", digits, target)


def rounded(sql: str, digits: int, target: Type) -> str:
    """A timestamp with no more digits of a second than the target has; DuckDB keeps six of them."""
    wanted = target.sizes[0] if target.sizes else 3
    if wanted >= min(digits, 6):
        return sql
    unit = 10 ** (6 - wanted)
    return f"make_timestamp((epoch_us({sql}) + {unit // 2}) // {unit} * {unit})"


def _to_zoned(value: Value, target: Type) -> str:
    if value.type.name in TEXTS:
        return f"tr_text_to_zoned({value.sql})"
    if value.type.name == target.name:
        return value.sql
    return f"(CAST({value.sql} AS TIMESTAMP) AT TIME ZONE 'UTC')"


def _to_time(value: Value, target: Type) -> str:
    return f"CAST({local(value)} AS TIME)"


_MAKERS: dict[str, Callable[[Value, Type], str]] = {
    **dict.fromkeys(TEXTS, _to_text),
    **dict.fromkeys(INTEGERS, _to_integer),
    "boolean": _to_boolean,
    "date": _to_date,
    "timestamp": _to_timestamp,
    "timestamp with time zone": _to_zoned,
    "time": _to_time,
}
