"""Footers of Parquet files: which columns a file has, of what type, and how many bytes a query reads of it.

Files never change, so a footer is read once; a file is known by its inode, whatever its link is called.
"""

import datetime as dt
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from infra.local.athena.contract import QueryError, Range
from infra.local.athena.tables.scan import File, may_match

_KEPT = 5000
_CUT = dt.timedelta(milliseconds=1)


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

    def scanned_bytes(self, columns: Iterable[str], ranges: Mapping[str, Range]) -> int:
        """Compressed bytes of columns (as they are called in the file) in the row groups that can match."""
        wanted, total = set(columns), 0
        for number in range(self.metadata.num_row_groups):
            group = self.metadata.row_group(number)
            chunks = [group.column(place) for place in range(group.num_columns)]
            heads = [chunk.path_in_schema.partition(".")[0] for chunk in chunks]
            if all(_may_match(chunk, ranges.get(head.lower())) for head, chunk in zip(heads, chunks, strict=True)):
                total += sum(
                    chunk.total_compressed_size for head, chunk in zip(heads, chunks, strict=True) if head in wanted
                )
        return total


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


def _may_match(chunk: pq.ColumnChunkMetaData, wanted: Range | None) -> bool:
    if wanted is None or not chunk.is_stats_set or not chunk.statistics.has_min_max:
        return True
    low, high = chunk.statistics.min, chunk.statistics.max
    if isinstance(high, dt.datetime):
        high += _CUT
    return not isinstance(low, (bytes, bytearray)) and may_match(wanted, low, high)


def _line(fault: Exception) -> str:
    return str(fault).strip().splitlines()[0]
