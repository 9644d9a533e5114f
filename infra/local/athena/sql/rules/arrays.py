"""Functions of arrays; subscripts are in `subscripts`, lambdas in `lambdas`, the macros in `macros/arrays.sql`.

Source: https://trino.io/docs/current/functions/array.html
"""

from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import UNKNOWN, VARCHAR, array, row
from infra.local.athena.sql.functions import aggregate, define, rule
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.rules.casts import cast_or_none
from infra.local.athena.sql.rules.supertypes import single_type
from infra.local.athena.sql.structure import bound, packed, parameter
from infra.local.athena.sql.value import Value, cast_sql

COMBINED_ELEMENTS = 5

define("cardinality(array(E)) -> bigint", "CAST(len({0}) AS BIGINT)")
define("element_at(array(E), bigint) -> E", "tr_element_at({0}, {1})")
define("slice(array(E), bigint, bigint) -> array(E)", "tr_slice({0}, {1}, {2})")
define("trim_array(array(E), bigint) -> array(E)", "tr_trim_array({0}, {1})")
define("repeat(E, bigint) -> array(E)", "tr_repeat({0}, {1})")
define("reverse(array(E)) -> array(E)", "list_reverse({0})")
define("shuffle(array(E)) -> array(E)", "tr_shuffle({0})")
define("flatten(array(array(E))) -> array(E)", "flatten({0})")
define("array_distinct(array(E)) -> array(E)", "tr_array_distinct({0})")
define("array_union(array(E), array(E)) -> array(E)", "tr_array_union({0}, {1})")
define("array_except(array(E), array(E)) -> array(E)", "tr_array_except({0}, {1})")
define("array_intersect(array(E), array(E)) -> array(E)", "tr_array_intersect({0}, {1})")
define("array_max(array(E)) -> E", "tr_array_max({0})")
define("array_min(array(E)) -> E", "tr_array_min({0})")
define("array_position(array(E), E) -> bigint", "tr_array_position({0}, {1})")
define("array_remove(array(E), E) -> array(E)", "tr_array_remove({0}, {1})")
define("arrays_overlap(array(E), array(E)) -> boolean", "tr_arrays_overlap({0}, {1})")
define("contains(array(E), E) -> boolean", "tr_contains({0}, {1})")
define("contains_sequence(array(E), array(E)) -> boolean", "tr_contains_sequence({0}, {1})")
define("ngrams(array(E), bigint) -> array(array(E))", "tr_ngrams({0}, {1})")
define("concat(array(E), E) -> array(E)", "tr_array_append({0}, {1})")
define("concat(E, array(E)) -> array(E)", "tr_array_prepend({0}, {1})")

define("sequence(bigint, bigint) -> array(bigint)",
       "tr_sequence_bigint({0}, {1}, CASE WHEN {1} >= {0} THEN 1 ELSE -1 END)")  # fmt: skip
define("sequence(bigint, bigint, bigint) -> array(bigint)", "tr_sequence_bigint({0}, {1}, {2})")
define("sequence(date, date) -> array(date)", "tr_sequence_date({0}, {1}, tr_day_towards({0}, {1}))")
for _interval in ("interval day to second", "interval year to month"):
    define(f"sequence(date, date, {_interval}) -> array(date)", "tr_sequence_date({0}, {1}, {2})")
    define(
        f"sequence(timestamp, timestamp, {_interval}) -> array(timestamp(3))", "tr_sequence_timestamp({0}, {1}, {2})"
    )

aggregate("array_agg(E) -> array(E)", "list({distinct}{0}{order}){tail}")


@translates(nodes.ArrayItems)
def array_items(analyzer: Analyzer, node: nodes.ArrayItems) -> Value:
    """`ARRAY[a, b]`: its elements have one type."""
    items = [analyzer.value(item) for item in node.items]
    kind = single_type(items, node.items, "All ARRAY elements") if items else UNKNOWN
    elements = ", ".join(cast_sql(item, kind) for item in items)
    return Value(f"list_value({elements})" if items else "CAST([] AS INTEGER[])", array(kind))


@define("concat(array(E), array(E)...) -> array(E)")
def concat(call: Call, first: str, *others: str) -> str:
    sql = first
    for other in others:
        sql = f"tr_array_concat({sql}, {other})"
    return sql


def _texts(call: Call) -> str:
    """The first argument with its elements as varchar."""
    elements = call.value(0)
    texts = cast_or_none(elements, array(VARCHAR))
    if texts is None or elements.type.element.parts:
        raise call.fault("INVALID_FUNCTION_ARGUMENT", f"Input type {elements.type} not supported")
    return texts


@define("array_join(array(E), varchar) -> varchar")
def array_join(call: Call, elements: str, delimiter: str) -> str:
    return f"tr_array_join({_texts(call)}, {delimiter})"


@define("array_join(array(E), varchar, varchar) -> varchar")
def array_join_null(call: Call, elements: str, delimiter: str, replacement: str) -> str:
    return f"tr_array_join_null({_texts(call)}, {delimiter}, {replacement})"


@define("combinations(array(E), bigint) -> array(array(E))")
def combinations(call: Call, elements: str, size: str) -> str:
    """The places of the elements run from the last one outwards, as Athena's do: {1, 2}, {1, 3}, {2, 3}."""
    count = call.constant(1)
    if not isinstance(count, int):
        raise call.fault("NOT_SUPPORTED", "combinations needs a literal for its second argument")
    if not 0 <= count <= COMBINED_ELEMENTS:
        raise call.fault("INVALID_FUNCTION_ARGUMENT", f"combination size must not exceed {COMBINED_ELEMENTS}: {count}")
    name = parameter(elements)
    places = [f"{name}_{i}" for i in range(count)]
    body = f"[list_value({', '.join(f'{name}[{p}]' for p in places)})]" if count else f"[list_slice({name}, 1, 0)]"
    for i, place in enumerate(places):
        end = places[i + 1] if i + 1 < count else f"len({name}) + 1"
        body = f"flatten(list_transform(range({i + 1}, {end}), lambda {place}: {body}))"
    return bound(elements, name, f"CASE WHEN {name} IS NOT NULL THEN {body} END")


@rule("zip", 2, 5)
def zip_arrays(call: Call) -> Value:
    values = call.values
    if any(v.type.name not in ("array", "unknown") for v in values):
        message = f"Unexpected parameters ({', '.join(call.type_texts())}) for function zip"
        raise call.fault("FUNCTION_NOT_FOUND", f"{message}. Expected: zip(array(T), array(U))")
    kind = row([UNKNOWN if v.type == UNKNOWN else v.type.element for v in values])
    name = parameter(*(v.sql for v in values))
    whole = packed(kind.names, [f"{name}[{i + 1}]" for i in range(len(values))])
    missing = " OR ".join(f"{v.sql} IS NULL" for v in values)
    zipped = f"list_transform(list_zip({', '.join(v.sql for v in values)}), lambda {name}: {whole})"
    return Value(f"CASE WHEN {missing} THEN NULL ELSE {zipped} END", array(kind))
