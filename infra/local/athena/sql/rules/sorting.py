"""array_sort, with the comparators that say "by this key, upwards or downwards"; others are refused.

A comparator is tried on every way in which two elements can differ: less, equal, greater, one or both of them NULL.

Source: https://trino.io/docs/current/functions/array.html#array_sort
"""

from dataclasses import fields
from typing import Any

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.functions import define
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.structure import parameter

LESS, EQUAL, GREATER, LEFT_NULL, RIGHT_NULL = -1, 0, 1, "left", "right"
_ORDERS = {(-1, 0, 1): "ASC", (1, 0, -1): "DESC"}
_COMPARISONS = {
    "<": (True, False, False), "<=": (True, True, False), ">": (False, False, True), ">=": (False, True, True),
    "=": (False, True, False), "<>": (True, False, True), "!=": (True, False, True),
}  # fmt: skip

define("array_sort(array(E)) -> array(E)", "list_sort({0}, 'ASC', 'NULLS LAST')")


class _UnclearError(Exception):
    """A comparator that says something else than an order by a key."""


class _Comparator:
    """A lambda of two parameters; `key` is what it compares, as the first parameter has it."""

    def __init__(self, node: nodes.Lambda) -> None:
        self.left, self.right = node.parameters
        self.body = node.body
        self.key: nodes.Node | None = None

    def result(self, case: Any, node: nodes.Node | None = None) -> int | None:
        node = self.body if node is None else node
        match node:
            case nodes.Literal(kind="integer") if node.value in (0, 1):
                return int(node.value)
            case nodes.Unary(operator="-"):
                inner = self.result(case, node.operand)
                return None if inner is None else -inner
            case nodes.Call(name="if") if len(node.arguments) == 3:
                condition, yes, no = node.arguments
                return self.result(case, yes if self.holds(case, condition) else no)
            case nodes.Case(operand=None):
                for condition, value in node.whens:
                    if self.holds(case, condition):
                        return self.result(case, value)
                return None if node.default is None else self.result(case, node.default)
        raise _UnclearError

    def holds(self, case: Any, node: nodes.Node) -> bool | None:
        match node:
            case nodes.Binary(operator="and" | "or"):
                sides = self.holds(case, node.left), self.holds(case, node.right)
                decisive = node.operator == "or"
                if decisive in sides:
                    return decisive
                return None if None in sides else not decisive
            case nodes.Unary(operator="not"):
                inner = self.holds(case, node.operand)
                return None if inner is None else not inner
            case nodes.IsNull():
                return self.is_null(case, node.operand) is not node.negated
            case nodes.Binary() if node.operator in _COMPARISONS:
                return self.compared(case, node)
        raise _UnclearError

    def is_null(self, case: Any, node: nodes.Node) -> bool:
        side = self.side(node)
        return case in ("both", side)

    def compared(self, case: Any, node: nodes.Binary) -> bool | None:
        sides = self.side(node.left), self.side(node.right)
        if sides[0] == sides[1]:
            raise _UnclearError
        if isinstance(case, str):
            return None
        outcome = case if sides[0] == LEFT_NULL else -case
        return _COMPARISONS[node.operator][outcome + 1]

    def side(self, node: nodes.Node) -> str:
        """Which parameter's key an expression is."""
        names = _names(node) & {self.left, self.right}
        if len(names) != 1:
            raise _UnclearError
        name = names.pop()
        key = _renamed(node, name, self.left)
        if self.key is None:
            self.key = key
        if _text(self.key) != _text(key):
            raise _UnclearError
        return LEFT_NULL if name == self.left else RIGHT_NULL


def _names(node: Any) -> set[str]:
    if isinstance(node, nodes.Name):
        return {node.text}
    if isinstance(node, tuple):
        return set().union(*map(_names, node)) if node else set()
    if isinstance(node, nodes.Node):
        return set().union(*(_names(getattr(node, f.name)) for f in fields(node)))
    return set()


def _renamed(node: Any, old: str, new: str) -> Any:
    if isinstance(node, nodes.Name):
        return nodes.Name(node.place, new if node.text == old else node.text)
    if isinstance(node, tuple):
        return tuple(_renamed(part, old, new) for part in node)
    if isinstance(node, nodes.Node):
        return type(node)(*(_renamed(getattr(node, f.name), old, new) for f in fields(node)))
    return node


def _text(node: Any) -> str:
    """What an expression says, without its places."""
    if isinstance(node, tuple):
        return f"({', '.join(map(_text, node))})"
    if isinstance(node, nodes.Node):
        return f"{type(node).__name__}{[_text(getattr(node, f.name)) for f in fields(node) if f.name != 'place']}"
    return repr(node)


@define("array_sort(array(T), function(T, T, integer)) -> array(T)")
def array_sort(call: Call, elements: str, _: str) -> str:
    node = call.arguments[1]
    if not isinstance(node, nodes.Lambda):
        raise call.fault("TYPE_MISMATCH", "array_sort expects a lambda", node)
    comparator = _Comparator(node)
    try:
        order = _ORDERS[tuple(comparator.result(case) for case in (LESS, EQUAL, GREATER))]  # type: ignore[index]
        nulls = {case: comparator.result(case) for case in (LEFT_NULL, RIGHT_NULL, "both")}
    except (_UnclearError, KeyError):
        message = "array_sort with a comparator that is no order by a key is not supported"
        raise call.fault("NOT_SUPPORTED", message, node) from None
    first = nulls[LEFT_NULL] == -1 and nulls[RIGHT_NULL] == 1
    if isinstance(comparator.key, nodes.Name):
        return f"list_sort({elements}, '{order}', 'NULLS {'FIRST' if first else 'LAST'}')"
    return _by_key(call, elements, comparator, order, first=first)


def _by_key(call: Call, elements: str, comparator: _Comparator, order: str, *, first: bool) -> str:
    key_node = nodes.Lambda(call.node.place, (comparator.left,), comparator.key)  # type: ignore[arg-type]
    function = call.translator.function(key_node, [call.value(0).type.element])
    element, key = function.parameters[0], function.body.sql
    place = parameter(elements, function.sql)
    flag = f"({key}) IS {'NOT ' if first == (order == 'ASC') else ''}NULL"
    position = place if order == "ASC" else f"-{place}"
    entry = f"struct_pack(nulls := {flag}, key := {key}, place := {position}, element := {element})"
    entries = f"list_sort(list_transform({elements}, lambda {element}, {place}: {entry}), '{order}')"
    return f"list_transform({entries}, lambda {place}: {place}.element)"
