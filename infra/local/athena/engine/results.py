"""What a query gives, into files of the job's folder: the .csv that clients read, or the files of a table.

It knows nothing of S3; how values look stands in values.py, where rows stand in pages.py.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv

from infra.local.athena.contract import Column, QueryError
from infra.local.athena.engine import values
from infra.local.athena.engine.pages import STEP, Index
from infra.local.athena.tables import types
from infra.local.athena.tables.scan import NULL_PARTITION
from infra.local.athena.tables.types import literal, quoted

_BATCH = 100 * STEP
_PART_BYTES = 4 << 20
# What Hive leaves as it is in the name of a partition's folder.
_UNESCAPED = " !$&()+,-.;<>@_`|~"
_FORMATS = ("PARQUET", "JSON", "TEXTFILE")
_SUFFIXES = {"PARQUET": ".parquet", "JSON": ".json", "TEXTFILE": ".txt"}
_COMPRESSIONS = {
    "PARQUET": {
        "GZIP": "gzip",
        "SNAPPY": "snappy",
        "ZSTD": "zstd",
        "NONE": "uncompressed",
        "UNCOMPRESSED": "uncompressed",
    },
    "JSON": {"GZIP": "gzip", "ZSTD": "zstd", "NONE": "none"},
    "TEXTFILE": {"GZIP": "gzip", "ZSTD": "zstd", "NONE": "none"},
}
_COMPRESSED_SUFFIXES = {"gzip": ".gz", "zstd": ".zst"}


@dataclass(frozen=True)
class Files:
    """The files of a table, in a folder as they are to lie in S3.

    Args:
        paths: Below the folder.
        rows: In all of them.
        partitions: Values of the partition columns, by the folder that each has.
    """

    paths: tuple[Path, ...]
    rows: int
    partitions: dict[str, tuple[str | None, ...]]


@dataclass(frozen=True)
class Layout:
    """How the files of a table are to be written; see engine/context.py."""

    format: str
    partitioned_by: tuple[str, ...]
    compression: str
    delimiter: str

    @property
    def suffix(self) -> str:
        """Of a file's name."""
        if self.format == "PARQUET":
            return _SUFFIXES[self.format]
        return _SUFFIXES[self.format] + _COMPRESSED_SUFFIXES.get(self.codec, "")

    @property
    def codec(self) -> str:
        """DuckDB's name of the compression."""
        return _COMPRESSIONS[self.format][self.compression]


def layout(format: str, partitioned_by: Sequence[str], compression: str, delimiter: str) -> Layout:
    """Check what a statement says of its files.

    Raises:
        QueryError: NOT_SUPPORTED or INVALID_TABLE_PROPERTY.
    """
    format = {"CSV": "TEXTFILE"}.get(format.upper(), format.upper())
    if format not in _FORMATS:
        raise QueryError("NOT_SUPPORTED", f"Writing the format {format} is not supported")
    compression = (compression or "GZIP").upper()
    if compression not in _COMPRESSIONS[format]:
        raise QueryError("INVALID_TABLE_PROPERTY", f"Compression {compression} is not supported for {format}")
    return Layout(format, tuple(name.lower() for name in partitioned_by), compression, delimiter or "\x01")


def write_csv(connection: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[Column], path: Path) -> Index:
    """Write a query's rows as Athena's .csv: quotes around all that is not NULL, which an empty string is not.

    Args:
        connection: Where it runs.
        sql: One SELECT.
        columns: Its names and types.
        path: The file.
    """
    shown = ", ".join(
        f"{values.expression(f'c{place}', types.parse(column.type))} AS c{place}"
        for place, column in enumerate(columns)
    )
    named = ", ".join(f"c{place}" for place in range(len(columns)))
    # Arrow's writer takes two thirds of the CPU time of DuckDB's COPY, which also renames columns of the same name.
    reader = connection.sql(f"SELECT {shown} FROM ({sql}) AS result({named})").to_arrow_reader(_BATCH)  # noqa: S608 (made by the translator, checked to be one SELECT)
    options = pyarrow.csv.WriteOptions(quoting_style="all_valid", include_header=False)
    rows = 0
    with pa.OSFile(str(path), "wb") as file:
        file.write((",".join(quoted(column.name) for column in columns) + "\n").encode())
        with pyarrow.csv.CSVWriter(file, reader.schema, write_options=options) as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
    return Index(tuple(columns), rows, _offsets(path, rows), is_table=True)


def _offsets(path: Path, rows: int) -> tuple[int, ...]:
    """Where parts of a .csv begin and where it ends; see pages.Index."""
    ends = _line_ends(path, has_breaks=False)
    if len(ends) != rows + 1:  # values have ends of lines in them
        ends = _line_ends(path, has_breaks=True)
    starts = [ends[0], *ends[STEP - 1 : rows : STEP]] if rows else []
    return (*(int(end) + 1 for end in starts), path.stat().st_size)


