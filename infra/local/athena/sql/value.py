"""What a translated expression is, and the texts of DuckDB's SQL that carry the client's words safely."""

from dataclasses import dataclass

from infra.local.athena.sql.coercion import can_become
from infra.local.athena.sql.datatype import INTEGERS, UNDEFINED, Type, as_decimal, decimal, duckdb_type
from infra.local.athena.sql.structure import has_row, recast


@dataclass(frozen=True, slots=True)
class Value:
    """An expression in DuckDB's SQL.

    Args:
        sql: It binds as one operand wherever it is put: a name, a literal, a call or something in parentheses.
        type: Athena's.
    """

    sql: str
    type: Type


@dataclass(frozen=True, slots=True)
class Function:
    """A translated lambda.

    Args:
        parameters: Names in DuckDB's SQL, unlike all others of the query; they may be put into a larger expression.
        body: Reads them.
    """

    parameters: tuple[str, ...]
    body: Value

    @property
    def sql(self) -> str:
        """DuckDB's lambda."""
        return f"lambda {', '.join(self.parameters)}: {self.body.sql}"


def string(text: str) -> str:
    """A string of DuckDB's SQL, whatever its text: a literal, and several around the NULs, which end one."""
    literals = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return literals[0] if len(literals) == 1 else f"({' || chr(0) || '.join(literals)})"


def cast_sql(value: Value, target: Type) -> str:
    """The value turned into a type that it can become unasked."""
    source = value.type
    if source == target or UNDEFINED in (source, target) or target.name in ("unknown",):
        return value.sql
    if source.name == target.name and not source.parts and (source.name != "decimal" or not target.sizes):
        return value.sql
    if target.name == "decimal" and not target.sizes:
        target = as_decimal(source) if source.name in INTEGERS else decimal(1, 0)
    try:
        wanted = duckdb_type(target)
        if source.name != "unknown" and duckdb_type(source) == wanted:
            return value.sql
    except KeyError:
        return value.sql
    if has_row(target) and source.name == target.name:
        return recast(value.sql, source, target, lambda sql, old, new: cast_sql(Value(sql, old), new))
    return f"CAST({value.sql} AS {wanted})"


def coerced(value: Value, target: Type) -> Value:
    """The value with the target type where it can become that; otherwise as it is."""
    return Value(cast_sql(value, target), target) if can_become(value.type, target) else value
