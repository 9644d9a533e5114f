"""Glue's expressions over the partitions of a table: which partitions one lets through. It asks no catalogue.

Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.grammar.queries import Queries

_NUMBERS = ("tinyint", "smallint", "int", "bigint", "long", "decimal")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Row = Mapping[str, Any]


class ExpressionError(ValueError):
    """An expression that cannot be read, or that names what is no partition key."""


def matching(expression: str, keys: Sequence[tuple[str, str]]) -> Callable[[Sequence[str]], bool]:
    """A test of the values of a partition.

    Args:
        expression: As Glue has it: comparisons, BETWEEN, IN, LIKE, AND, OR, NOT and parentheses.
        keys: Name and type of each partition key, in order.

    Raises:
        ExpressionError: It is none.

    Example:
        >>> test = matching("(day >= '2026-01-02') AND n IN (1, 2)", [("day", "date"), ("n", "int")])
        >>> test(["2026-01-02", "2"]), test(["2026-01-01", "2"])
        (True, False)
    """
    parser = Queries(expression)
    try:
        tree = parser.expression()
    except QueryError as fault:
        raise ExpressionError(str(fault)) from fault
    if parser.token.kind != "end":
        raise ExpressionError(f"unexpected '{parser.token.written}'")

    def test(values: Sequence[str]) -> bool:
        pairs = zip(keys, values, strict=False)
        return bool(_value(tree, {name.lower(): _typed(value, kind) for (name, kind), value in pairs}))

    test([kind and "0" for _, kind in keys])
    return test


def _typed(value: Any, kind: str) -> Any:
    """A number where the key's type is one; None for the partition of NULL."""
    return _number(value) if kind.lower().startswith(_NUMBERS) else value


def _number(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(value)
    except InvalidOperation:
        return None


def _value(node: nodes.Node, row: Row) -> Any:
    match node:
        case nodes.Name() if node.text in row:
            return row[node.text]
        case nodes.Literal():
            return Decimal(node.value) if node.kind in ("integer", "decimal", "double") else node.value
        case nodes.TypedLiteral():
            return node.text
        case nodes.Unary(operator="-" | "+" as sign):
            number = _number(_value(node.operand, row))
            return -number if sign == "-" and number is not None else number
        case _:
            return _truth(node, row)


def _truth(node: nodes.Node, row: Row) -> bool | None:
    """True, False, or None for what is unknown because of a NULL."""
    match node:
        case nodes.Unary():
            return _turned(_value(node.operand, row), is_turned=True)
        case nodes.Binary(operator="and" | "or" as word):
            return _joined(word, [_value(side, row) for side in (node.left, node.right)])
        case nodes.Binary() if node.operator in _COMPARISONS:
            return _compared(node.operator, _value(node.left, row), _value(node.right, row))
        case nodes.Between() | nodes.In(query=None) | nodes.Like() | nodes.IsNull():
            return _turned(_holds(node, row), is_turned=node.negated)
    raise ExpressionError("expected comparisons of partition keys with constants")


def _holds(node: nodes.Between | nodes.In | nodes.Like | nodes.IsNull, row: Row) -> bool | None:
    found = _value(node.operand, row)
    match node:
        case nodes.Between():
            bounds = ((">=", node.low), ("<=", node.high))
            return _joined("and", [_compared(sign, found, _value(bound, row)) for sign, bound in bounds])
        case nodes.In():
            return _joined("or", [_compared("=", found, _value(item, row)) for item in node.items])
        case nodes.Like():
            pattern = re.escape(str(_value(node.pattern, row))).replace("%", ".*").replace("_", ".")
            return None if found is None else bool(re.fullmatch(pattern, str(found), re.DOTALL))
        case _:
            return found is None


def _turned(truth: bool | None, *, is_turned: bool) -> bool | None:
    return truth if truth is None else bool(truth) != is_turned


def _joined(word: str, truths: Sequence[bool | None]) -> bool | None:
    decides = word == "or"
    if any(truth is decides for truth in truths):
        return decides
    return None if None in truths else not decides


def _compared(sign: str, left: Any, right: Any) -> bool | None:
    if isinstance(left, Decimal) != isinstance(right, Decimal):
        left, right = _number(left), _number(right)
    return None if left is None or right is None else _COMPARISONS[sign](left, right)
