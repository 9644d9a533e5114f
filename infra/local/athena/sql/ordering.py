"""ORDER BY, OFFSET and LIMIT of a query: what its items number, and how they stand in DuckDB's SQL."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Key:
    """An item of ORDER BY.

    Args:
        sql: Of its expression.
        way: ` ASC NULLS LAST` and the like.
        position: Of the column that it is, from 0; None if it is none.
    """

    sql: str
    way: str
    position: int | None = None

    @property
    def text(self) -> str:
        """As it stands behind a SELECT."""
        return f"{self.sql if self.position is None else self.position + 1}{self.way}"


def limits(query: nodes.Query, order: Sequence[Key]) -> str:
    """ORDER BY, OFFSET and LIMIT as they stand behind a SELECT; the order's items are translated."""
    sql = f" ORDER BY {', '.join(key.text for key in order)}" if order else ""
    if isinstance(query.limit, nodes.Literal):
        sql += f" LIMIT {query.limit.value}"
    if isinstance(query.offset, nodes.Literal):
        sql += f" OFFSET {query.offset.value}"
    return sql


def is_tied(query: nodes.Query) -> bool:
    """Whether what the order makes equal to the last row comes, too."""
    return query.ties and isinstance(query.limit, nodes.Literal)


def with_ties(query: nodes.Query, head: str, rest: str, names: Sequence[str], order: Sequence[Key]) -> str:
    """A SELECT with FETCH FIRST n ROWS WITH TIES.

    Args:
        query: Whose limit and offset are meant.
        head: `SELECT` and its items, called as `names` has them.
        rest: What follows them.
        names: Of the items.
        order: Of the query.
    """
    keys = [f'"order key {i}"' if key.position is None else names[key.position] for i, key in enumerate(order)]
    # A position means a column behind a SELECT, and a number in a window.
    added = "".join(f", {key.sql} AS {name}" for key, name in zip(order, keys, strict=True) if key.position is None)
    by = f"ORDER BY {', '.join(f'{name}{key.way}' for key, name in zip(order, keys, strict=True))}"
    rows = f"({head}{added}{rest})"
    if isinstance(query.offset, nodes.Literal):
        rows = f"(SELECT * FROM {rows} AS q {by} OFFSET {query.offset.value})"  # noqa: S608 - made of translated parts
    assert isinstance(query.limit, nodes.Literal)  # noqa: S101 - the caller looked
    chosen = f"SELECT {', '.join(names)} FROM {rows} AS q"  # noqa: S608 - made of translated parts
    return f"{chosen} QUALIFY rank() OVER ({by}) <= {query.limit.value} {by}"
