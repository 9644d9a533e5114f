"""What names mean at a place of a query: columns of relations, of outer queries, parameters of lambdas."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.datatype import field_name, quoted
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.sources import BaseColumn
from infra.local.athena.sql.value import Value


@dataclass(frozen=True)
class Column:
    """A column of a relation in FROM.

    Args:
        name: None for one without a name.
        value: How it is read.
        qualifier: Names that may stand before it: an alias, or catalog, database and table.
        base: The table's column that it is, unchanged; None for what is computed.
        hidden: Not in `*`.
    """

    name: str | None
    value: Value
    qualifier: tuple[str, ...] = ()
    base: BaseColumn | None = None
    hidden: bool = False

    def renamed(self, name: str | None, qualifier: tuple[str, ...]) -> "Column":
        return replace(self, name=name, qualifier=qualifier)

    def is_of(self, qualifier: Sequence[str]) -> bool:
        """Whether the qualifier's last names are these."""
        return len(qualifier) <= len(self.qualifier) and self.qualifier[-len(qualifier) :] == tuple(qualifier)


@dataclass(frozen=True)
class Scope:
    """Names at a place.

    Args:
        columns: Of the relations in FROM.
        parent: Of the query around this one.
        variables: Parameters of lambdas.
    """

    columns: tuple[Column, ...] = ()
    parent: "Scope | None" = None
    variables: dict[str, Value] = field(default_factory=dict)

    def chain(self) -> Iterator["Scope"]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def find(self, path: Sequence[str], node: nodes.Node) -> tuple[Value, Column | None]:
        """Resolve names with dots between them.

        Returns:
            What they mean, and the column of this very scope that they begin with, if it is one.

        Raises:
            QueryError: COLUMN_NOT_FOUND or AMBIGUOUS_NAME.
        """
        for scope in self.chain():
            if path[0] in scope.variables:
                return fields(scope.variables[path[0]], path[1:], node), None
            for length in range(min(len(path) - 1, 3), -1, -1):
                column = scope._column(path[:length], path[length], node)
                if column is not None:
                    return fields(column.value, path[length + 1 :], node), column if scope is self else None
        raise unresolved(".".join(path), node)

    def _column(self, qualifier: Sequence[str], name: str, node: nodes.Node) -> Column | None:
        found = [c for c in self.columns if c.name == name and (not qualifier or c.is_of(qualifier))]
        if len(found) > 1:
            raise QueryError("AMBIGUOUS_NAME", f"Column '{name}' is ambiguous", *node.place)
        if not found:
            return None
        if found[0].base is not None:
            found[0].base.need()
        return found[0]


def unresolved(name: str, node: nodes.Node) -> QueryError:
    """Athena's error of a column that is not there."""
    message = f"Column '{name}' cannot be resolved or requester is not authorized to access requested resources"
    return QueryError("COLUMN_NOT_FOUND", message, *node.place)


def fields(value: Value, path: Sequence[str], node: nodes.Node) -> Value:
    """A field of a row, or of a row in it, along a path."""
    for name in path:
        if value.type.name != "row":
            if value.type.name == "":
                value = Value(f"struct_extract({value.sql}, {quoted(name)})", value.type)
                continue
            raise QueryError("TYPE_MISMATCH", f"Expression {name} is not of type ROW", *node.place)
        found = [i for i, n in enumerate(value.type.names) if n is not None and n.lower() == name]
        if not found:
            raise unresolved(name, node)
        key = field_name(value.type.names, found[0]).replace("'", "''")
        value = Value(f"struct_extract({value.sql}, '{key}')", value.type.parts[found[0]])
    return value
