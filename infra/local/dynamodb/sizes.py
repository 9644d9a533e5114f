"""How large an item is by DynamoDB's rules. Each write asks four times: it is a third of what a write takes."""

from collections.abc import Callable, Mapping
from typing import Any


def item_bytes(item: Any, number_bytes: Callable[[str], int], value_bytes: Callable[[Mapping[str, Any]], int]) -> int:
    """The size of an item: names and values.

    Args:
        item: By name, values as DynamoDB writes them.
        number_bytes: The size of a number's text.
        value_bytes: The size of any value, for those that are neither text nor number.

    Example:
        >>> item_bytes({"é": {"S": "abc"}, "n": {"N": "7"}}, lambda text: 2, lambda value: 0)
        8
    """
    if not isinstance(item, dict):
        return 0
    total = 0
    for name, value in item.items():
        total += len(name) if name.isascii() else len(name.encode())
        if type(value) is dict and len(value) == 1:
            (kind,) = value
            held = value[kind]
            if type(held) is str:
                if kind == "S":
                    total += len(held) if held.isascii() else len(held.encode())
                    continue
                if kind == "N":
                    total += number_bytes(held)
                    continue
        total += value_bytes(value)
    return total
