"""From what is known of a resource to an answer: the members that the operation's shape has, and no others.

So no member leaks into an answer that AWS would not give, and Describe and List need no lists of members of their own.
"""

import math
from datetime import UTC, datetime
from typing import Any

from forecasting.service.model import Shape

_ABSENT = object()


def project(value: Any, shape: Shape) -> Any:
    """A value as JSON of a shape: unknown members, nulls and numbers that JSON has not are left out.

    Args:
        value: Members by name; a time is epoch seconds or ISO 8601 (UTC if it names no zone).
        shape: What the model says of it.

    Raises:
        TypeError: A value is not of its shape, which is a fault of whoever wrote it.
    """
    found = _projected(value, shape)
    return {} if found is _ABSENT else found


def _projected(value: Any, shape: Shape) -> Any:
    kind = shape.type_name
    if value is None:
        return _ABSENT
    if kind == "structure":
        _expect(value, dict, shape)
        items = ((name, _projected(value.get(name), member)) for name, member in shape.members.items())
        return {name: item for name, item in items if item is not _ABSENT}
    if kind == "map":
        _expect(value, dict, shape)
        items = ((name, _projected(item, shape.value)) for name, item in value.items())
        return {name: item for name, item in items if item is not _ABSENT}
    if kind == "list":
        _expect(value, list, shape)
        return [item for item in (_projected(item, shape.member) for item in value) if item is not _ABSENT]
    return _scalar(value, shape)


def _scalar(value: Any, shape: Shape) -> Any:
    kind = shape.type_name
    if kind == "timestamp" and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if kind in ("double", "float", "timestamp"):
        _expect(value, int | float, shape)
        if not math.isfinite(value):
            return _ABSENT
        # AWS tells times in milliseconds.
        return round(float(value), 3) if kind == "timestamp" else float(value)
    _expect(value, {"string": str, "boolean": bool, "integer": int, "long": int}[kind], shape)
    return value


def _expect(value: Any, kind: Any, shape: Shape) -> None:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{shape.name} is a {shape.type_name}, not {type(value).__name__}")
