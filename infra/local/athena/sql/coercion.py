"""Which type turns into which unasked: Athena's rules of implicit casts.

Source: https://trino.io/docs/current/language/types.html and the type coercion of Trino's analyzer
"""

from infra.local.athena.sql.datatype import (
    DOUBLE,
    INTEGERS,
    MOMENTS,
    NUMBERS,
    REAL,
    TEXTS,
    UNDEFINED,
    UNKNOWN,
    VARCHAR,
    Type,
    as_decimal,
    decimal,
)


def common_type(left: Type, right: Type) -> Type | None:
    """The type that both turn into unasked; None where there is none, UNDEFINED where one is not known."""
    if right in (left, UNKNOWN):
        return left
    if left == UNKNOWN:
        return right
    if UNDEFINED in (left, right):
        return UNDEFINED
    for names, common in ((NUMBERS, _number), (TEXTS, _text), (MOMENTS, _moment)):
        if left.name in names and right.name in names:
            return common(left, right)
    if left.name != right.name:
        return None
    return _structure(left, right) if left.parts else max(left, right, key=lambda kind: kind.sizes)


def _number(left: Type, right: Type) -> Type:
    names = (left.name, right.name)
    if "double" in names:
        return DOUBLE
    if "real" in names:
        return REAL
    if "decimal" in names:
        (p1, s1), (p2, s2) = as_decimal(left).sizes, as_decimal(right).sizes
        return decimal(max(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2))
    return Type(max(names, key=INTEGERS.index))


def _text(left: Type, right: Type) -> Type:
    if not left.sizes or not right.sizes:
        return VARCHAR
    name = "char" if left.name == right.name == "char" else "varchar"
    return Type(name, (max(left.sizes[0], right.sizes[0]),))


def _moment(left: Type, right: Type) -> Type:
    digits = (*left.sizes, *right.sizes)
    name = max(left.name, right.name, key=MOMENTS.index)
    zone = left.zone if left.name == name else right.zone
    return Type(name, (max(digits),) if digits and name != "date" else (), zone=zone)


def _structure(left: Type, right: Type) -> Type | None:
    if len(left.parts) != len(right.parts):
        return None
    parts = []
    for a, b in zip(left.parts, right.parts, strict=True):
        common = common_type(a, b)
        if common is None:
            return None
        parts.append(common)
    names = tuple(a if a == b else None for a, b in zip(left.names, right.names, strict=True))
    return Type(left.name, (), tuple(parts), names)


def can_become(source: Type, target: Type) -> bool:
    """Whether a value turns into the target type unasked; a target without sizes takes any."""
    if UNDEFINED in (source, target) or source == target:
        return True
    if target.name == "decimal" and source.name in (*INTEGERS, "decimal"):
        if not target.sizes:
            return True
        (p1, s1), (p2, s2) = as_decimal(source).sizes, target.sizes
        return p1 - s1 <= p2 - s2 and s1 <= s2
    if not target.sizes and not target.parts and source.name == target.name:
        return True
    common = common_type(source, target)
    return common is not None and (common == target or (common.name == target.name and not common.parts))
