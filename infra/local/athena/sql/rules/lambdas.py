"""Functions that take a lambda. DuckDB's macros take none, so each lambda is put in its place here.

Source: https://trino.io/docs/current/functions/lambda.html
"""

import re
from collections.abc import Sequence

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.coercion import common_type
from infra.local.athena.sql.datatype import Type
from infra.local.athena.sql.functions import define, rule
from infra.local.athena.sql.structure import bound, parameter
from infra.local.athena.sql.value import Function, Value, cast_sql

define("transform(array(T), function(T, U)) -> array(U)", "list_transform({0}, {1})")
define("filter(array(T), function(T, boolean)) -> array(T)", "list_filter({0}, {1})")
define("any_match(array(T), function(T, boolean)) -> boolean", "tr_any_match(list_transform({0}, {1}))")
define("all_match(array(T), function(T, boolean)) -> boolean", "tr_all_match(list_transform({0}, {1}))")
define("none_match(array(T), function(T, boolean)) -> boolean", "(NOT tr_any_match(list_transform({0}, {1})))")

_WIDENINGS = 4


def body_of(function: Function, *arguments: str) -> str:
    """A lambda's body with expressions in place of its parameters; texts and quoted names in it stay as they are."""
    texts = dict(zip(function.parameters, arguments, strict=True))
    names = "|".join(re.escape(name) for name in sorted(texts, key=len, reverse=True))
    pattern = rf"(?<![\w\".])(?:{names})(?![\w\"])|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
    return re.sub(pattern, lambda found: texts.get(found[0], found[0]), function.body.sql)


@define("zip_with(array(T), array(U), function(T, U, R)) -> array(R)")
def zip_with(call: Call, first: str, second: str, _: str) -> str:
    types = call.value(0).type.element, call.value(1).type.element
    function = call.function(2, *types)
    name = parameter(first, second, function.sql)
    body = body_of(function, f"{name}[1]", f"{name}[2]")
    zipped = f"list_transform(list_zip({first}, {second}), lambda {name}: {body})"
    return f"CASE WHEN {first} IS NOT NULL AND {second} IS NOT NULL THEN {zipped} END"


def _over_entries(call: Call) -> tuple[str, str]:
    """A name for an entry of the map that is the first argument, and the body of the lambda that is the second."""
    function = call.function(1, *call.value(0).type.parts)
    name = parameter(call.value(0).sql, function.sql)
    return name, body_of(function, f"{name}.key", f"{name}.value")


@define("map_filter(map(K, V), function(K, V, boolean)) -> map(K, V)")
def map_filter(call: Call, entries: str, _: str) -> str:
    name, body = _over_entries(call)
    return f"map_from_entries(list_filter(map_entries({entries}), lambda {name}: {body}))"


@define("transform_keys(map(K, V), function(K, V, L)) -> map(L, V)")
def transform_keys(call: Call, entries: str, _: str) -> str:
    name, body = _over_entries(call)
    entry = f"struct_pack(key := {body}, value := {name}.value)"
    return f"tr_map_of(list_transform(map_entries({entries}), lambda {name}: {entry}))"


@define("transform_values(map(K, V), function(K, V, W)) -> map(K, W)")
def transform_values(call: Call, entries: str, _: str) -> str:
    name, body = _over_entries(call)
    entry = f"struct_pack(key := {name}.key, value := {body})"
    return f"map_from_entries(list_transform(map_entries({entries}), lambda {name}: {entry}))"


@define("map_zip_with(map(K, V), map(K, W), function(K, V, W, R)) -> map(K, R)")
def map_zip_with(call: Call, first: str, second: str, _: str) -> str:
    (key, value), other = call.value(0).type.parts, call.value(1).type.item
    function = call.function(2, key, value, other)
    name = parameter(first, second, function.sql)
    items = f"tr_map_element_at({first}, {name})", f"tr_map_element_at({second}, {name})"
    body = body_of(function, name, *items)
    keys = f"tr_array_union(map_keys({first}), map_keys({second}))"
    return f"map_from_entries(list_transform({keys}, lambda {name}: struct_pack(key := {name}, value := {body})))"


def _fold(call: Call, index: int, state: Value, types: Sequence[Type]) -> tuple[Function, Type]:
    """A lambda that takes a state first and gives the next one, and the type that holds both."""
    kind = state.type
    for _ in range(_WIDENINGS):
        function = call.function(index, kind, *types)
        common = common_type(kind, function.body.type)
        if common is None:
            message = f"Unexpected type of a state: {function.body.type}; expected: {kind}"
            raise call.fault("TYPE_MISMATCH", message, call.arguments[index])
        if common == kind:
            break
        kind = common
    return function, kind


def _reduced(elements: str, state: Value, function: Function, kind: Type) -> str:
    step = Function(function.parameters, Value(cast_sql(function.body, kind), kind))
    return f"list_reduce({elements}, {step.sql}, {cast_sql(state, kind)})"


@rule("reduce", 4, 4)
def reduce(call: Call) -> Value:
    elements, state = call.value(0), call.value(1)
    if elements.type.name not in ("array", "unknown", ""):
        message = f"Unexpected parameters ({', '.join(call.type_texts())}) for function reduce"
        raise call.fault("FUNCTION_NOT_FOUND", message)
    function, kind = _fold(call, 2, state, [elements.type.element])
    last = call.function(3, kind)
    folded = _reduced(elements.sql, state, function, kind)
    return Value(bound(folded, last.parameters[0], last.body.sql), last.body.type)


@rule("reduce_agg", 4, 4, kind="aggregate")
def reduce_agg(call: Call) -> Value:
    value, state = call.value(0), call.value(1)
    function, kind = _fold(call, 2, state, [value.type])
    call.function(3, kind, kind)
    gathered = f"list({call.distinct}{value.sql}{call.order}){with_condition(call.tail, f'{value.sql} IS NOT NULL')}"
    return Value(_reduced(gathered, state, function, kind), kind)


def with_condition(tail: str, condition: str) -> str:
    """What follows an aggregate's parentheses with one more condition in its FILTER."""
    head, mark, rest = tail.partition("FILTER (WHERE ")
    return f"{head}{mark}{condition} AND {rest}" if mark else f" FILTER (WHERE {condition}){tail}"
