"""Results on disk and pages of them: a text file that any client reads, and beside it where its rows stand.

The description beside it is JSON of the columns, the number of rows and the place of every thousandth line, so that a
page in the middle of a million rows is one read. It imports nothing heavy: the gateway's process pages by it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local.athena.contract import Column
from infra.local.athena.engine import cells

STEP = 1000
METADATA = ".metadata"
# A value in quotes, or none at all, which is NULL; then what ends it.
_VALUE = re.compile(r'(?:"((?:[^"]|"")*)")?([,\n])')


@dataclass(frozen=True)
class Index:
    """What is known of a result file.

    Args:
        columns: Of the result.
        rows: Without the header.
        offsets: Bytes before the first row, before line 1000, 2000 … (the header is line 0 of a file that has one, as
            it is the first row of a first page), and at last the size of the file.
        is_table: Whether it is a .csv with quotes and a header, or a .txt with tabs.
    """

    columns: tuple[Column, ...]
    rows: int
    offsets: tuple[int, ...]
    is_table: bool

    def part(self, row: int) -> int:
        """Which part of the file, between two offsets, a row is in."""
        return (row + self.is_table) // STEP

    def start(self, part: int) -> int:
        """The first row of a part."""
        return max(0, part * STEP - self.is_table)

    def encode(self) -> bytes:
        """As it is stored beside the result."""
        columns = [[column.name, column.type] for column in self.columns]
        return json.dumps(
            {"columns": columns, "rows": self.rows, "offsets": self.offsets, "table": self.is_table}
        ).encode()


def index(encoded: bytes) -> Index:
    """The description of a result, from what is stored beside it.

    Raises:
        ValueError: It is none.
    """
    try:
        found = json.loads(encoded)
        columns = tuple(Column(name, kind) for name, kind in found["columns"])
        return Index(columns, found["rows"], tuple(found["offsets"]), found["table"])
    except (KeyError, TypeError) as fault:
        raise ValueError(f"no description of a result: {fault}") from fault


def page(source: Path | bytes, about: Index, start: int, count: int) -> list[list[str | None]]:
    """Rows of a result, without its header.

    Args:
        source: The result file, or all that is in it.
        about: Its description.
        start: The first row, from 0.
        count: Rows at most.

    Returns:
        Texts of each row; None for NULL.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is not the one described.
    """
    end = min(start + count, about.rows)
    if start >= end:
        return []
    first = about.part(start)
    text = _read(source, about, first, about.part(end - 1)).decode()
    rows = table_rows(text, len(about.columns)) if about.is_table else line_rows(text)
    return rows[start - about.start(first) : end - about.start(first)]


def encoded(source: Path | bytes, about: Index, start: int, count: int) -> bytes:
    """What `page` gives as JSON, the elements of `Rows` in the answer of GetQueryResults, with commas between them."""
    end = min(start + count, about.rows)
    if start >= end:
        return b""
    first, last = about.part(start), about.part(end - 1)
    is_whole = start == about.start(first) and end in (about.start(last + 1), about.rows)
    if about.is_table and is_whole:
        return cells.encoded(_read(source, about, first, last), len(about.columns), end - start)
    return cells.listed(page(source, about, start, count))


def table_rows(text: str, width: int) -> list[list[str | None]]:
    """Rows of a part of a .csv that ends where a row does.

    Raises:
        ValueError: It does not, or a row has another number of values.
    """
    rows: list[list[str | None]] = []
    row: list[str | None] = []
    place = 0
    # A value that is there stands in quotes, so what is matched in one character is NULL.
    for found in _VALUE.finditer(text):
        if found.start() != place:
            break
        place = found.end()
        value, sign = found.groups()
        row.append(value.replace('""', '"') if value is not None and '""' in value else value)
        if sign == "\n":
            rows.append(row)
            row = []
    if place != len(text) or row or any(len(row) != width for row in rows):
        raise ValueError("the result is not laid out as it was written")
    return rows


def line_rows(text: str) -> list[list[str | None]]:
    """Rows of a part of a .txt: one value each, the whole line with its tabs, whatever the number of columns."""
    return [[line] for line in text.removesuffix("\n").split("\n")]


def lines(columns: Sequence[Column], rows: Sequence[Sequence[str | None]]) -> tuple[bytes, Index]:
    """A .txt and its description; its last line has no end."""
    encoded = ["\t".join(value or "" for value in row).replace("\n", " ").encode() + b"\n" for row in rows]
    encoded[-1:] = [line[:-1] for line in encoded[-1:]]
    offsets = [0]
    for place in range(0, len(encoded), STEP):
        offsets.append(offsets[-1] + sum(map(len, encoded[place : place + STEP])))
    return b"".join(encoded), Index(tuple(columns), len(encoded), tuple(offsets), is_table=False)


def _read(source: Path | bytes, about: Index, first: int, last: int) -> bytes:
    """Parts of a result, from one to another."""
    low, high = about.offsets[first], about.offsets[last + 1]
    if isinstance(source, bytes):
        found = source[low:high]
    else:
        with source.open("rb") as file:
            file.seek(low)
            found = file.read(high - low)
    if len(found) != high - low:
        raise ValueError(f"the result has fewer bytes than its {about.offsets[-1]}")
    return found
