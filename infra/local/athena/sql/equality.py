"""Equality of arrays, maps and rows: NULL in one of them leaves it open, and the order of a map's entries is nothing.

DuckDB takes NULL for equal to NULL inside of them and compares maps as lists.

Source: https://trino.io/docs/current/functions/comparison.html, https://trino.io/docs/current/language/types.html#array
"""

from infra.local.athena.sql.datatype import Type
from infra.local.athena.sql.structure import field_at, parameter


def equals(left: str, right: str, kind: Type) -> str:
    """SQL of `left = right` for values of one type."""
    if kind.name == "array":
        name = parameter(left, right)
        outcome = equals(f"{name}[1]", f"{name}[2]", kind.element)
        pairs = f"list_transform(list_zip({left}, {right}), lambda {name}: {outcome})"
        return f"tr_equal_sized({left} IS NULL OR {right} IS NULL, len({left}) = len({right}), {pairs})"
    if kind.name == "map":
        name = parameter(left, right)
        outcome = equals(f"{name}.value", f"tr_map_element_at({right}, {name}.key)", kind.item)
        checked = f"CASE WHEN map_contains({right}, {name}.key) THEN {outcome} ELSE false END"
        entries = f"list_transform(map_entries({left}), lambda {name}: {checked})"
        sizes = f"cardinality({left}) = cardinality({right})"
        return f"tr_equal_sized({left} IS NULL OR {right} IS NULL, {sizes}, {entries})"
    if kind.name == "row":
        parts = (equals(field_at(left, i), field_at(right, i), part) for i, part in enumerate(kind.parts))
        missing = f"{left} IS NULL OR {right} IS NULL"
        return f"CASE WHEN {missing} THEN NULL ELSE ({' AND '.join(parts)}) END"
    if kind.name == "char":
        return f"(rtrim({left}, ' ') = rtrim({right}, ' '))"
    return f"({left} = {right})"


def is_among(operand: str, items: list[str], kind: Type) -> str:
    """SQL of `operand IN (items)` for values of one type that has parts."""
    outcomes = ", ".join(equals(operand, item, kind) for item in items)
    return f"tr_any_match(CAST([{outcomes}] AS BOOLEAN[]))"
