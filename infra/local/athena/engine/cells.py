r"""Rows of a result as GetQueryResults answers them: JSON made of the text of a .csv, without a step for each value.

Quotes stand around all that is not NULL (see pages.py), so a text that is cut at its quotes is, by turns, what stands
between values and a value. It imports nothing heavy: the gateway's process answers with it.
"""

import json
import re
from collections.abc import Sequence

_NULL, _OPEN, _CLOSE = b"{}", b'{"VarCharValue":"', b'"}'
_FIRST, _BETWEEN_ROWS, _LAST = b'{"Data":[', b']},{"Data":[', b"]}"
_CONTROLS = bytes(range(32))
# What takes the place of the signs between two values, which have more than one byte.
_COMMA, _END = b"\x01", b"\x02"
_SEPARATOR = re.compile(rb"(?:,|\\n)*")


def encoded(text: bytes, width: int, rows: int) -> bytes:
    r"""The elements of `Rows`, with commas between them.

    Args:
        text: Part of a .csv that starts and ends where a row does, in UTF-8.
        width: Values of a row.
        rows: How many there are.

    Raises:
        ValueError: The text has other rows.

    Example:
        >>> encoded(b'"a","a ""b"" c"\n,"d"\n', 2, 2).decode()
        '{"Data":[{"VarCharValue":"a"},{"VarCharValue":"a \\"b\\" c"}]},{"Data":[{},{"VarCharValue":"d"}]}'
    """
    if not text and not rows:
        return b""
    plain = _plain(text, width, rows)
    return _any(text, width, rows) if plain is None else plain


def listed(rows: Sequence[Sequence[str | None]]) -> bytes:
    """The same of rows at hand."""
    data = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]
    return json.dumps(data, separators=(",", ":")).encode()[1:-1]


def _plain(text: bytes, width: int, rows: int) -> bytes | None:
    """Rows without NULLs and without signs that JSON escapes; None where there are any."""
    if text.count(b'"') != 2 * rows * width or b"\\" in text or not text.isascii():
        return None
    if len(text) - len(text.translate(None, _CONTROLS)) != rows:
        return None
    marked = text[1:-2].replace(b'","', _COMMA).replace(b'"\n"', _END)
    # Each mark took two quotes that are neighbours; with none left over, these are the ends and starts of values.
    if b'"' in marked or marked.count(_END) != rows - 1:
        return None
    inside = marked.replace(_COMMA, _CLOSE + b"," + _OPEN).replace(_END, _CLOSE + _BETWEEN_ROWS + _OPEN)
    return b"".join((_FIRST, _OPEN, inside, _CLOSE, _LAST))


def _any(text: bytes, width: int, rows: int) -> bytes:
    parts = json.dumps(text.decode()).encode()[1:-1].split(b'\\"')
    between = parts[0::2]
    whole = b"".join(between)
    is_laid_out = len(parts) % 2 and between[-1].endswith(rb"\n") and all(map(_SEPARATOR.fullmatch, set(between)))
    if not is_laid_out or whole.count(rb"\n") != rows or whole.count(b",") != rows * (width - 1):
        raise ValueError("the result is not laid out as it was written")
    last = between[-1].removesuffix(rb"\n")
    if len(parts) == 1:
        return _FIRST + _separator(last, closes=False, opens=False) + _LAST
    # Nothing between two parts is a quote, which is written twice.
    known = {part: _separator(part) if part else rb"\"" for part in set(between)}
    shown = [known[part] for part in between]
    shown[0] = _FIRST + _separator(between[0], closes=False)
    shown[-1] = _separator(last, opens=False) + _LAST
    parts[0::2] = shown
    return b"".join(parts)


def _separator(part: bytes, *, closes: bool = True, opens: bool = True) -> bytes:
    """What stands between two values as JSON: the end of one, NULLs and ends of rows, the start of the other."""
    rows = [[_NULL] * (row.count(b",") + 1) for row in part.split(rb"\n")]
    if closes:
        rows[0][0] = _CLOSE
    if opens:
        rows[-1][-1] = _OPEN
    return _BETWEEN_ROWS.join(b",".join(row) for row in rows)
