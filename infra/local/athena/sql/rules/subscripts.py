"""What stands in square brackets after an array, a map or a row.

Source: https://trino.io/docs/current/functions/array.html#subscript-operator, …/map.html, …/language/types.html#row
"""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.coercion import can_become, common_type
from infra.local.athena.sql.datatype import BIGINT, map_of
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.structure import field_at, shared
from infra.local.athena.sql.value import Value, cast_sql


@translates(nodes.Subscript)
def subscript(analyzer: Analyzer, node: nodes.Subscript) -> Value:
    """Translate `base[index]`.

    Raises:
        QueryError: TYPE_MISMATCH for a base without parts or an index that does not fit;
            INVALID_FUNCTION_ARGUMENT for a row's field that is not there.
    """
    base = analyzer.value(node.base)
    kind = base.type
    if kind.name == "row":
        return _field_at(base, node)
    index = analyzer.value(node.index)
    if kind.name == "array" and can_become(index.type, BIGINT):
        place = cast_sql(index, BIGINT)
        return Value(shared(base.sql, lambda elements: f"tr_at({elements}, {place})"), kind.element)
    if kind.name == "map" and (key := common_type(kind.key, index.type)) is not None:
        entries, wanted = cast_sql(base, map_of(key, kind.item)), cast_sql(index, key)
        return Value(shared(entries, lambda known: f"tr_map_at({known}, {wanted})"), kind.item)
    if kind.name in ("array", "map"):
        message = f"Cannot apply subscript operator to {kind}, {index.type}"
    else:
        message = f"Subscript base type must be array, map or row, not {kind}"
    raise QueryError("TYPE_MISMATCH", message, *node.place)


def _field_at(base: Value, node: nodes.Subscript) -> Value:
    index, count = node.index, len(base.type.parts)
    if not isinstance(index, nodes.Literal) or index.kind != "integer":
        message = "Subscript expression on ROW requires a constant index"
        raise QueryError("EXPRESSION_NOT_CONSTANT", message, *node.place)
    if not 1 <= index.value <= count:
        message = f"Invalid subscript index: {index.value}. ROW indices start at 1"
        if index.value > count:
            message = f"Subscript index out of bounds: {index.value}, max value is {count}"
        raise QueryError("INVALID_FUNCTION_ARGUMENT", message, *index.place)
    return Value(field_at(base.sql, index.value - 1), base.type.parts[index.value - 1])
