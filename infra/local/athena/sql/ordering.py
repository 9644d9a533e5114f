"""ORDER BY, OFFSET and LIMIT of a query: what its items number, and how they stand in DuckDB's SQL."""

from collections.abc import Sequence

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.grammar import nodes


def order_position(item: nodes.SortItem, count: int) -> int | None:
    """The column, from 0, that an item of ORDER BY numbers; None where it does not."""
    node = item.expression
    if not (isinstance(node, nodes.Literal) and node.kind == "integer"):
        return None
    if not 1 <= node.value <= count:
        message = f"ORDER BY position {node.value} is not in select list"
        raise QueryError("INVALID_COLUMN_REFERENCE", message, *node.place)
    return int(node.value) - 1


def limits(query: nodes.Query, order: Sequence[str]) -> str:
    """ORDER BY, OFFSET and LIMIT as they stand behind a SELECT; the order's items are translated."""
    by = f"ORDER BY {', '.join(order)}" if order else ""
    if query.ties and isinstance(query.limit, nodes.Literal):
        return f" QUALIFY rank() OVER ({by}) <= {query.limit.value} {by}"
    sql = f" {by}" if by else ""
    if isinstance(query.limit, nodes.Literal):
        sql += f" LIMIT {query.limit.value}"
    if isinstance(query.offset, nodes.Literal):
        sql += f" OFFSET {query.offset.value}"
    return sql
