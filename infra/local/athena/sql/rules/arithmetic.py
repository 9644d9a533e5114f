"""Arithmetic: integers that stay integers, exact decimals, doubles, and what dates and intervals make of it.

Source: https://trino.io/docs/current/functions/decimal.html for the digits of results
"""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.coercion import common_type
from infra.local.athena.sql.datatype import INTEGERS, NUMBERS, UNDEFINED, Type, as_decimal, decimal, duckdb_type
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.rules.moments import moment_arithmetic
from infra.local.athena.sql.value import Value, cast_sql

OPERATORS = ("+", "-", "*", "/", "%")


def cannot_apply(node: nodes.Binary, left: Type, right: Type) -> QueryError:
    """Athena's error for an operator between types that do not go together."""
    # Trino has three operators of comparison, and turns the others into them.
    operator = {"<>": "=", ">": "<", ">=": "<="}.get(node.operator, node.operator)
    return QueryError("TYPE_MISMATCH", f"Cannot apply operator: {left} {operator} {right}", *node.place)


def arithmetic(node: nodes.Binary, left: Value, right: Value) -> Value:
    """Add, subtract, multiply, divide or take the rest.

    Raises:
        QueryError: TYPE_MISMATCH for types that the operator does not take.
    """
    if UNDEFINED in (left.type, right.type):
        return Value(f"({left.sql} {node.operator} {right.sql})", UNDEFINED)
    found = moment_arithmetic(node.operator, left, right)
    if found is not None:
        return found
    kind = common_type(left.type, right.type)
    if kind is None or kind.name not in (*NUMBERS, "unknown"):
        raise cannot_apply(node, left.type, right.type)
    if kind.name == "decimal":
        return _decimal(node.operator, left, right)
    a, b = cast_sql(left, kind), cast_sql(right, kind)
    operator = "//" if node.operator == "/" and kind.name in INTEGERS else node.operator
    return Value(f"({a} {operator} {b})", kind)


def _decimal(operator: str, left: Value, right: Value) -> Value:
    (p1, s1), (p2, s2) = _digits(left), _digits(right)
    if operator == "/":
        return _decimal_quotient(left, right)
    if operator == "*" and 18 < p1 + p2 <= 38:
        return _long_product(left, right)
    if operator == "*":
        kind = decimal(p1 + p2, s1 + s2)
    elif operator == "%":
        kind = decimal(min(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2))
    else:
        kind = decimal(max(p1 - s1, p2 - s2) + max(s1, s2) + 1, max(s1, s2))
    # DuckDB keeps a result of two short decimals short and fails when it overflows, so one of them is made long
    wide = decimal(38 if kind.sizes[0] > 18 else p1, s1)
    sql = f"({cast_sql(left, wide)} {operator} {cast_sql(right, decimal(p2, s2))})"
    return Value(f"CAST({sql} AS {duckdb_type(kind)})", kind)


def _long_product(left: Value, right: Value) -> Value:
    """A product of more than 18 digits; the digits that DuckDB's own type has more or fewer stay unused.

    Two short factors are multiplied short, since hardly any product needs more, and the query begins again with one
    of them made long where DuckDB finds that it does; see `macros.run_exact`. A sum over ten million products takes
    DuckDB's own CPU time then, 1.23 times that with a long factor, 1.6 times that with a cast to the product's digits.
    """
    (p1, s1), (p2, s2) = _digits(left), _digits(right)
    kind = decimal(p1 + p2, s1 + s2)
    first = cast_sql(left, decimal(p1, s1))
    if max(p1, p2) <= 18:
        first = f"tr_factor({first})"
    return Value(f"({first} * {cast_sql(right, decimal(p2, s2))})", kind)


def _digits(value: Value) -> tuple[int, ...]:
    return decimal(1, 0).sizes if value.type.name == "unknown" else as_decimal(value.type).sizes


def _decimal_quotient(left: Value, right: Value) -> Value:
    (p1, s1), (_, s2) = _digits(left), _digits(right)
    scale = max(s1, s2)
    kind = decimal(p1 + s2 + max(s2 - s1, 0), scale)
    return Value(quotient(unscaled(left, scale + s2), unscaled(right, s2), kind), kind)


def unscaled(value: Value, scale: int) -> str:
    """A decimal or integer, times ten to the power of the scale, as a HUGEINT."""
    if value.type.name in INTEGERS and scale == 0:
        return f"CAST({value.sql} AS HUGEINT)"
    own = _digits(value)[1]
    return f"CAST(CAST({value.sql} AS DECIMAL(38, {own})) * CAST({10**scale} AS DECIMAL({scale + 1}, 0)) AS HUGEINT)"


def quotient(dividend: str, divisor: str, kind: Type) -> str:
    """A quotient of HUGEINTs, rounded half up, as a decimal: the dividend is scaled up by the decimal's scale."""
    scale = kind.sizes[1]
    unit = f"CAST('{'0.' + '0' * (scale - 1) if scale else ''}1' AS DECIMAL({scale + 1}, {scale}))"
    sql = f"CAST(tr_round_quotient({dividend}, {divisor}) AS DECIMAL(38, 0)) * {unit}"
    return f"CAST({sql} AS {duckdb_type(kind)})"


@translates(nodes.Unary)
def unary(analyzer: Analyzer, node: nodes.Unary) -> Value:
    if node.operator == "not":
        operand = analyzer.truth(node.operand, "Value of logical NOT expression")
        return Value(f"(NOT {operand.sql})", operand.type)
    value = analyzer.value(node.operand)
    kind = value.type
    if kind.name not in (*NUMBERS, "unknown", "") and not kind.name.startswith("interval"):
        verb = "negate" if node.operator == "-" else "apply operator + to"
        raise QueryError("TYPE_MISMATCH", f"Cannot {verb} {kind}", *node.place)
    if node.operator == "+" or kind.name == "unknown":
        return value
    if kind.name in ("tinyint", "smallint"):
        return Value(f"CAST((-{value.sql}) AS {duckdb_type(kind)})", kind)
    return Value(f"(-{value.sql})", kind)
