"""CSV files as batches of typed columns, read by Arrow; a file with a fault is left to faults.py to name it.

Arrow's reader and the standard library's agree on every file with the right number of columns (a test compares them).
What both pass over, a quote that nobody closes before the file's end, is asked for apart: rows would be lost in it.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv

from forecasting.data import faults, header
from forecasting.data.cells import Reading
from forecasting.data.storage import File
from lakehouse.errors import ContractError

BLOCK = 16 << 20
"""Bytes that are read at once; a record must lie within one."""


def batches(file: File, reading: Reading) -> Iterator[pa.RecordBatch]:
    """The rows of a file, typed by the schema, in their order.

    Raises:
        ContractError: A record or a cell does not fit; it names file, line, column and value.
        SourceError: S3 stops answering.
    """
    try:
        with file.open() as raw:
            head = _read(raw, header.HEAD)
            rest = _Rest(head, header.length(head, reading.schema, file.name), raw)
            last: pa.Scalar | None = None
            for texts in _texts(rest, reading):
                yield _typed(texts, reading)
                last = texts.column(-1)[-1]
            if rest.may_be_open(last.as_py() if last else None) and (fault := faults.at_the_end(file)):
                raise fault
    except (pa.ArrowException, _UnfitError) as doubt:
        raise faults.first(file, reading) or _unnamed(file, doubt) from doubt


class _UnfitError(Exception):
    """A cell does not fit its column."""


def _unnamed(file: File, doubt: Exception) -> ContractError:
    """What only Arrow minds: a record longer than a block."""
    return ContractError(f"{file.name}: {doubt}", f"records of at most {BLOCK >> 20} MiB", "correct the file")


def _texts(rest: "_Rest", reading: Reading) -> Iterator[pa.RecordBatch]:
    names = reading.schema.names
    return csv.open_csv(
        pa.PythonFile(rest, "r"),
        # one thread, since jobs run beside each other
        read_options=csv.ReadOptions(column_names=names, block_size=BLOCK, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={name: pa.string() for name in names}, strings_can_be_null=False, check_utf8=True
        ),
    )


def _typed(texts: pa.RecordBatch, reading: Reading) -> pa.RecordBatch:
    columns = []
    for attribute, column in zip(reading.schema.attributes, texts.columns, strict=True):
        values, bad = reading.column(attribute, column)
        if bad is not None:
            raise _UnfitError(attribute.name)
        columns.append(values)
    return pa.RecordBatch.from_arrays(columns, schema=reading.schema.arrow)


class _Rest(io.RawIOBase):
    """A file after its header, behind an empty line: Arrow skips that, and would skip a second byte order mark, too."""

    def __init__(self, head: bytes, start: int, raw: BinaryIO) -> None:
        self._head, self._raw = b"\n" + head[start:], raw
        self._has_quotes, self._end = b'"' in head[:start], head[start - 1 : start]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found, self._head = self._head[:size], self._head[size:]
        found += _read(self._raw, size - len(found))
        self._has_quotes |= b'"' in found
        self._end = found[-1:] or self._end
        return found

    def may_be_open(self, last: str | None) -> bool:
        """Whether the last cell may be one whose quote is not closed: it then ends as the file does, line feed or not.

        Args:
            last: The last cell; None if there is none.
        """
        return self._has_quotes and (self._end not in b"\r\n" or last is None or last.endswith(("\r", "\n")))


def _read(raw: BinaryIO, size: int) -> bytes:
    """As many bytes as asked for, fewer only at the end: Arrow takes a short read for a block."""
    parts = []
    while size > 0 and (part := raw.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
