"""What stands in square brackets after an array, a map or a row, and a row's fields by name.

Source: https://trino.io/docs/current/functions/array.html#subscript-operator, …/map.html, …/language/types.html#row
"""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.coercion import can_become, common_type
from infra.local.athena.sql.datatype import BIGINT, Type
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.structure import field_at
from infra.local.athena.sql.value import Value, cast_sql


def subscript(base: Value, index: Value, node: nodes.Subscript) -> Value:
    """Translate `base[index]`.

    Raises:
        QueryError: TYPE_MISMATCH for a base without parts or an index that does not fit;
            INVALID_FUNCTION_ARGUMENT for a row's field that is not there.
    """
    kind = base.type
    if kind.name == "array" and can_become(index.type, BIGINT):
        return Value(f"tr_at({base.sql}, {cast_sql(index, BIGINT)})", kind.element)
    if kind.name == "map" and (key := common_type(kind.key, index.type)) is not None:
        if key != kind.key:
            base = Value(cast_sql(base, Type("map", (), (key, kind.item))), kind)
        return Value(f"tr_map_at({base.sql}, {cast_sql(index, key)})", kind.item)
    if kind.name == "row":
        return _field_at(base, node)
    message = f"Cannot apply subscript operator to {kind}, {index.type}" if kind.parts else (
        f"Subscript base type must be array, map or row: {kind}")  # fmt: skip
    raise QueryError("TYPE_MISMATCH", message, *node.place)


def _field_at(base: Value, node: nodes.Subscript) -> Value:
    index = node.index
    if not isinstance(index, nodes.Literal) or index.kind != "integer":
        raise QueryError(
            "EXPRESSION_NOT_CONSTANT", "Subscript expression on ROW requires a constant index", *node.place
        )
    if not 1 <= index.value <= len(base.type.parts):
        message = f"Invalid subscript index: {index.value}. ROW indices start at 1"
        if index.value > len(base.type.parts):
            message = f"Subscript index out of bounds: {index.value}, max value is {len(base.type.parts)}"
        raise QueryError("INVALID_FUNCTION_ARGUMENT", message, *index.place)
    return Value(field_at(base.sql, index.value - 1), base.type.parts[index.value - 1])


def field(base: Value, node: nodes.Field) -> Value | None:
    """Translate `base.name` for a row; None where it has no such field.

    Raises:
        QueryError: AMBIGUOUS_NAME where it has two.
    """
    places = [i for i, name in enumerate(base.type.names) if name is not None and name.lower() == node.text.lower()]
    if len(places) > 1:
        raise QueryError("AMBIGUOUS_NAME", f"Ambiguous row field reference: {node.text}", *node.place)
    return Value(field_at(base.sql, places[0]), base.type.parts[places[0]]) if places else None
