"""JSON documents: parsed as Athena does, and asked by SQL/JSON paths.

An answer to a path is a text whose first letter says what it is: `v` a value (the rest), `n` the null that stands
for a JSON null, `e` that the path found nothing, `x` that it failed (the rest says why).

Source: https://trino.io/docs/current/functions/json.html
"""

import json
import math
import re
from decimal import ROUND_HALF_UP, Decimal
from struct import pack, unpack
from typing import Any

from infra.local.athena.sql.jsonpath.evaluation import evaluate
from infra.local.athena.sql.jsonpath.items import PathError
from infra.local.athena.sql.jsonpath.parser import parse
from infra.local.athena.sql.scalars import fault, scalar

_INTEGERS = ("tinyint", "smallint", "integer", "bigint")


class _Raw(str):
    """A number as it was written."""


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


# made once: json.loads and json.dumps make a new one for every call with options
_DECODER = json.JSONDecoder(parse_constant=_refuse)
_RAW_DECODER = json.JSONDecoder(parse_float=_Raw, parse_int=_Raw)
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_ODD_NUMBER = re.compile(r"\d[eE]|\d{7}|0\.00")


def _loaded(text: str, decoder: json.JSONDecoder = _DECODER) -> Any:
    try:
        return decoder.decode(text)
    except RecursionError as error:
        raise ValueError("the document is nested too deeply") from error


def java_double(number: float) -> str:
    """A double as Java prints it.

    Example:
        >>> java_double(1e10), java_double(0.001), java_double(1e-4), java_double(19.9)
        ('1.0E10', '0.001', '1.0E-4', '19.9')
    """
    if not math.isfinite(number):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(number)]
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return format(Decimal(repr(number)), "f") if "e" in repr(number) else repr(number)
    return scientific(number)


def scientific(number: float) -> str:
    """A double with one digit before the point, as a cast to varchar prints it: 1.99E1."""
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    text = "".join(map(str, digits))
    power = len(text) - 1 + int(exponent)
    text = text.rstrip("0") or "0"
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power if number else 0}"


def dumped(value: Any, *, ordered: bool = False) -> str:
    """A document's text without white space."""
    if isinstance(value, dict):
        items = sorted(value.items()) if ordered else value.items()
        inner = (f"{json.dumps(k, ensure_ascii=False)}:{dumped(v, ordered=ordered)}" for k, v in items)
        return f"{{{','.join(inner)}}}"
    if isinstance(value, list):
        return f"[{','.join(dumped(v, ordered=ordered) for v in value)}]"
    if isinstance(value, float):
        return java_double(value)
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


@scalar("py_json_canonical(VARCHAR) -> VARCHAR")
def canonical(text: str) -> str:
    """json_parse: keys in order, the last of equal ones, no white space."""
    try:
        document = _loaded(text)
    except ValueError as error:
        raise fault(f"Cannot convert value to JSON: '{text}'") from error
    # Python writes the numbers that Java writes in another way only where they are very large or small
    return dumped(document, ordered=True) if _ODD_NUMBER.search(text) else _ENCODER.encode(document)


@scalar("py_json_number(VARCHAR, VARCHAR) -> VARCHAR")
def number_at(text: str, pointer: str) -> str | None:
    """A number's text as the document has it; the pointer is a JSON pointer."""
    value = _loaded(text, _RAW_DECODER)
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        value = value[int(key) if isinstance(value, list) else key]
    return str(value)


def _found(text: str, path: str, passing: str) -> list[Any]:
    try:
        document, passed = _loaded(text), _loaded(passing) if passing != "{}" else {}
    except ValueError as error:
        raise PathError("malformed input argument") from error
    return evaluate(parse(path), document, passed)


@scalar("py_json_exists(VARCHAR, VARCHAR, VARCHAR) -> VARCHAR")
def exists(text: str, path: str, passing: str) -> str:
    try:
        return "vtrue" if _found(text, path, passing) else "vfalse"
    except PathError as error:
        return f"x{error}"


@scalar("py_json_value(VARCHAR, VARCHAR, VARCHAR, VARCHAR) -> VARCHAR")
def value(text: str, path: str, passing: str, kind: str) -> str:
    """The one scalar that a path finds, as a text that casts to the type of this name."""
    try:
        items = _found(text, path, passing)
        if not items:
            return "e"
        if len(items) > 1 or isinstance(items[0], dict | list):
            return "xJSON path found multiple items" if len(items) > 1 else "xJSON path found an item that is no scalar"
        return "n" if items[0] is None else f"v{_converted(items[0], kind)}"
    except (PathError, ValueError, OverflowError) as error:
        return f"x{error}"


def _converted(item: Any, kind: str) -> str:
    is_whole = kind in _INTEGERS
    match item:
        case bool():
            is_number = is_whole or kind in ("double", "real", "decimal")
            return str(int(item)) if is_number else str(item).lower()
        case str():
            if is_whole and not re.fullmatch(r"[+-]?\d+", item):
                raise PathError(f"cannot cast {item!r} to {kind}")
            return item
    if kind == "boolean":
        return str(item != 0).lower()
    if is_whole:
        return str(Decimal(str(item)).to_integral_value(ROUND_HALF_UP))
    return scientific(item) if isinstance(item, float) and kind in ("varchar", "char") else str(item)


@scalar("py_json_query(VARCHAR, VARCHAR, VARCHAR, VARCHAR, BOOLEAN) -> VARCHAR")
def query(text: str, path: str, passing: str, wrapper: str, omit_quotes: bool) -> str:
    """The item that a path finds, as JSON; the wrapper is without, conditional or unconditional."""
    try:
        items = _found(text, path, passing)
    except PathError as error:
        return f"x{error}"
    if not items:
        return "e"
    single = len(items) == 1
    whole = single and isinstance(items[0], dict | list)
    if wrapper == "unconditional" or (wrapper == "conditional" and not whole):
        return f"v{dumped(items)}"
    if not single:
        return "xJSON path found multiple items"
    return f"v{items[0]}" if omit_quotes and isinstance(items[0], str) else f"v{dumped(items[0])}"


@scalar("py_json_double(DOUBLE) -> VARCHAR")
def double_text(number: float) -> str:
    """A double as a document has it; what is no number there is a text."""
    text = java_double(number)
    return text if math.isfinite(number) else f'"{text}"'


@scalar("py_json_real(FLOAT) -> VARCHAR")
def real_text(number: float) -> str:
    """A real as a document has it: the fewest digits that tell it from its neighbours."""
    for digits in range(1, 10):
        shortened = float(f"{number:.{digits}g}")
        if unpack("f", pack("f", shortened)) == unpack("f", pack("f", number)):
            return double_text(shortened)
    return double_text(number)
