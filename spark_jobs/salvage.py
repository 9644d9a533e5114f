"""What can be read of an object of bronze that may be damaged: its whole lines up to the damage. Pure."""

import codecs
import zlib

from lakehouse import places

_GZIP = b"\x1f\x8b"


def of(key: str, body: bytes) -> tuple[list[str], str]:
    """The lines of an object by its key and what is wrong with it; see `lines`.

    What Firehose gave up it may write plain or packed, whatever the key ends with.
    """
    if key.startswith(places.ERRORS) and not body.startswith(_GZIP):
        return _cut(body), ""
    return lines(body)


def lines(body: bytes) -> tuple[list[str], str]:
    """Decompress as far as possible and cut into lines, as Spark reads text.

    Args:
        body: The object: gzip members one after the other.

    Returns:
        The lines, of a damaged object only those that have their end; and what is wrong, empty if nothing is.

    Example:
        >>> import gzip
        >>> lines(gzip.compress(b"a" + bytes([10]) + b"b"))
        (['a', 'b'], '')
    """
    text, reason = _decompress(body)
    if not reason and not text:
        return [], "empty object"
    if reason:
        text = text.rpartition(b"\n")[0]
    return _cut(text), reason


def _cut(text: bytes) -> list[str]:
    plain = text.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="replace")
    if "\r" in plain:
        plain = plain.replace("\r\n", "\n").replace("\r", "\n")
    return plain.removesuffix("\n").split("\n") if plain else []


def _decompress(body: bytes) -> tuple[bytes, str]:
    text = b""
    while body:
        member = zlib.decompressobj(wbits=31)
        try:
            text += member.decompress(body)
        except zlib.error as fault:
            return text + _up_to_the_damage(body), str(fault)
        if not member.eof:
            return text, "truncated gzip"
        body = member.unused_data
    return text, ""


def _up_to_the_damage(body: bytes) -> bytes:
    # zlib keeps to itself what it had read in the call that meets the damage, so it gets byte after byte
    member, text = zlib.decompressobj(wbits=31), bytearray()
    try:
        for at in range(len(body)):
            text += member.decompress(body[at : at + 1])
    except zlib.error:
        pass
    return bytes(text)
