"""What DescribeDatasetImportJob tells about each column: `FieldStatistics`, counted over the imported rows.

The shape follows real answers of the service (aws-samples/amazon-forecast-samples, Tutorial 1): every count twice, as
Count and CountLong; the deviation of a sample; numbers and times as texts.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from forecasting.data import numerals
from forecasting.data.schema import Attribute, Schema

MAX_COUNT = 2**31 - 1
_LARGE = 1e150
"""Numbers beyond are divided by the largest before they are squared, which would not fit a float."""


def of(path: Path, schema: Schema) -> dict[str, dict[str, Any]]:
    """The statistics of every column of a data.parquet.

    Count is the number of rows, with or without a value; NaN is a value, but none of Min, Max, Avg and Stddev, and
    these are absent where no number is left.
    """
    with connect(path.parent) as database:
        names = ",".join(f"c{number}" for number in range(len(schema.attributes)))
        database.execute(
            f"CREATE VIEW rows AS SELECT * FROM read_parquet('{_quoted(path)}') AS t({names})"  # noqa: S608
        )
        return {
            attribute.name: dict(_statistics(database, f"c{number}", attribute))
            for number, attribute in enumerate(schema.attributes)
        }


def connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    """A database that stays within a gigabyte and one core, and goes to disk beyond."""
    return duckdb.connect(
        config={
            "threads": 1,
            "memory_limit": "1GB",
            "temp_directory": str(scratch / "spill"),
            "autoinstall_known_extensions": False,
        }
    )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _statistics(database: duckdb.DuckDBPyConnection, column: str, attribute: Attribute) -> Iterator[tuple[str, Any]]:
    is_number = attribute.kind in ("float", "integer")
    nan = f"isnan({column})" if attribute.kind == "float" else "false"
    low, high = (f"{one}({column}) FILTER (NOT {nan})" for one in ("min", "max"))
    if attribute.kind in ("string", "geolocation"):
        low = high = "NULL"
    (found,) = database.execute(
        f"SELECT count(*), count(DISTINCT {column}), count(*) - count({column}), count(*) FILTER ({nan}), "  # noqa: S608
        f"{low}, {high} FROM rows"
    ).fetchall()
    yield from _counts("Count", found[0])
    yield from _counts("CountDistinct", found[1])
    yield from _counts("CountNull", found[2])
    if is_number:
        yield from _counts("CountNan", found[3])
    if found[4] is None:
        return
    yield "Min", _text(found[4])
    yield "Max", _text(found[5])
    if is_number:
        yield from _moments(database, f"{column}::DOUBLE", nan, max(abs(found[4]), abs(found[5])))


def _counts(name: str, count: int) -> Iterator[tuple[str, int]]:
    yield name, count if count <= MAX_COUNT else -1
    yield f"{name}Long", count


def _text(value: float | int | datetime) -> str:
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='seconds')}Z"
    return numerals.text(value) if isinstance(value, float) else str(value)


def _moments(database: duckdb.DuckDBPyConnection, number: str, nan: str, largest: float) -> Iterator[tuple[str, float]]:
    scale = float(largest) if largest > _LARGE else 1.0
    (found,) = database.execute(
        f"SELECT avg({number} / ?) FILTER (NOT {nan}), stddev_samp({number} / ?) FILTER (NOT {nan}) FROM rows",  # noqa: S608
        [scale, scale],
    ).fetchall()
    for name, value in zip(("Avg", "Stddev"), found, strict=True):
        if value is not None and math.isfinite(value * scale):
            yield name, value * scale
