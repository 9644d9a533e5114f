"""The one type that several expressions become, where the grammar wants them to be of one."""

from collections.abc import Sequence

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.coercion import common_type
from infra.local.athena.sql.datatype import Type
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.value import Value


def single_type(values: Sequence[Value], written: Sequence[nodes.Node], what: str) -> Type:
    """The common type of values.

    Args:
        values: Translated.
        written: As they stand in the query, for the place of the error.
        what: They are, for the error: "All CASE results".

    Raises:
        QueryError: TYPE_MISMATCH, where there is none.
    """
    kind = values[0].type
    for value, node in zip(values[1:], written[1:], strict=True):
        found = common_type(kind, value.type)
        if found is None:
            every = ", ".join(dict.fromkeys(str(one.type) for one in values))
            message = (
                f"{what} must be the same type or coercible to a common type. Cannot find common type between {kind} "
                f"and {value.type}, all types (without duplicates): [{every}]"
            )
            raise QueryError("TYPE_MISMATCH", message, *node.place)
        kind = found
    return kind
