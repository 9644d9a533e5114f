"""Attributes of DynamoDB in its typed JSON: `{"S": "x"}`, `{"N": "1.5"}`, `{"M": {…}}`; and the JSON they stand for.

Numbers are exact: decimal digits as text, never floats. Knows nothing of tables and columns; spark_jobs/reader states
the same rules in Java.
"""

import re
from decimal import Decimal
from typing import Any

from lakehouse.fields import Rejection
from lakehouse.strictjson import MAX_NUMBER, Fraction

Attributes = dict[str, Any]
NULL = {"NULL": True}
_WRONG = object()

_NUMBER = re.compile(r"[+-]?[0-9]{1,100}(?:\.[0-9]{1,100})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)


def item(image: dict[str, Any]) -> Attributes:
    """A row of the shop as an item of its table, in DynamoDB's typed JSON; a null is left out.

    Args:
        image: The row as Debezium's envelope has it; unknown fields may be of any JSON type.

    Example:
        >>> item({"order_id": "1", "line_no": 2, "unit_price": "2.550", "description": None})
        {'order_id': {'S': '1'}, 'line_no': {'N': '2'}, 'unit_price': {'N': '2.550'}}
    """
    found = {name: typed(value) for name, value in image.items() if value is not None}
    if "unit_price" in found:
        found["unit_price"] = {"N": image["unit_price"]}
    return found


def one(value: Any, place: str) -> tuple[str, Any]:
    """The type and the content of an attribute's value."""
    if not isinstance(value, dict) or len(value) != 1:
        raise Rejection(f"wrong_type: {place}")
    ((kind, content),) = value.items()
    return kind, content


def decimal(text: str, place: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise Rejection(f"bad_number: {place}")
    return Decimal(text)


def written(value: Decimal) -> str:
    """A number in digits without needless zeros."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain(value: Any, place: str) -> Any:
    """An attribute's value as JSON without types; numbers keep their text, binary data its base64."""
    kind, content = one(value, place)
    found: Any = _WRONG
    match kind, content:
        case "S" | "B", str() if type(content) is str:
            found = content
        case "N", str():
            found = _json_number(content, place)
        case "BOOL", bool():
            found = content
        case "NULL", True:
            found = None
        case "M", dict():
            found = {name: plain(member, place) for name, member in content.items()}
        case "L", list():
            found = [plain(member, place) for member in content]
        case "SS" | "BS", list() if all(type(member) is str for member in content):
            found = content
        case "NS", list():
            found = [_json_number(member, place) for member in content]
    if found is _WRONG:
        raise Rejection(f"wrong_type: {place}")
    return found


def _json_number(text: Any, place: str) -> Fraction:
    if type(text) is not str:
        raise Rejection(f"wrong_type: {place}")
    if len(text) > MAX_NUMBER or not _JSON_NUMBER.fullmatch(text):
        raise Rejection(f"bad_number: {place}")
    return Fraction(text)


def typed(value: Any) -> Attributes:
    """A JSON value as an attribute."""
    match value:
        case None:
            found: Attributes = dict(NULL)
        case bool():
            found = {"BOOL": value}
        case int() | float() | Decimal():
            found = {"N": str(value)}
        case dict():
            found = {"M": {name: typed(member) for name, member in value.items()}}
        case list():
            found = {"L": [typed(member) for member in value]}
        case _:
            found = {"S": str(value)}
    return found


def key(value: Any, place: str) -> tuple[str, str | Decimal]:
    """A key attribute's type and content; two numbers that are equal are one, however they are written."""
    kind, content = one(value, place)
    if kind not in ("S", "N", "B") or type(content) is not str:
        raise Rejection(f"wrong_type: {place}")
    return kind, decimal(content, place) if kind == "N" else content
