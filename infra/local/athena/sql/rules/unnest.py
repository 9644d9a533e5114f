"""UNNEST in FROM: arrays and maps to rows."""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.call import Translator
from infra.local.athena.sql.datatype import BIGINT, Type
from infra.local.athena.sql.grammar import nodes


def unnest(node: nodes.Unnest, translator: Translator) -> tuple[str, tuple[Type, ...]]:
    """Translate an UNNEST.

    Returns:
        A SELECT whose columns are named c0, c1, … in order, the ordinality last, and their types.

    Raises:
        QueryError: TYPE_MISMATCH for what is neither array nor map.
    """
    value = translator.value(node.arguments[0])
    if len(node.arguments) > 1 or value.type.name != "array" or value.type.element.name == "row":
        raise QueryError("NOT_SUPPORTED", "UNNEST of this is not supported", *node.place)
    ordinality = f", generate_subscripts({value.sql}, 1) AS c1" if node.ordinality else ""
    types = (value.type.element, BIGINT) if node.ordinality else (value.type.element,)
    return f"SELECT unnest({value.sql}) AS c0{ordinality}", types
