"""What conditions say of a table's columns, so that partitions and files can be skipped; only what always holds."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from infra.local.athena.contract import QueryError, Range
from infra.local.athena.sql.datatype import INTEGERS, Type
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.scope import Column, Scope

_TURNED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def note_conditions(node: nodes.Node, scope: Scope) -> None:
    """Tell the tables in the scope what the AND-ed conditions on their columns let through."""
    match node:
        case nodes.Binary(operator="and"):
            note_conditions(node.left, scope)
            note_conditions(node.right, scope)
        case nodes.Binary() if node.operator in _TURNED:
            _note(scope, node.left, node.operator, (node.right,))
            _note(scope, node.right, _TURNED[node.operator], (node.left,))
        case nodes.Between(negated=False):
            _note(scope, node.operand, ">=", (node.low,))
            _note(scope, node.operand, "<=", (node.high,))
        case nodes.In(negated=False, query=None):
            _note(scope, node.operand, "=", node.items)


def _note(scope: Scope, left: nodes.Node, operator: str, items: tuple[nodes.Node, ...]) -> None:
    column = _column(scope, left)
    if column is None or column.base is None:
        return
    values = [constant(i, column.value.type) for i in items]
    if any(v is None for v in values):
        return
    if operator == "=":
        found = Range(frozenset(values), min(values), max(values))
    elif operator in ("<", "<="):
        found = Range(high=values[0])
    else:
        found = Range(low=values[0])
    column.base.table.limit(column.base.name, found)


def _column(scope: Scope, node: nodes.Node) -> Column | None:
    path: list[str] = []
    while isinstance(node, nodes.Field):
        path.insert(0, node.text)
        node = node.base
    if not isinstance(node, nodes.Name):
        return None
    path.insert(0, node.text)
    try:
        value, column = scope.find(path, node)
    except QueryError:
        return None
    return column if column is not None and column.value is value else None


def constant(node: nodes.Node, kind: Type) -> Any:
    """The Python value of a literal that compares with a column of this type as Python compares; None otherwise."""
    sign = 1
    if isinstance(node, nodes.Unary) and node.operator == "-":
        sign, node = -1, node.operand
    if isinstance(node, nodes.TypedLiteral):
        return _moment(node, kind)
    if not isinstance(node, nodes.Literal):
        return None
    if node.kind == "string" and kind.name == "varchar":
        return node.value
    if node.kind == "integer" and kind.name in (*INTEGERS, "decimal"):
        return sign * node.value
    if node.kind == "decimal" and kind.name in (*INTEGERS, "decimal"):
        return sign * Decimal(node.value)
    return None


def _moment(node: nodes.TypedLiteral, kind: Type) -> Any:
    try:
        if node.type.name == kind.name == "date":
            return date.fromisoformat(node.text.strip())
        if node.type.name == kind.name == "timestamp":
            moment = datetime.fromisoformat(node.text.strip())
            return moment if moment.tzinfo is None else None
    except ValueError:
        return None
    return None
