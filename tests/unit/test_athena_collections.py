import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local.athena.contract import QueryError, Relation
from infra.local.athena.sql import translate
from infra.local.athena.sql.jsonpath.evaluation import evaluate
from infra.local.athena.sql.jsonpath.items import PathError
from infra.local.athena.sql.jsonpath.parser import parse
from infra.local.athena.sql.jsonpath.tree import PathSyntaxError
from infra.local.athena.sql.macros import install_functions, prepare
from infra.local.athena.sql.patternreader import PatternError
from infra.local.athena.sql.patterns import translate as translate_pattern
from infra.local.athena.sql.runtime import runtime_error

pytestmark = pytest.mark.unit

arrays = st.lists(st.one_of(st.none(), st.integers(0, 4)), max_size=6)
examples = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class NoTables:
    def relation(self, database: str, name: str) -> Relation:
        raise QueryError("TABLE_NOT_FOUND", f"Table '{name}' does not exist")


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        prepare(opened)
        yield opened


def answer(connection: duckdb.DuckDBPyConnection, expressions: str) -> tuple[Any, ...]:
    found = translate(f"SELECT {expressions}", catalog=NoTables(), database="")
    install_functions(connection, found.sql)
    try:
        (row,) = connection.execute(found.sql).fetchall()
    except duckdb.Error as error:
        raise runtime_error(error) from error
    return row


def written(elements: list[int | None]) -> str:
    """An array in SQL, of integers even where it is empty."""
    inner = ", ".join("NULL" if e is None else str(e) for e in elements)
    return f"CAST(ARRAY[{inner}] AS array(integer))"


def distinct(elements: list[Any]) -> list[Any]:
    return [e for i, e in enumerate(elements) if e not in elements[:i]]


def overlap(a: list[Any], b: list[Any]) -> bool | None:
    if not a or not b:
        return False
    if any(e is not None and e in b for e in a):
        return True
    return None if None in a or None in b else False


def equal(a: list[Any], b: list[Any]) -> bool | None:
    if len(a) != len(b):
        return False
    outcomes = [None if x is None or y is None else x == y for x, y in zip(a, b, strict=True)]
    return False if False in outcomes else None if None in outcomes else True


@examples
@given(arrays, arrays)
def test_sets_of_elements_agree_with_lists(
    connection: duckdb.DuckDBPyConnection, a: list[int | None], b: list[int | None]
) -> None:
    x, y = written(a), written(b)
    longer, shorter = (b, a) if len(a) < len(b) else (a, b)
    found = answer(
        connection,
        f"array_distinct({x}), array_union({x}, {y}), array_except({x}, {y}), array_intersect({x}, {y}), "
        f"arrays_overlap({x}, {y}), {x} || {y}, {x} = {y}, contains_sequence({x}, {y})",
    )
    assert found == (
        distinct(a),
        distinct(a + b),
        [e for e in distinct(a) if e not in b] if b else a,
        [e for e in distinct(longer) if e in shorter],
        overlap(a, b),
        a + b,
        equal(a, b),
        any(a[i : i + len(b)] == b for i in range(len(a) - len(b) + 1)),
    )


@examples
@given(arrays, st.integers(-7, 7), st.integers(0, 7))
def test_parts_of_an_array_agree_with_slices(
    connection: duckdb.DuckDBPyConnection, a: list[int | None], start: int, size: int
) -> None:
    if start == 0:
        with pytest.raises(QueryError, match="SQL array indices start at 1"):
            answer(connection, f"slice({written([*a, 1])}, 0, 1)")
        return
    first = start - 1 if start > 0 else len(a) + start
    expected = a[first : first + size] if first >= 0 else []
    element = a[first] if 0 <= first < len(a) else None
    count = max(start, 1)
    ngrams = [a[i : i + count] for i in range(max(len(a) - count + 1, 1))]
    x = written(a)
    assert answer(connection, f"slice({x}, {start}, {size}), element_at({x}, {start}), ngrams({x}, {count})") == (
        expected,
        element,
        ngrams,
    )


