"""Rows and what holds them, rebuilt by place: DuckDB casts a struct by the names of its fields, Athena by their order.

It makes the casts of arrays, maps and rows out of the casts of what is in them; those of plain values are the caller's.
"""

from collections.abc import Callable
from zlib import crc32

from infra.local.athena.sql.datatype import Type, field_name, quoted

Cast = Callable[[str, Type, Type], str]


def parameter(*texts: str) -> str:
    """A name for the parameter of a lambda over these texts; the same texts give the same name, as GROUP BY needs."""
    return f"v_{crc32(' '.join(texts).encode()):08x}"


def packed(names: tuple[str | None, ...], fields: list[str]) -> str:
    """A struct with a row's fields."""
    inner = (f"{quoted(field_name(names, i))} := {sql}" for i, sql in enumerate(fields))
    return f"struct_pack({', '.join(inner)})"


def field_at(sql: str, index: int) -> str:
    """A field of a struct by its place, from 0."""
    return f"struct_extract_at({sql}, {index + 1})"


def bound(sql: str, parameter: str, body: str) -> str:
    """What `body` says of the parameter, whose value is computed once; NULL for NULL."""
    return f"list_transform(list_value({sql}), lambda {parameter}: {body})[1]"


def is_heavy(sql: str) -> bool:
    """Whether an expression is better computed once: macros repeat their arguments, and those in them theirs again."""
    return "py_" in sql or "random()" in sql or sql.count("tr_") > 1 or len(sql) > 500


def shared(sql: str, body: Callable[[str], str]) -> str:
    """What `body` makes of an expression, which is computed once if it is heavy."""
    if not is_heavy(sql):
        return body(sql)
    name = parameter(sql)
    return bound(sql, name, body(name))


def recast(sql: str, source: Type, target: Type, cast: Cast) -> str:
    """A value with parts turned into another type of the same shape.

    Args:
        sql: The value.
        source: Its type: array, map or row.
        target: Has the same name and as many parts.
        cast: Makes the cast of a part that has no parts itself, of its SQL, its type and the target's.
    """
    if not source.parts or len(source.parts) != len(target.parts):
        return cast(sql, source, target)
    if source == target:
        return sql
    name = parameter(sql, str(source), str(target))
    if source.name == "array":
        return f"list_transform({sql}, lambda {name}: {recast(name, source.element, target.element, cast)})"
    if source.name == "map":
        key = recast(f"{name}.key", source.key, target.key, cast)
        value = recast(f"{name}.value", source.item, target.item, cast)
        entries = f"list_transform(map_entries({sql}), lambda {name}: struct_pack(key := {key}, value := {value}))"
        return f"map_from_entries({entries})"
    fields = [
        recast(field_at(name, i), part, target.parts[i], cast) for i, part in enumerate(source.parts)
    ]  # fmt: skip
    whole = packed(target.names, fields)
    return bound(sql, name, f"CASE WHEN {name} IS NULL THEN NULL ELSE {whole} END")


def has_row(kind: Type) -> bool:
    """Whether a type is a row or holds one."""
    return kind.name == "row" or any(map(has_row, kind.parts))
