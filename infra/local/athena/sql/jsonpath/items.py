"""What a JSON path does with single items: their types, arithmetic, methods of numbers, comparisons.

Numbers are int, float and (in the path alone) Decimal; objects are dictionaries.

Source: https://trino.io/docs/current/functions/json.html#json-path-syntax-and-semantics
"""

import math
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "starts with": lambda left, right: left.startswith(right),
}  # fmt: skip
_ITEM_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"), (int, "number"), (float, "number"), (Decimal, "number"), (str, "string"), (list, "array"),
    (dict, "object"),
)  # fmt: skip


class PathError(ValueError):
    """A path that fails on a document."""


def is_number(item: Any) -> bool:
    return isinstance(item, int | float | Decimal) and not isinstance(item, bool)


def type_name(item: Any) -> str:
    """What `type()` gives."""
    return next((name for kind, name in _ITEM_TYPES if isinstance(item, kind)), "null")


def calculated(name: str, item: Any) -> Any:
    """What a method of numbers gives.

    Raises:
        PathError: For an item that it does not take.
    """
    if name == "double" and isinstance(item, str):
        try:
            return float(item)
        except ValueError as error:
            raise PathError(f"not a double: {item!r}") from error
    if not is_number(item):
        raise PathError("invalid item type. Expected: NUMBER")
    if name == "double":
        return float(item)
    if name == "abs":
        return abs(item)
    rounded = math.ceil(item) if name == "ceiling" else math.floor(item)
    return float(rounded) if isinstance(item, float) else rounded


def binary(sign: str, left: Any, right: Any) -> Any:
    """Arithmetic as SQL has it: whole numbers stay whole."""
    if sign == "/":
        whole = isinstance(left, int) and isinstance(right, int)
        return int(Decimal(left) / Decimal(right)) if whole else left / right
    if sign == "%":
        return math.fmod(left, right) if isinstance(left, float) else type(left)(Decimal(left) % Decimal(right))
    return {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](left, right)


def compared(sign: str, left: Any, right: Any) -> bool | None:
    """A comparison of two items; None for items that do not compare. Null is equal to null alone."""
    if sign == "starts with":
        return left.startswith(right) if isinstance(left, str) and isinstance(right, str) else None
    if left is None or right is None:
        return sign == "==" and left is None and right is None
    same_kind = (is_number(left) and is_number(right)) or (
        type(left) is type(right) and isinstance(left, str | bool)
    )  # fmt: skip
    return _COMPARISONS[sign](left, right) if same_kind else None
