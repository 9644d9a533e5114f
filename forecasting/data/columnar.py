"""Parquet files as batches of columns typed by the schema; found by their names, in any order.

A type that holds the schema's values whole is taken (an integer of any width, a float or a decimal, any time or date,
a text in the import's timestamp format); any other is a fault, and so is a column too many or too few.
"""

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from forecasting.data import timestamps
from forecasting.data.cells import Mask, Reading, shown
from forecasting.data.schema import Attribute
from forecasting.data.storage import File
from lakehouse.errors import ContractError

ROWS = 1 << 17
"""Rows of a batch."""
_COPIED = 16 << 20


def batches(file: File, reading: Reading, scratch: BinaryIO) -> Iterator[pa.RecordBatch]:
    """The rows of a file, typed by the schema, in their order.

    Args:
        file: Copied whole, since a Parquet file is read from its end.
        reading: The schema and the formats of timestamps that are texts.
        scratch: Takes the copy; emptied before.

    Raises:
        ContractError: It is no Parquet file, has other columns or types, or a value does not fit.
        SourceError: S3 stops answering.
    """
    _copy(file, scratch)
    try:
        stored = parquet.ParquetFile(pa.PythonFile(scratch, "r"))
        _check(file, stored.schema_arrow, reading)
        first = 1
        for found in stored.iter_batches(ROWS, columns=list(reading.schema.names), use_threads=False):
            yield _typed(file, found, reading, first)
            first += len(found)
    except (pa.ArrowException, OSError, ValueError) as fault:
        told = " ".join(str(fault).split())[:200]
        raise ContractError(f"{file.name}: {told}", "a Parquet file", "write it anew, or name its Format") from fault


def _copy(file: File, scratch: BinaryIO) -> None:
    scratch.seek(0)
    scratch.truncate()
    with file.open() as raw:
        while part := raw.read(_COPIED):
            scratch.write(part)
    scratch.seek(0)


def _check(file: File, found: pa.Schema, reading: Reading) -> None:
    expected = reading.schema.names
    if sorted(found.names) != sorted(expected):
        raise ContractError(
            f"{file.name} has the columns {shown(','.join(found.names))}", ",".join(expected), "write those columns"
        )
    for attribute in reading.schema.attributes:
        given = found.field(attribute.name).type
        if not _holds(attribute, given):
            raise ContractError(
                f"{file.name}, column {attribute.name}: the type {given}", _types(attribute), "write that type"
            )


def _holds(attribute: Attribute, given: pa.DataType) -> bool:
    if pa.types.is_null(given):
        return True
    is_text = pa.types.is_string(given) or pa.types.is_large_string(given)
    if attribute.kind in ("string", "geolocation"):
        return is_text or (pa.types.is_dictionary(given) and pa.types.is_string(given.value_type))
    if attribute.kind == "timestamp":
        return is_text or pa.types.is_timestamp(given) or pa.types.is_date(given)
    if attribute.kind == "integer":
        return bool(pa.types.is_integer(given))
    return bool(pa.types.is_integer(given) or pa.types.is_floating(given) or pa.types.is_decimal(given))


def _types(attribute: Attribute) -> str:
    return {"integer": "an integer", "float": "a number", "timestamp": "a timestamp, a date or a text"}.get(
        attribute.kind, "a text"
    )


def _typed(file: File, found: pa.RecordBatch, reading: Reading, first: int) -> pa.RecordBatch:
    columns = []
    for attribute in reading.schema.attributes:
        given = found.column(attribute.name)
        given.validate(full=True)  # Arrow reads texts without a look at their encoding
        values, bad = _values(given, attribute, reading)
        if bad is not None:
            row = int(bad.argmax())
            raise ContractError(
                f"{file.name}, row {first + row}, column {attribute.name}: {shown(given[row].as_py())}",
                reading.expected(attribute),
                "correct the file and import it again",
            )
        columns.append(values)
    return pa.RecordBatch.from_arrays(columns, schema=reading.schema.arrow)


def _values(given: pa.Array, attribute: Attribute, reading: Reading) -> tuple[pa.Array, Mask | None]:
    target = reading.schema.arrow.field(attribute.name).type
    if attribute.kind == "timestamp":
        values = _times(given, reading)
    elif attribute.kind in ("string", "geolocation"):
        texts = pc.cast(given, target)
        values = pc.if_else(pc.equal(pc.binary_length(texts), 0), pa.scalar(None, target), texts)
    else:
        # an integer becomes the nearest float; one of more than 64 bits does not fit an integer column
        values = pc.cast(given, target, safe=attribute.kind == "integer")
    return values, reading.checked(attribute, values)


def _times(given: pa.Array, reading: Reading) -> pa.Array:
    """Moments to the second; those with a time zone in UTC."""
    seconds = pa.timestamp("s")
    if pa.types.is_string(given.type) or pa.types.is_large_string(given.type):
        return pa.array(timestamps.parse(pc.cast(given, pa.string()).fill_null(""), reading.formats))
    if pa.types.is_timestamp(given.type):
        given = pc.floor_temporal(given.cast(pa.timestamp(given.type.unit)), unit="second")
    return pc.cast(given, seconds, safe=False)
