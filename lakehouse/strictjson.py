"""One JSON document, read strictly and written without blanks; numbers keep the text they came with.

Knows nothing of messages; spark_jobs/reader/Json.java states the same rules in Java.
"""

import json
from typing import Any

MAX_DEPTH = 64
MAX_NUMBER = 100
"""Characters of a number."""

_ESCAPES = {code: f"\\u{code:04X}" for code in range(32)} | {
    ord(character): "\\" + letter for character, letter in zip('"\\\b\f\n\r\t', '"\\bfnrt', strict=True)
}


class Integer(str):
    """A whole number as it was written."""

    __slots__ = ()


class Fraction(str):
    """A number with a point or an exponent, as it was written."""

    __slots__ = ()


class MalformedError(ValueError):
    """The text is not one JSON document as `parse` takes it."""


def parse(text: str) -> Any:
    """One JSON document: nothing after it, no key twice, no unpaired surrogate, not too deep, no number too long.

    Returns:
        dict, list, str, bool, None, and numbers as they were written, `Integer` or `Fraction`.

    Raises:
        MalformedError: It is no such document.
    """
    try:
        document = json.loads(
            text, object_pairs_hook=_once, parse_constant=_refuse, parse_int=_integer_text, parse_float=_fraction_text
        )
        if "\\u" in text or not text.isascii():
            json.dumps(document, ensure_ascii=False).encode()  # fails for an unpaired surrogate
        if text.count("[") + text.count("{") > MAX_DEPTH and _depth(document) > MAX_DEPTH:
            raise ValueError("too deep")
    except (ValueError, RecursionError) as fault:
        raise MalformedError(str(fault)) from fault
    return document


def compact(value: Any) -> str:
    r"""What `parse` returns as JSON without blanks; numbers keep their text, object members their order.

    Example:
        >>> compact(parse('{"price": 1.10, "notes": ["a\\/b", null]}'))
        '{"price":1.10,"notes":["a/b",null]}'
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Integer() | Fraction():
            return str(value)
        case str():
            return f'"{value.translate(_ESCAPES)}"'
        case list():
            return f"[{','.join(map(compact, value))}]"
        case _:
            return "{" + ",".join(f"{compact(name)}:{compact(field)}" for name, field in value.items()) + "}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated key")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _integer_text(text: str) -> Integer:
    if len(text) > MAX_NUMBER:
        raise ValueError("number too long")
    return Integer(text)


def _fraction_text(text: str) -> Fraction:
    if len(text) > MAX_NUMBER:
        raise ValueError("number too long")
    return Fraction(text)


def _depth(document: Any) -> int:
    if not isinstance(document, dict | list):
        return 0
    return 1 + max(map(_depth, document.values() if isinstance(document, dict) else document), default=0)
