"""Bytes and numbers to texts and back.

Source: https://trino.io/docs/current/functions/binary.html, …/conversion.html, …/math.html
"""

import base64
import binascii
import re
from struct import error as StructError
from struct import pack, unpack

from infra.local.athena.sql.scalars import fault, scalar

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@scalar("py_to_base32(BLOB) -> VARCHAR")
def to_base32(data: bytes) -> str:
    return base64.b32encode(data).decode()


@scalar("py_from_base32(VARCHAR) -> BLOB")
def from_base32(text: str) -> bytes:
    bare = text.rstrip("=")
    try:
        return base64.b32decode(bare + "=" * (-len(bare) % 8))
    except binascii.Error as error:
        raise fault(f"Invalid base32: {text}") from error


@scalar("py_from_base64(VARCHAR, BOOLEAN) -> BLOB")
def from_base64(text: str, for_urls: bool) -> bytes:
    bare = text.rstrip("=")
    padded = len(text) - len(bare)
    wrong = re.search(r"[^A-Za-z0-9_-]" if for_urls else r"[^A-Za-z0-9+/]", bare)
    if wrong:
        raise fault(f"Illegal base64 character {ord(wrong[0]):x}")
    if len(bare) % 4 == 1 or (padded and (len(text) % 4 or padded > 2)):
        raise fault("Input byte array has wrong 4-byte ending unit")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), b"-_" if for_urls else b"+/")


@scalar("py_from_utf8(BLOB, VARCHAR) -> VARCHAR")
def from_utf8(data: bytes, replacement: str) -> str:
    if len(replacement) > 1:
        raise fault("Replacement character string must empty or a single character")
    return data.decode(errors="replace").replace("\ufffd", replacement)


@scalar("py_to_base(BIGINT, BIGINT) -> VARCHAR")
def to_base(number: int, radix: int) -> str:
    _check(radix)
    digits, rest = "", abs(number)
    while rest or not digits:
        rest, digit = divmod(rest, radix)
        digits = _DIGITS[digit] + digits
    return f"-{digits}" if number < 0 else digits


@scalar("py_from_base(VARCHAR, BIGINT) -> BIGINT")
def from_base(text: str, radix: int) -> int:
    _check(radix)
    digits = _DIGITS[:radix]
    if not re.fullmatch(rf"[+-]?[{digits}]+", text, re.IGNORECASE) or not -(2**63) <= (n := int(text, radix)) < 2**63:
        raise fault(f"Not a valid base-{radix} number: {text}")
    return n


def _check(radix: int) -> None:
    if not 2 <= radix <= 36:
        raise fault(f"Radix must be between 2 and 36: {radix}")


@scalar("py_to_bytes(DOUBLE, BOOLEAN) -> BLOB")
def to_bytes(number: float, short: bool) -> bytes:
    return pack(">f" if short else ">d", number)


@scalar("py_to_number(BLOB, VARCHAR) -> DOUBLE")
def to_number(data: bytes, form: str) -> float:
    """Reads a float (`f`) or a double (`d`)."""
    try:
        return float(unpack(f">{form}", data)[0])
    except StructError as error:
        size = {"f": 4, "d": 8}[form]
        raise fault(f"Input floating-point value must be exactly {size} bytes long") from error


@scalar("py_to_integer(BLOB, BIGINT) -> BIGINT")
def to_integer(data: bytes, size: int) -> int:
    if len(data) != size:
        raise fault(f"expected {size}-byte input, but got instead: {len(data)}")
    return int.from_bytes(data, "big", signed=True)
