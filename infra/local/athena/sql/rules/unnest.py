"""UNNEST in FROM: arrays and maps to rows, side by side, the shorter ones filled with NULL.

Source: https://trino.io/docs/current/sql/select.html#unnest
"""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.call import Translator
from infra.local.athena.sql.datatype import BIGINT, Type
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.structure import field_at
from infra.local.athena.sql.value import Value

Columns = tuple[tuple[str | None, Type], ...]


def unnest(node: nodes.Unnest, translator: Translator) -> tuple[str, Columns]:
    """Translate an UNNEST.

    Returns:
        A SELECT whose columns are called c0, c1, … in order, the ordinality last; and their names (a row's fields
        have some, the others None) and types.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for what is neither array nor map.
    """
    lists, outputs, columns = [], [], []
    for index, argument in enumerate(node.arguments):
        elements, parts, found = _expanded(translator.value(argument), argument, f"u{index}")
        lists.append(elements)
        outputs.extend(parts)
        columns.extend(found)
    inner = [f"unnest({elements}) AS u{index}" for index, elements in enumerate(lists)]
    if node.ordinality:
        longest = ", ".join(f"coalesce(len({elements}), 0)" for elements in lists)
        inner.append(f"unnest(range(1, greatest({longest}, 0) + 1)) AS ordinality")
        outputs.append("ordinality")
        columns.append((None, BIGINT))
    named = ", ".join(f"{sql} AS c{index}" for index, sql in enumerate(outputs))
    return f"SELECT {named} FROM (SELECT {', '.join(inner)}) AS unnested", tuple(columns)  # noqa: S608 - made of translated parts


def _expanded(value: Value, node: nodes.Node, name: str) -> tuple[str, list[str], list[tuple[str | None, Type]]]:
    """A list, and what each of its elements becomes: expressions over its name, and columns."""
    kind = value.type
    if kind.name == "map":
        return f"map_entries({value.sql})", [f"{name}.key", f"{name}.value"], [(None, part) for part in kind.parts]
    if kind.name != "array":
        message = f"Cannot unnest type: {kind}"
        raise QueryError("INVALID_FUNCTION_ARGUMENT", message, *node.place)
    if kind.element.name != "row":
        return value.sql, [name], [(None, kind.element)]
    fields = [field_at(name, i) for i in range(len(kind.element.parts))]
    return value.sql, fields, list(zip(kind.element.names, kind.element.parts, strict=True))
