"""Footers of Parquet files: which columns a file has, of what type, and how many bytes a query reads of it.

Files never change, so a footer is read once; a file is known by its inode, whatever its link is called.
"""

import datetime as dt
import functools
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from infra.local.athena.contract import QueryError, Range
from infra.local.athena.tables.scan import File, may_match

_KEPT = 5000
_CUT = dt.timedelta(milliseconds=1)


@dataclass(frozen=True)
class _Chunk:
    """Of a column in a row group: its compressed size in bytes and its least and greatest value, None if unknown."""

    size: int
    least: Any
    greatest: Any

    def may_match(self, wanted: Range) -> bool:
        return may_match(wanted, self.least, self.greatest)


@dataclass(frozen=True)
class Footer:
    """The footer of one file.

    Args:
        schema: Its columns.
        names: Their names by what they are in small letters.
    """

    schema: pa.Schema
    names: Mapping[str, str]
    metadata: pq.FileMetaData

    @functools.cached_property
    def _groups(self) -> list[dict[str, list[_Chunk]]]:
        """Chunks of each row group by the column that they belong to; asking pyarrow for one takes 5 µs."""
        groups = []
        for number in range(self.metadata.num_row_groups):
            group = self.metadata.row_group(number)
            chunks: dict[str, list[_Chunk]] = {}
            for place in range(group.num_columns):
                chunk = group.column(place)
                chunks.setdefault(chunk.path_in_schema.partition(".")[0], []).append(_chunk(chunk))
            groups.append(chunks)
        return groups

    def scanned_bytes(self, columns: Iterable[str], ranges: Mapping[str, Range]) -> int:
        """Compressed bytes of columns (as they are called in the file) in the row groups that can match."""
        wanted = set(columns)
        limited = {self.names[name]: found for name, found in ranges.items() if name in self.names}
        return sum(
            chunk.size
            for group in self._groups
            if all(chunk.may_match(limited[name]) for name in limited for chunk in group.get(name, ()))
            for name in wanted
            for chunk in group.get(name, ())
        )


class Footers:
    """Footers that have been read, the last few thousand of them."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, int, int], Footer] = OrderedDict()

    def read(self, files: Sequence[File], paths: Sequence[Path]) -> list[Footer]:
        """Footers of files, in their order.

        Raises:
            QueryError: HIVE_BAD_DATA; a file is no Parquet file.
        """
        return [self._one(file, path) for file, path in zip(files, paths, strict=True)]

    def _one(self, file: File, path: Path) -> Footer:
        status = path.stat()
        key = (status.st_dev, status.st_ino, status.st_mtime_ns)
        found = self._known.get(key)
        if found is None:
            try:
                metadata = pq.read_metadata(path)
                schema = metadata.schema.to_arrow_schema()
            except (pa.ArrowException, OSError) as fault:
                raise QueryError("HIVE_BAD_DATA", f"Malformed Parquet file: {file.url}: {_line(fault)}") from fault
            found = self._known[key] = Footer(schema, {name.lower(): name for name in schema.names}, metadata)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return found


def _chunk(found: pq.ColumnChunkMetaData) -> _Chunk:
    size = found.total_compressed_size
    if not found.is_stats_set or not found.statistics.has_min_max:
        return _Chunk(size, None, None)
    low, high = found.statistics.min, found.statistics.max
    if isinstance(low, (bytes, bytearray)):
        return _Chunk(size, None, None)
    return _Chunk(size, low, high + _CUT if isinstance(high, dt.datetime) else high)


def _line(fault: Exception) -> str:
    return str(fault).strip().splitlines()[0]
