"""Event patterns as pipes have them: which are patterns, and which events they match. Pure.

A pipe knows fewer comparisons than a rule: neither `wildcard` nor `anything-but` of anything but values.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_FOLDED = "equals-ignore-case"
_OF_RULES = ("wildcard", "cidr")


class PatternError(ValueError):
    """It is no pattern of a pipe; the text says what of it."""


# --- which are patterns


def check(pattern: Any, place: str = "") -> None:
    """Refuse what is no pattern.

    Example:
        >>> check({"eventName": ["INSERT", {"prefix": "M"}]})

    Raises:
        PatternError: It is none, or has comparisons that pipes do not know.
    """
    if not isinstance(pattern, dict):
        raise PatternError(f"{place or 'pattern'} must be an object or an array")
    for name, wanted in pattern.items():
        where = f"{place}.{name}".lstrip(".")
        if name == "$or":
            if not isinstance(wanted, list) or len(wanted) < 2 or not all(isinstance(one, dict) for one in wanted):
                raise PatternError(f"{where} must be an array of at least two patterns")
            for one in wanted:
                check(one, where)
        elif isinstance(wanted, list):
            if not wanted:
                raise PatternError(f"{where} must not be empty")
            for one in wanted:
                _check_one(one, where)
        else:
            check(wanted, where)


def _check_one(wanted: Any, where: str) -> None:
    if isinstance(wanted, list):
        raise PatternError(f"{where} must hold values and comparisons, no arrays")
    if not isinstance(wanted, dict):
        return
    if len(wanted) != 1:
        raise PatternError(f"{where}: a comparison has one member")
    ((kind, given),) = wanted.items()
    if kind not in _CHECKS:
        known = "not supported by pipes" if kind in _OF_RULES else "unknown"
        raise PatternError(f"{where}: comparison {kind} is {known}; {', '.join(_CHECKS)} are")
    if not _CHECKS[kind](given):
        raise PatternError(f"{where}: {kind} cannot be {given!r} in a pipe")


def _is_text(given: Any) -> bool:
    return isinstance(given, str)


def _is_text_or_folded(given: Any) -> bool:
    return isinstance(given, str) or (isinstance(given, dict) and list(given) == [_FOLDED] and _is_text(given[_FOLDED]))


def _are_values(given: Any) -> bool:
    values = given if isinstance(given, list) else [given]
    return bool(values) and (all(map(_is_text, values)) or all(map(_is_number, values)))


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def _is_range(given: Any) -> bool:
    if not isinstance(given, list) or len(given) not in (2, 4):
        return False
    return all(order in _ORDERS for order in given[::2]) and all(map(_is_number, given[1::2]))


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "prefix": _is_text_or_folded,
    "suffix": _is_text_or_folded,
    _FOLDED: _is_text,
    "anything-but": _are_values,
    "numeric": _is_range,
    "exists": lambda given: isinstance(given, bool),
}


# --- which events they match


def matches(event: Any, pattern: dict[str, Any]) -> bool:
    """Whether an event matches a pattern that `check` has let pass: all its fields, and one pattern of each `$or`.

    Example:
        >>> matches({"a": {"b": [1, 2]}}, {"a": {"b": [2, 3]}}), matches({}, {"a": [{"exists": False}]})
        (True, True)
    """
    held = event if isinstance(event, dict) else {}
    return all(
        any(matches(held, one) for one in wanted) if name == "$or" else _matches_field(held.get(name, ...), wanted)
        for name, wanted in pattern.items()
    )


def _matches_field(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):  # all of it within one and the same object of an array
        return any(matches(one, wanted) for one in _elements(value) if isinstance(one, dict)) or (
            not any(isinstance(one, dict) for one in _elements(value)) and matches({}, wanted)
        )
    leaves = [one for one in _elements(value) if not isinstance(one, dict)]
    return any(_has(leaves, one) for one in wanted)


def _has(leaves: list[Any], wanted: Any) -> bool:
    if isinstance(wanted, dict) and "exists" in wanted:
        return bool(leaves) is wanted["exists"]
    return any(_is(leaf, wanted) for leaf in leaves)


def _is(leaf: Any, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return type(leaf) is type(wanted) and bool(leaf == wanted)  # 1 is neither 1.0 nor true
    ((kind, given),) = wanted.items()
    if kind == "anything-but":
        return not any(_is(leaf, one) for one in (given if isinstance(given, list) else [given]))
    if kind == "numeric":
        pairs = zip(given[::2], given[1::2], strict=True)
        return _is_number(leaf) and all(_ORDERS[order](leaf, bound) for order, bound in pairs)
    return isinstance(leaf, str) and _is_like(leaf, kind, given)


def _is_like(text: str, kind: str, given: Any) -> bool:
    if isinstance(given, dict):
        text, given = text.casefold(), given[_FOLDED].casefold()
    if kind == "prefix":
        return text.startswith(given)
    if kind == "suffix":
        return text.endswith(given)
    return text.casefold() == given.casefold()


def _elements(value: Any) -> Iterator[Any]:
    """A value, or those of an array, however deep; nothing for one that is not there."""
    if isinstance(value, list):
        for one in value:
            yield from _elements(one)
    elif value is not ...:
        yield value
