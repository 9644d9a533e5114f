"""Evaluates a JSON path on a document: the items that it finds, in order.

It raises PathError where the path fails; predicates never fail, they are unknown (None).

Source: https://trino.io/docs/current/functions/json.html#json-path-syntax-and-semantics
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from infra.local.athena.sql.jsonpath.items import PathError, binary, calculated, compared, is_number, type_name
from infra.local.athena.sql.jsonpath.tree import (
    Arithmetic,
    Comparison,
    Elements,
    Exists,
    Filter,
    Literal,
    Logic,
    Member,
    Method,
    Path,
    Predicate,
    Program,
    Variable,
)


@dataclass(frozen=True)
class _Place:
    """What variables stand for."""

    root: Any
    passed: Mapping[str, Any]
    strict: bool
    item: Any = None
    last: int | None = None


def evaluate(program: Program, document: Any, passed: Mapping[str, Any]) -> list[Any]:
    """The items that a path finds in a document.

    Args:
        program: The path.
        document: As `json.loads` gives it.
        passed: Values by name.

    Raises:
        PathError: Where the path fails.
    """
    return _items(program.path, _Place(document, passed, program.strict))


def _items(path: Path, place: _Place) -> list[Any]:
    return list(_READERS[type(path)](path, place))


def _filtered(path: Filter, place: _Place) -> Iterator[Any]:
    for item in _unwrapped(_items(path.base, place), place):
        if _holds(path.predicate, replace(place, item=item)) is True:
            yield item


def _variable(name: str, place: _Place) -> Any:
    if name == "$":
        return place.root
    if name == "@":
        return place.item
    if name == "last":
        if place.last is None:
            raise PathError("accessing the last array index with no enclosing array")
        return place.last
    if name not in place.passed:
        raise PathError(f"no value passed for parameter {name}")
    return place.passed[name]


def _unwrapped(items: list[Any], place: _Place) -> list[Any]:
    """Lax paths look into arrays."""
    if place.strict:
        return items
    return [part for item in items for part in (item if isinstance(item, list) else [item])]


def _members(path: Member, place: _Place) -> Iterator[Any]:
    items = _items(path.base, place)
    if path.deep:
        for item in items:
            yield from _descendants(item, path.key)
        return
    for item in _unwrapped(items, place):
        if not isinstance(item, dict):
            if place.strict:
                raise PathError("invalid item type. Expected: OBJECT")
        elif path.key is None:
            yield from item.values()
        elif path.key in item:
            yield item[path.key]
        elif place.strict:
            raise PathError(f"missing member '{path.key}' in JSON object")


def _descendants(item: Any, key: str | None) -> Iterator[Any]:
    if isinstance(item, dict):
        if key in item:
            yield item[key]
        for value in item.values():
            yield from _descendants(value, key)
    elif isinstance(item, list):
        for value in item:
            yield from _descendants(value, key)


def _elements(path: Elements, place: _Place) -> Iterator[Any]:
    for item in _items(path.base, place):
        if not isinstance(item, list) and place.strict:
            raise PathError("invalid item type. Expected: ARRAY")
        array = item if isinstance(item, list) else [item]
        if not path.places:
            yield from array
        inside = replace(place, last=len(array) - 1)
        for first, final in path.places:
            start = _index(first, inside)
            end = start if final is None else _index(final, inside)
            if place.strict and not 0 <= start <= end < len(array):
                raise PathError(f"invalid array subscript: [{start}, {end}] for array of size {len(array)}")
            yield from array[max(start, 0) : max(end + 1, 0)]


def _index(path: Path, place: _Place) -> int:
    return math.trunc(_number(path, place))


def _number(path: Path, place: _Place) -> Any:
    items = _unwrapped(_items(path, place), place)
    if len(items) != 1 or not is_number(items[0]):
        raise PathError("expected a single number")
    return items[0]


def _method(path: Method, place: _Place) -> Iterator[Any]:
    items = _items(path.base, place)
    if path.name == "type":
        yield from map(type_name, items)
        return
    if path.name == "size":
        for item in items:
            if not isinstance(item, list) and place.strict:
                raise PathError("invalid item type. Expected: ARRAY")
            yield len(item) if isinstance(item, list) else 1
        return
    for number, item in enumerate(_unwrapped(items, place)):
        if path.name == "keyvalue":
            if not isinstance(item, dict):
                raise PathError("invalid item type. Expected: OBJECT")
            yield from ({"name": k, "value": v, "id": number} for k, v in item.items())
        else:
            yield calculated(path.name, item)


def _arithmetic(path: Arithmetic, place: _Place) -> list[Any]:
    if path.left is None:
        items = _unwrapped(_items(path.right, place), place)
        if not all(map(is_number, items)):
            raise PathError("invalid item type. Expected: NUMBER")
        return [-i if path.operator == "-" else i for i in items]
    left, right = _number(path.left, place), _number(path.right, place)
    if isinstance(left, float) or isinstance(right, float):
        left, right = float(left), float(right)
    try:
        return [binary(path.operator, left, right)]
    except (ArithmeticError, ValueError) as error:
        raise PathError(str(error)) from error


def _holds(predicate: Predicate, place: _Place) -> bool | None:
    match predicate:
        case Exists():
            try:
                return bool(_items(predicate.path, place))
            except PathError:
                return None
        case Comparison():
            return _compared(predicate, place)
        case Logic():
            return _logic(predicate, place)


def _logic(predicate: Logic, place: _Place) -> bool | None:
    outcomes = [_holds(p, place) for p in predicate.operands]
    if predicate.operator == "unknown":
        return outcomes[0] is None
    if predicate.operator == "!":
        return None if outcomes[0] is None else not outcomes[0]
    decisive = predicate.operator == "||"
    if decisive in outcomes:
        return decisive
    return None if None in outcomes else not decisive


def _compared(predicate: Comparison, place: _Place) -> bool | None:
    try:
        left = _unwrapped(_items(predicate.left, place), place)
        right = _unwrapped(_items(predicate.right, place), place)
    except PathError:
        return None
    found = failed = False
    for a in left:
        for b in right:
            outcome = compared(predicate.operator, a, b)
            if outcome is None:
                failed = True
            found = found or outcome is True
            if not place.strict and (found or failed):
                return None if failed and not found else True
    return None if failed else found


_READERS: dict[type, Callable[[Any, _Place], Iterable[Any]]] = {
    Literal: lambda path, _: [path.value],
    Variable: lambda path, place: [_variable(path.name, place)],
    Member: _members,
    Elements: _elements,
    Method: _method,
    Filter: _filtered,
    Arithmetic: _arithmetic,
}
