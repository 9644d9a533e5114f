"""The first fault of a CSV file, found the slow way: record by record with the standard library's reader.

It runs only where the fast reading met something; what fits a column is decided in cells.py for both.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from forecasting.data.cells import Reading, not_decoded, shown
from forecasting.data.header import is_header
from forecasting.data.storage import File
from lakehouse.errors import ContractError

MAX_FIELD = 16 << 20
"""Characters of a cell or a line; more is the rest of a file behind a quote that nobody closed, or no CSV at all."""
_TOGETHER = 20_000
_OTHER = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a ZIP archive",
    b"PAR1\x15": "Parquet",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""What else is uploaded in the place of CSV, by its first bytes."""
_AGAIN = "correct the file and import it again"


@dataclass(frozen=True)
class _Record:
    line: int
    cells: list[str]


def first(file: File, reading: Reading) -> ContractError | None:
    """The fault that comes first in a file, with its line, column and value; None if there is none."""
    with _opened(file) as (text, other):
        fault = _first(_Records(text), file, reading)
    if fault and other:
        return ContractError(f"{file.name}: {other}", "CSV as text in UTF-8", "write it anew as such")
    return fault


def at_the_end(file: File) -> ContractError | None:
    """The fault of a file that ends within a quoted cell; None for any other."""
    with _opened(file) as (text, _):
        records = _Records(text)
        for _record in records:
            pass
        return records.fault(file)


@contextmanager
def _opened(file: File) -> Iterator[tuple[io.TextIOBase, str]]:
    """A file's text, bytes that are none as surrogates, and what it is if its first bytes say that it is no text."""
    kept = csv.field_size_limit(MAX_FIELD)
    try:
        with file.open() as raw:
            buffered = io.BufferedReader(raw)  # type: ignore[type-var]
            other = next((name for start, name in _OTHER.items() if buffered.peek(8).startswith(start)), "")
            yield io.TextIOWrapper(buffered, "utf-8-sig", "surrogateescape", newline=""), other
    finally:
        csv.field_size_limit(kept)


def _first(records: "_Records", file: File, reading: Reading) -> ContractError | None:
    names = reading.schema.names
    together: list[_Record] = []
    last: ContractError | None = None
    is_first = True
    for record in records:
        if is_first and is_header(record.cells, reading.schema, file.name):
            is_first = False
            continue
        is_first = False
        if len(record.cells) != len(names):
            last = _columns(file, record, names)
            break
        together.append(record)
        if len(together) == _TOGETHER:
            if found := _cell(file, together, reading):
                return found
            together = []
    return _cell(file, together, reading) or last or records.fault(file)


class _Records:
    """The records of a file that are no blank lines; what stopped the reading is kept."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._lines: list[str] = []
        self._reader = csv.reader(self._remembered(text))
        self._line = 1
        self._error = ""

    def __iter__(self) -> Iterator[_Record]:
        while True:
            self._line, before = self._reader.line_num + 1, self._lines
            self._lines = []
            try:
                cells = next(self._reader)
            except StopIteration:
                self._lines = before
                return
            except csv.Error as fault:
                self._error = str(fault)
                return
            if cells:
                yield _Record(self._line, cells)

    def fault(self, file: File) -> ContractError | None:
        """Why there are no more records, unless it is the file's end."""
        if self._error:
            return ContractError(
                f"{file.name}, line {self._line}: {self._error}",
                f"lines and cells of at most {MAX_FIELD:,} characters",
                "close the quotes, or shorten them",
            )
        try:
            list(csv.reader(self._lines, strict=True))
        except csv.Error as fault:
            if "end of data" in str(fault):
                return ContractError(
                    f"{file.name}, line {self._reader.line_num}: the file ends within a quoted cell",
                    "a closing quote",
                    _AGAIN,
                )
        return None

    def _remembered(self, text: io.TextIOBase) -> Iterator[str]:
        while line := text.readline(MAX_FIELD + 1):
            if len(line) > MAX_FIELD:  # of a file without lines all would come at once
                raise csv.Error("a line without an end")
            self._lines.append(line)
            yield line


def _columns(file: File, record: _Record, names: Sequence[str]) -> ContractError:
    count = len(record.cells)
    other = next((one for one in ";\t|" if count == 1 and record.cells[0].count(one) == len(names) - 1 > 0), "")
    return ContractError(
        f"{file.name}, line {record.line}: {count} column{'s' * (count != 1)}, beginning with {shown(record.cells[0])}",
        f"{len(names)}: {','.join(names)}",
        f"separate the columns by commas, not by {other!r}" if other else _AGAIN,
    )


def _cell(file: File, records: Sequence[_Record], reading: Reading) -> ContractError | None:
    """The first cell that does not fit, by row and then by column."""
    found: tuple[int, int, str] | None = None
    for number, attribute in enumerate(reading.schema.attributes):
        texts = [record.cells[number] for record in records]
        row, expected = _undecoded(texts), "a text in UTF-8"
        if row is None:
            _, bad = reading.column(attribute, pa.array(texts, pa.string()))
            row, expected = (None if bad is None else int(bad.argmax())), reading.expected(attribute)
        if row is not None and (found is None or (row, number) < found[:2]):
            found = row, number, expected
    if found is None:
        return None
    row, number, expected = found
    return ContractError(
        f"{file.name}, line {records[row].line}, column {number + 1} ({reading.schema.names[number]}): "
        f"{shown(records[row].cells[number])}",
        expected,
        _AGAIN,
    )


def _undecoded(texts: Sequence[str]) -> int | None:
    """The first text with bytes that are not UTF-8, as surrogates."""
    return next((row for row, text in enumerate(texts) if not_decoded(text)), None)