@examples
@given(arrays, st.integers(0, 4))
def test_elements_are_found_sorted_and_compared_as_in_lists(
    connection: duckdb.DuckDBPyConnection, a: list[int | None], wanted: int
) -> None:
    known = sorted(e for e in a if e is not None)
    nulls = [None] * (len(a) - len(known))
    x = written(a)
    found = answer(
        connection,
        f"array_position({x}, {wanted}), array_remove({x}, {wanted}), contains({x}, {wanted}), array_max({x}), "
        f"array_sort({x}), array_sort({x}, (l, r) -> CASE WHEN l IS NULL THEN 1 WHEN r IS NULL THEN -1 "
        f"WHEN l > r THEN -1 WHEN l < r THEN 1 ELSE 0 END), any_match({x}, e -> e > {wanted}), "
        f"all_match({x}, e -> e > {wanted}), reduce({x}, 0, (s, e) -> s + coalesce(e, 0), s -> s)",
    )
    assert found == (
        a.index(wanted) + 1 if wanted in a else 0,
        [e for e in a if e != wanted],
        True if wanted in a else None if nulls else False,
        None if nulls or not a else max(known),
        known + nulls,
        known[::-1] + nulls,
        True if any(e > wanted for e in known) else None if nulls else False,
        False if any(e <= wanted for e in known) else None if nulls else True,
        sum(known),
    )


@examples
@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-9, 9))
def test_sequences_agree_with_ranges(connection: duckdb.DuckDBPyConnection, first: int, final: int, step: int) -> None:
    if step == 0 or (final > first and step < 0) or (final < first and step > 0):
        with pytest.raises(QueryError, match="INVALID_FUNCTION_ARGUMENT"):
            answer(connection, f"sequence({first}, {final}, {step})")
        return
    expected = list(range(first, final + (1 if step > 0 else -1), step))
    assert answer(connection, f"sequence({first}, {final}, {step})") == (expected,)


pieces = st.sampled_from(
    ["a", "b", "[ab]", "(a)", "(b)?", "a*", "b+", "(a|b)", ".", "(?:ab)?", r"\w", "b{2}", "^", "$"]
)
patterns = st.lists(pieces, min_size=1, max_size=4).map("".join)


@examples
@given(patterns, st.text("abc", max_size=6))
def test_both_regular_expressions_answer_alike(connection: duckdb.DuckDBPyConnection, pattern: str, text: str) -> None:
    """The same call with a literal pattern, which RE2 may match, and with one that Python matches."""
    literal, computed = f"'{pattern}'", f"('{pattern}' || '')"
    calls = ("regexp_like({0}, {1})", "regexp_extract({0}, {1})", "regexp_extract_all({0}, {1})",
             "regexp_replace({0}, {1}, '<$0>')", "regexp_split({0}, {1})", "regexp_count({0}, {1})")  # fmt: skip
    groups = translate_pattern(pattern).groups
    calls += tuple(f"regexp_extract({{0}}, {{1}}, {g})" for g in range(1, groups + 1))
    by_literal = answer(connection, ", ".join(c.format(f"'{text}'", literal) for c in calls))
    by_python = answer(connection, ", ".join(c.format(f"'{text}'", computed) for c in calls))
    assert by_literal == by_python


@pytest.mark.parametrize(
    ("pattern", "re2", "python"),
    [
        (r"\d+", r"\d+", "[0-9]+"),
        ("(?<year>a)", "(?P<year>a)", "(?P<year>a)"),
        (r"(?<x>a)\k<x>", None, "(?P<x>a)(?P=x)"),
        ("a(?=b)", None, "a(?=b)"),
        ("a++", None, "a++"),
        (r"\p{L}+", r"\p{L}+", None),
        (r"\Qa.b\E", r"a\.b", r"a\.b"),
        ("a{1001}", None, "a{1001}"),
        (r"\u00e9", "é", "é"),
    ],
)
def test_a_pattern_is_translated(pattern: str, re2: str | None, python: str | None) -> None:
    found = translate_pattern(pattern)
    assert (found.re2, found.python) == (re2, python)


@pytest.mark.parametrize("pattern", ["(", "[a", "a[b&&c]", "[a[b]]", r"\G", "(?u)a", r"\p{L}(?=a)", "*", "a\\"])
def test_a_pattern_that_cannot_be_matched_rightly_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        translate_pattern(pattern)


