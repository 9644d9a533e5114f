"""What stands in and behind the parentheses of an aggregate or window function: DISTINCT, ORDER BY, FILTER, OVER."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.grammar import nodes

if TYPE_CHECKING:
    from infra.local.athena.sql.analyzer import Analyzer


def tail_of(analyzer: "Analyzer", node: nodes.Call) -> dict[str, str]:
    """The parts of a call that its rule puts around the arguments: `distinct`, `order` and `tail`."""
    order = f" {order_by(analyzer, node.order)}" if node.order else ""
    tail = ""
    if node.filter is not None:
        tail += f" FILTER (WHERE {analyzer.boolean(node.filter, 'FILTER clause').sql})"
    if node.over is not None:
        tail += f" OVER ({over(analyzer, node.over)})"
    return {"distinct": "DISTINCT " if node.distinct else "", "order": order, "tail": tail}


def order_by(analyzer: "Analyzer", items: Sequence[nodes.SortItem]) -> str:
    """ORDER BY over expressions; nulls come last unless the query says otherwise."""
    return "ORDER BY " + ", ".join(analyzer.value(i.expression).sql + direction(i) for i in items)


def direction(item: nodes.SortItem) -> str:
    """What stands behind an item of ORDER BY."""
    return f" {'DESC' if item.descending else 'ASC'} NULLS {'FIRST' if item.nulls_first else 'LAST'}"


def over(analyzer: "Analyzer", window: nodes.Window) -> str:
    """The inside of OVER."""
    if window.name is not None:
        named = analyzer.windows.get(window.name)
        if named is None:
            raise QueryError("INVALID_WINDOW_REFERENCE", f"Cannot resolve WINDOW name {window.name}", *window.place)
        window = nodes.Window(
            window.place,
            named.name,
            named.partition or window.partition,
            window.order or named.order,
            window.frame or named.frame,
        )
        if window.name is not None:
            return over(analyzer, window)
    parts = []
    if window.partition:
        parts.append("PARTITION BY " + ", ".join(analyzer.value(p).sql for p in window.partition))
    if window.order:
        parts.append(order_by(analyzer, window.order))
    if window.frame is not None:
        parts.append(_frame(analyzer, window.frame))
    return " ".join(parts)


def _frame(analyzer: "Analyzer", frame: nodes.Frame) -> str:
    start = _bound(analyzer, frame.start)
    if frame.end is None:
        return f"{frame.unit.upper()} {start}"
    return f"{frame.unit.upper()} BETWEEN {start} AND {_bound(analyzer, frame.end)}"


def _bound(analyzer: "Analyzer", bound: tuple[str, nodes.Node | None]) -> str:
    kind, expression = bound
    return kind.upper() if expression is None else f"{analyzer.value(expression).sql} {kind.upper()}"
