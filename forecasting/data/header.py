"""Whether a file begins with the names of its columns, which the API does not ask for and real files have."""

import csv
import io
from collections.abc import Sequence

from forecasting.data.cells import not_decoded, shown
from forecasting.data.schema import Schema
from lakehouse.errors import ContractError

HEAD = 1 << 16
"""Bytes in which a header must end."""
BOM = b"\xef\xbb\xbf"


def is_header(record: Sequence[str], schema: Schema, where: str) -> bool:
    """Whether a file's first record names its columns.

    It does where it has all names of the schema, or the timestamp's name in the timestamp's place: real files call a
    target by another name, and no timestamp is its own name.

    Args:
        record: Its cells.
        schema: The columns.
        where: The file, for the message.

    Raises:
        ContractError: It names them in another order, so that values would land in wrong columns.
    """
    given = [cell.strip().lower() for cell in record]
    names = [name.lower() for name in schema.names]
    time = schema.names.index(schema.timestamp) if schema.timestamp else None
    is_named = sorted(given) == sorted(names)
    if not is_named and (len(given) != len(names) or time is None or given[time] != names[time]):
        return False
    if any(not_decoded(cell) for cell in record):
        return False
    for number, (one, name) in enumerate(zip(given, names, strict=True), 1):
        if one != name and one in names:
            raise ContractError(
                f"{where}, line 1, column {number}: the header {shown(record[number - 1])}",
                f"the schema's order: {','.join(schema.names)}",
                "order the columns as the schema does",
            )
    return True


def length(head: bytes, schema: Schema, where: str) -> int:
    """The bytes that the header of a file takes, a byte order mark included; 0 if there is neither.

    Args:
        head: The file's first HEAD bytes, or all of it.
        schema: The columns.
        where: The file, for the message.

    Raises:
        ContractError: As `is_header`.
    """
    start = end = len(BOM) if head.startswith(BOM) else 0
    lines = list(io.StringIO(head[start:].decode("utf-8", "surrogateescape"), newline=""))
    reader = csv.reader(lines)
    record = next(filter(None, reader), None)
    end += sum(len(line.encode("utf-8", "surrogateescape")) for line in lines[: reader.line_num])
    is_whole = end < len(head) or len(head) < HEAD
    return end if record and is_whole and is_header(record, schema, where) else start