PEOPLE = json.loads(
    '[{"customer": 100, "region": "AFRICA"}, {"region": "ASIA"},'
    ' {"customer": 300, "region": "AFRICA", "comment": null}]'
)
MIXED = json.loads('[[0, 1, 2], ["a", "b", "c", "d"], [null, null]]')


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        (PEOPLE, "lax $.customer", [100, 300]),
        (PEOPLE, "lax $.*", [100, "AFRICA", "ASIA", 300, "AFRICA", None]),
        (PEOPLE, "lax $..region", ["AFRICA", "ASIA", "AFRICA"]),
        (PEOPLE, 'lax $?(@.region != "ASIA").customer', [100, 300]),
        (PEOPLE, "lax $?(!exists(@.customer)).region", ["ASIA"]),
        (PEOPLE, 'lax $?(@.region starts with "AF" && @.customer > 100).customer', [300]),
        (PEOPLE, "strict $[*]?((@.customer > 1) is unknown).region", ["ASIA"]),
        (PEOPLE, "lax $?(@.comment == null).customer", [300]),
        (PEOPLE, "lax $.keyvalue().name", ["customer", "region", "region", "customer", "region", "comment"]),
        (PEOPLE, "lax $[last].customer + 1", [301]),
        (PEOPLE, "lax $[0].customer / 7", [14]),
        (PEOPLE, "lax $?(@.customer == $wanted).region", ["AFRICA"]),
        (MIXED, "lax $[*][last]", [2, "d", None]),
        (MIXED, "lax $[*][2 to 3]", [2, "c", "d"]),
        (MIXED, "lax $[*][1, 0, 0]", [1, 0, 0, "b", "a", "a", None, None, None]),
        (MIXED, "lax $[*].size()", [3, 4, 2]),
        (MIXED, "strict $.size()", [3]),
        ([-1.5, -1, 1.3], "lax $.ceiling()", [-1.0, -1, 2.0]),
        ([-1.5, -1, 1.3], "lax $.floor()", [-2.0, -1, 1.0]),
        ([-1.5, -1, 1.3], "lax $.abs()", [1.5, 1, 1.3]),
        ([-1, 23e4, "5.6"], "lax $.double()", [-1.0, 230000.0, 5.6]),
        ([1, "a", None, True, {}, []], "lax $[*].type()", ["number", "string", "null", "boolean", "object", "array"]),
        ([1, "a", {"key": 1}], "lax $[*]", [1, "a", {"key": 1}]),
        ({"a b": 1}, 'lax $."a b"', [1]),
    ],
)
def test_a_path_finds_its_items(document: Any, path: str, expected: list[Any]) -> None:
    found = evaluate(parse(path), document, {"wanted": 300})
    assert [(type(i), i) for i in found] == [(type(i), i) for i in expected]


@pytest.mark.parametrize("path", ["strict $.customer", "strict $[3]", "strict $[1 to 0]", "lax $.region.floor()",
                                  "lax $[0].customer / 0", "strict $[1].customer", "lax $absent"])  # fmt: skip
def test_a_path_fails(path: str) -> None:
    with pytest.raises(PathError):
        evaluate(parse(path), PEOPLE, {})


@pytest.mark.parametrize("path", ["$.a", "lax $.a b", "lax $[", "lax $?(@.a)", "lax $.datetime()", "lax", "lax $.a ==",
                                  f"lax {'(' * 5000}$"])  # fmt: skip
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(PathSyntaxError):
        parse(path)


@pytest.mark.parametrize(
    "sql",
    [
        "array_sort(ARRAY[1], (x, y) -> 1)",
        "array_sort(ARRAY[1], (x, y) -> IF(x < 2, 1, -1))",
        "array_sort(ARRAY[1], (x, y) -> IF(x < y, 1, 0))",
        "array_sort(ARRAY[ROW(1, 2)], (x, y) -> IF(x[1] < y[2], 1, -1))",
        "array_sort(ARRAY[1], (x, y) -> IF(x < y, 2, -2))",
    ],
)
def test_a_comparator_that_is_no_order_is_refused(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(QueryError, match="NOT_SUPPORTED"):
        answer(connection, sql)