def _line_ends(path: Path, *, has_breaks: bool) -> np.ndarray:
    """Places of the signs that end lines; with `has_breaks`, of those alone that stand outside quotes."""
    found, place, quotes = [], 0, 0
    with path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            signs = np.frombuffer(part, np.uint8)
            ends = np.flatnonzero(signs == ord("\n"))
            if has_breaks:
                marks = np.flatnonzero(signs == ord('"'))
                ends = ends[(quotes + np.searchsorted(marks, ends)) % 2 == 0]
                quotes += len(marks)
            found.append(ends + place)
            place += len(part)
    return np.concatenate(found)


def write_table(
    connection: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[Column], folder: Path, wanted: Layout
) -> Files:
    """Write a query's rows as the files of a table, into a folder that is made, where the connection may write.

    Raises:
        QueryError: A type that the format cannot hold, or partitions that are not the last columns.
    """
    names = [column.name.lower() for column in columns]
    if tuple(names[len(names) - len(wanted.partitioned_by) :]) != wanted.partitioned_by:
        raise QueryError("INVALID_TABLE_PROPERTY", "Partition columns must be the last columns of the table")
    data = columns[: len(columns) - len(wanted.partitioned_by)]
    if not data:
        raise QueryError("INVALID_TABLE_PROPERTY", "Table contains only partition columns")
    items = [_item(column, f"c{place}", wanted) for place, column in enumerate(data)]
    keys = [f"p{place}" for place in range(len(wanted.partitioned_by))]
    items += [
        f"{values.expression(f'c{len(data) + place}', types.parse(columns[len(data) + place].type))} AS {key}"
        for place, key in enumerate(keys)
    ]
    aliases = ", ".join(f"c{place}" for place in range(len(columns)))
    select = f"SELECT {', '.join(items)} FROM ({sql}) AS result({aliases})"  # noqa: S608 (as above)
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was broken off
    folder.mkdir()
    target = folder if keys else folder / f"0{wanted.suffix}"
    copy = f"COPY ({select}) TO {literal(str(target))} ({', '.join(_options(wanted, keys))})"
    found = connection.execute(copy).fetchone()
    return _found(folder, int(found[0]) if found else 0, wanted)


def partition_folder(names: Sequence[str], values: Sequence[str | None]) -> str:
    """Folders of a partition as Hive names them, `name=value/…`."""
    shown = (NULL_PARTITION if value is None or value == "" else quote(value, safe=_UNESCAPED) for value in values)
    return "/".join(f"{name}={value}" for name, value in zip(names, shown, strict=True))


def _item(column: Column, name: str, wanted: Layout) -> str:
    kind = types.parse(column.type)
    types.hive(kind)  # refuses what a table cannot hold
    if wanted.format == "TEXTFILE":
        return f"{_plain(name, kind)} AS {quoted(column.name)}"
    return f"CAST({name} AS {types.duckdb(kind)}) AS {quoted(column.name)}"


def _plain(name: str, kind: types.Type) -> str:
    if kind.name == "array" and not kind.element.fields:
        inner = values.expression("x", kind.element)
        return f"array_to_string(list_transform({name}, lambda x: coalesce({inner}, '\\N')), chr(2))"
    if kind.fields:
        raise QueryError("NOT_SUPPORTED", f"TEXTFILE cannot hold the type {types.athena(kind)}")
    return f"base64({name})" if kind.name == "varbinary" else values.expression(name, kind)


def _options(wanted: Layout, keys: Sequence[str]) -> list[str]:
    options = [f"COMPRESSION {wanted.codec}"]
    if wanted.format == "PARQUET":
        options = ["FORMAT parquet", *options]
    elif wanted.format == "JSON":
        options = ["FORMAT json", *options]
    else:
        options = ["FORMAT csv", "HEADER false", "QUOTE ''", "ESCAPE ''", "NULLSTR '\\N'", *options]
        options.append(f"DELIMITER {literal(wanted.delimiter)}")
    if keys:
        # Numbered names: `{uuid}` would make them unlike at every run, and the folder is the job's alone.
        options += [
            f"PARTITION_BY ({', '.join(keys)})",
            "FILENAME_PATTERN '{i}'",
            f"FILE_EXTENSION '{wanted.suffix[1:]}'",
        ]
    return options


def _found(folder: Path, rows: int, wanted: Layout) -> Files:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    partitions: dict[str, tuple[str | None, ...]] = {}
    if not rows and not wanted.partitioned_by:
        return Files(tuple(paths), rows, partitions)
    for path in paths:
        inside = path.relative_to(folder).parts[:-1]
        if inside:
            partitions["/".join(inside)] = tuple(_value(part) for part in inside)
    return Files(tuple(paths), rows, partitions)


def _value(part: str) -> str | None:
    text = unquote(part.partition("=")[2])
    return None if text == NULL_PARTITION else text
