"""Functions and aggregates of maps; lambdas are in `lambdas`, the macros in `macros/maps.sql`.

An entry on its way into a map is a struct of `key` and `value`; a row of Athena's has its fields by place.

Source: https://trino.io/docs/current/functions/map.html
"""

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import BIGINT, UNKNOWN, Type, array, duckdb_type, map_of, row
from infra.local.athena.sql.functions import aggregate, define, rule
from infra.local.athena.sql.rules.lambdas import with_condition
from infra.local.athena.sql.structure import field_at, packed, parameter
from infra.local.athena.sql.value import Value

define("map() -> map(unknown, unknown)", "CAST(map() AS MAP(INTEGER, INTEGER))")
define("map(array(K), array(V)) -> map(K, V)", "tr_map({0}, {1})")
define("cardinality(map(K, V)) -> bigint", "CAST(cardinality({0}) AS BIGINT)")
define("element_at(map(K, V), K) -> V", "tr_map_element_at({0}, {1})")
define("map_keys(map(K, V)) -> array(K)", "map_keys({0})")
define("map_values(map(K, V)) -> array(V)", "map_values({0})")
define(
    "split_to_map(varchar, varchar, varchar) -> map(varchar, varchar)", "tr_split_map(tr_split_pairs({0}, {1}, {2}))"
)
define("split_to_multimap(varchar, varchar, varchar) -> map(varchar, array(varchar))",
       "tr_multimap_of(tr_split_pairs({0}, {1}, {2}))")  # fmt: skip


@define("map_concat(map(K, V), map(K, V), map(K, V)...) -> map(K, V)")
def map_concat(call: Call, first: str, *others: str) -> str:
    sql = first
    for other in others:
        sql = f"tr_map_concat({sql}, {other})"
    return sql


@define("map_entries(map(K, V)) -> array(row(K, V))")
def map_entries(call: Call, entries: str) -> str:
    kind = call.value(0).type
    call.result = array(row(kind.parts))
    name = parameter(entries)
    fields = packed((None, None), [f"{name}.key", f"{name}.value"])
    return f"list_transform(map_entries({entries}), lambda {name}: {fields})"


def _entries(call: Call) -> tuple[str, Type, Type]:
    """The argument, an array of rows of two fields, as entries; the types of key and value."""
    value = call.value(0)
    kind = value.type.element
    if UNKNOWN in (value.type, kind):
        return "[]", UNKNOWN, UNKNOWN
    if value.type.name != "array" or kind.name != "row" or len(kind.parts) != 2:
        message = (
            f"Unexpected parameters ({value.type}) for function {call.name}. Expected: {call.name}(array(row(K, V)))"
        )
        raise call.fault("FUNCTION_NOT_FOUND", message)
    name = parameter(value.sql)
    entry = f"struct_pack(key := {field_at(name, 0)}, value := {field_at(name, 1)})"
    checked = f"tr_require({value.sql}, NOT tr_has_null({value.sql}), 'map entry cannot be null')"
    return f"list_transform({checked}, lambda {name}: {entry})", *kind.parts


@rule("map_from_entries", 1, 1)
def map_from_entries(call: Call) -> Value:
    entries, key, value = _entries(call)
    return Value(f"tr_map_of({entries})", map_of(key, value))


@rule("multimap_from_entries", 1, 1)
def multimap_from_entries(call: Call) -> Value:
    entries, key, value = _entries(call)
    return Value(f"tr_multimap_of({entries})", map_of(key, array(value)))


def _gathered(call: Call, key: str, value: str) -> str:
    """The entries of a group with a key, in the order of its rows."""
    tail = with_condition(call.tail, f"{key} IS NOT NULL")
    return f"list({call.distinct}struct_pack(key := {key}, value := {value}){call.order}){tail}"


@aggregate("map_agg(K, V) -> map(K, V)")
def map_agg(call: Call, key: str, value: str) -> str:
    return f"tr_map_first({_gathered(call, key, value)})"


@aggregate("multimap_agg(K, V) -> map(K, array(V))")
def multimap_agg(call: Call, key: str, value: str) -> str:
    return f"tr_multimap_of({_gathered(call, key, value)})"


aggregate("map_union(map(K, V)) -> map(K, V)", "tr_map_first(flatten(list({distinct}map_entries({0}){order}){tail}))")


@aggregate("histogram(K) -> map(K, bigint)")
def histogram(call: Call, value: str) -> str:
    kind = map_of(call.value(0).type, BIGINT)
    return f"CAST(histogram({call.distinct}{value}){call.tail} AS {duckdb_type(kind)})"
