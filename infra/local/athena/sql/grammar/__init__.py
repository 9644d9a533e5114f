"""The text of a query to a tree: tokens, nodes, parser. Light to import, so that any process can check a text."""

from collections.abc import Sequence

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.grammar.queries import Queries

TOO_LARGE = ("STATEMENT_TOO_LARGE", "statement is too large (stack overflow while parsing)")


def parse(text: str, parameters: Sequence[str] = ()) -> nodes.Query:
    """Read one query of Athena's dialect.

    Args:
        text: The query; a `;` behind it is allowed.
        parameters: Texts of literals for the `?`; what is no literal stands for itself, as a string.

    Raises:
        QueryError: SYNTAX_ERROR with line and column; INVALID_PARAMETER_USAGE for too few or too many parameters;
            STATEMENT_TOO_LARGE for one that is nested too deep.
    """
    parser = Queries(text, [_parameter(p) for p in parameters])
    try:
        query = parser.whole()
    except RecursionError as error:
        raise QueryError(*TOO_LARGE) from error
    if parser.used != len(parameters):
        message = f"Incorrect number of parameters: expected {parser.used} but found {len(parameters)}"
        raise QueryError("INVALID_PARAMETER_USAGE", message, 1, 1)
    return query


def _parameter(text: str) -> nodes.Node:
    parser = Queries(text)
    try:
        node = parser.expression()
    except QueryError:
        return nodes.Literal((1, 1), "string", text)
    is_constant = parser.token.kind == "end" and not isinstance(node, nodes.Name | nodes.Field)
    return node if is_constant else nodes.Literal((1, 1), "string", text)
