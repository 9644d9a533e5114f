"""Casts to JSON and from it, for the translation of CAST; of documents already parsed they read no more than they need.

Source: https://trino.io/docs/current/functions/json.html#cast-to-json, …#cast-from-json
"""

from collections.abc import Callable

from infra.local.athena.sql.datatype import INTEGERS, Type, duckdb_type
from infra.local.athena.sql.rules.texts import as_text
from infra.local.athena.sql.structure import bound, field_at, packed, parameter, shared
from infra.local.athena.sql.value import Value, string

_AS_TEXT = ("varchar", "char", "date", "timestamp", "timestamp with time zone", "time", "uuid")


def to_json(value: Value) -> str | None:
    """SQL of `CAST(value AS JSON)`; None for a type that has no like in JSON."""
    if value.type.name == "json":
        return value.sql
    text = json_text(value.sql, value.type)
    return None if text is None else f"CAST({text} AS JSON)"


def json_text(sql: str, kind: Type) -> str | None:
    """SQL of a value's JSON as varchar, NULL for NULL; None for a type that has no like in JSON."""
    if kind.name == "unknown":
        return "CAST(NULL AS VARCHAR)"
    if kind.name in ("boolean", "decimal", "json", *INTEGERS):
        return as_text(Value(sql, kind))
    if kind.name in ("double", "real"):
        return f"py_json_double(CAST({sql} AS DOUBLE))" if kind.name == "double" else f"py_json_real({sql})"
    if kind.name in _AS_TEXT:
        return f"CAST(to_json({as_text(Value(sql, kind))}) AS VARCHAR)"
    if not kind.parts:
        return None
    reader = {"array": _array_text, "map": _map_text, "row": _row_text}[kind.name]
    return reader(sql, kind)


def _part(sql: str, kind: Type) -> str | None:
    text = json_text(sql, kind)
    return None if text is None else f"coalesce({text}, 'null')"


def _array_text(sql: str, kind: Type) -> str | None:
    name = parameter(sql, "json")
    part = _part(name, kind.element)
    if part is None:
        return None
    return f"('[' || array_to_string(list_transform({sql}, lambda {name}: {part}), ',') || ']')"


def _map_text(sql: str, kind: Type) -> str | None:
    name = parameter(sql, "json")
    part = _part(f"{name}.value", kind.item)
    if part is None or kind.key.name not in ("varchar", "char", "boolean", "double", "real", "unknown", *INTEGERS):
        return None
    key = f"CAST(to_json(CAST({name}.key AS VARCHAR)) AS VARCHAR)"
    entries = f"list_transform(list_sort(map_entries({sql})), lambda {name}: {key} || ':' || {part})"
    return f"('{{' || array_to_string({entries}, ',') || '}}')"


def _row_text(sql: str, kind: Type) -> str | None:
    name = parameter(sql, "json")
    fields = []
    for index, (label, part) in enumerate(zip(kind.names, kind.parts, strict=True)):
        text = _part(field_at(name, index), part)
        if text is None:
            return None
        quoted = (label or "").replace("\\", "\\\\").replace('"', '\\"')
        fields.append(f"{string(f'{chr(34)}{quoted}{chr(34)}:')} || {text}")
    inner = " || ',' || ".join(fields)
    return bound(sql, name, f"CASE WHEN {name} IS NOT NULL THEN '{{' || {inner} || '}}' END")


def from_json(sql: str, target: Type) -> str | None:
    """SQL of `CAST(json AS target)`; None for a type that JSON does not turn into."""
    reader = _READERS.get(target.name)
    if reader is None or reader("x", target) is None:
        return None
    return shared(sql, lambda document: reader(document, target) or "")


def _to_varchar(sql: str, target: Type) -> str:
    text = f"tr_json_to_varchar({sql})"
    return f"left({text}, {target.sizes[0]})" if target.sizes else text


def _to_number(sql: str, target: Type) -> str:
    by = "bigint" if target.name in INTEGERS else "decimal" if target.name == "decimal" else "double"
    return f"CAST(tr_json_to_{by}({sql}, {string(str(target))}) AS {duckdb_type(target)})"


def _to_array(sql: str, target: Type) -> str | None:
    name = parameter(sql, str(target))
    part = from_json(name, target.element)
    return part and f"list_transform(tr_json_to_elements({sql}, {string(str(target))}), lambda {name}: {part})"


def _to_map(sql: str, target: Type) -> str | None:
    name = parameter(sql, str(target))
    key = from_json(f"to_json({name}.key)", target.key)
    value = from_json(f"{name}.value", target.item)
    if key is None or value is None:
        return None
    entry = f"struct_pack(key := {key}, value := {value})"
    entries = f"list_transform(tr_json_to_entries({sql}, {string(str(target))}), lambda {name}: {entry})"
    return f"map_from_entries({entries})"


def _to_row(sql: str, target: Type) -> str | None:
    name = parameter(sql, str(target))
    fields = []
    for index, (label, part) in enumerate(zip(target.names, target.parts, strict=True)):
        place = f"tr_json_field({name}, {string((label or '').lower())}, {index})"
        field = from_json(place, part)
        if field is None:
            return None
        fields.append(field)
    whole = packed(target.names, fields)
    checked = f"tr_json_to_record({sql}, {string(str(target))})"
    return bound(checked, name, f"CASE WHEN {name} IS NOT NULL THEN {whole} END")


_READERS: dict[str, Callable[[str, Type], str | None]] = {
    "json": lambda sql, _: f"CAST({sql} AS JSON)",
    "varchar": _to_varchar,
    "boolean": lambda sql, _: f"tr_json_to_boolean({sql})",
    **dict.fromkeys((*INTEGERS, "double", "real", "decimal"), _to_number),
    "array": _to_array,
    "map": _to_map,
    "row": _to_row,
}
