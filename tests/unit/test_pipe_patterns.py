"""Patterns of pipes: each comparison as documented, and what is no pattern is refused before a record is lost by it."""

from typing import Any

import pytest

from infra.local.pipes.patterns import PatternError, check, matches

pytestmark = pytest.mark.unit

EVENT: dict[str, Any] = {
    "eventName": "MODIFY",
    "dynamodb": {"Keys": {"id": {"S": "Ab-1"}}, "NewImage": {"tags": {"L": [{"S": "x"}, {"S": "y"}]}, "gone": None}},
    "sizes": [3, 12.5],
    "parts": [{"kind": "a", "count": 1}, {"kind": "b", "count": 2}],
    "empty": [],
    "text": "",
}


def field(path: str, *wanted: Any) -> dict[str, Any]:
    pattern: Any = list(wanted)
    for name in reversed(path.split(".")):
        pattern = {name: pattern}
    return dict(pattern)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        (field("eventName", "INSERT", "MODIFY"), True),
        (field("eventName", "INSERT"), False),
        (field("absent", "x"), False),
        (field("dynamodb.Keys.id.S", {"prefix": "Ab"}), True),
        (field("dynamodb.Keys.id.S", {"prefix": "ab"}), False),
        (field("dynamodb.Keys.id.S", {"prefix": {"equals-ignore-case": "aB"}}), True),
        (field("dynamodb.Keys.id.S", {"suffix": "-1"}), True),
        (field("dynamodb.Keys.id.S", {"suffix": {"equals-ignore-case": "B-1"}}), True),
        (field("dynamodb.Keys.id.S", {"equals-ignore-case": "AB-1"}), True),
        (field("eventName", {"anything-but": "INSERT"}), True),
        (field("eventName", {"anything-but": ["INSERT", "MODIFY"]}), False),
        (field("absent", {"anything-but": "INSERT"}), False),
        (field("sizes", {"anything-but": 3}), True),  # one of them is another
        (field("sizes", {"numeric": [">", 12, "<=", 12.5]}), True),
        (field("sizes", {"numeric": [">", 12.5]}), False),
        (field("sizes", {"numeric": ["=", 3]}), True),
        (field("eventName", {"numeric": [">", 0]}), False),
        (field("sizes", 3.0), False),
        (field("absent", {"exists": False}), True),
        (field("empty", {"exists": False}), True),
        (field("dynamodb.Keys", {"exists": True}), False),  # no leaf
        (field("eventName", {"exists": True}), True),
        (field("dynamodb.OldImage.id.S", {"exists": False}), True),
        (field("dynamodb.NewImage.gone", None), True),
        (field("eventName", None), False),
        (field("text", ""), True),
        (field("dynamodb.NewImage.tags.L.S", "y"), True),
        ({"parts": {"kind": ["a"], "count": [1]}}, True),
        ({"parts": {"kind": ["a"], "count": [2]}}, False),  # not of the same object
        ({"$or": [field("eventName", "INSERT"), field("sizes", 3)]}, True),
        ({"$or": [field("eventName", "INSERT"), field("sizes", 4)]}, False),
        ({"$or": [field("sizes", 3), field("sizes", 4)], "eventName": ["INSERT"]}, False),
        ({"dynamodb": {"$or": [field("Keys.id.N", "1"), field("Keys.id.S", "Ab-1")]}}, True),
    ],
)
def test_an_event_matches_as_documented(pattern: dict[str, Any], expected: bool) -> None:
    check(pattern)
    assert matches(EVENT, pattern) is expected


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ([], "pattern must be an object"),
        ({"a": "INSERT"}, "a must be an object or an array"),
        ({"a": {"b": []}}, "a.b must not be empty"),
        ({"a": [["b"]]}, "no arrays"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "one member"),
        ({"a": [{"wildcard": "x*"}]}, "wildcard is not supported by pipes"),
        ({"a": [{"cidr": "10.0.0.0/8"}]}, "cidr is not supported by pipes"),
        ({"a": [{"like": "x"}]}, "like is unknown"),
        ({"a": [{"prefix": 1}]}, "prefix cannot be 1"),
        ({"a": [{"anything-but": {"prefix": "x"}}]}, "anything-but cannot be"),
        ({"a": [{"anything-but": ["x", 1]}]}, "anything-but cannot be"),
        ({"a": [{"numeric": [">", "1"]}]}, "numeric cannot be"),
        ({"a": [{"numeric": [">", 1, "<"]}]}, "numeric cannot be"),
        ({"a": [{"exists": "no"}]}, "exists cannot be"),
        ({"$or": [{"a": ["x"]}]}, "at least two"),
        ({"$or": {"a": ["x"]}}, "at least two"),
    ],
)
def test_what_is_no_pattern_of_a_pipe_is_refused(pattern: Any, reason: str) -> None:
    with pytest.raises(PatternError, match=reason):
        check(pattern)
