"""Delta tables: their log, read through the `deltalake` package and kept up to date from query to query.

Owns what a version of a table consists of. It reads no data file, and it never changes a table.
"""

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from infra.local.athena.contract import Column, QueryError, Range
from infra.local.athena.tables import types
from infra.local.athena.tables.scan import File, Scan, may_match

_PATIENCE = {"max_retries": "3", "retry_timeout": "5s", "connect_timeout": "2s"}  # by default it tries for 3 minutes
_PHYSICAL_NAME = "delta.columnMapping.physicalName"
# A writer may cut a time to milliseconds in its statistics, which moves a greatest value down.
_CUT = dt.timedelta(milliseconds=1)


@dataclass(frozen=True)
class _Entry:
    """A file of a version: where it is, and what the log says of its values."""

    file: File
    least: Mapping[str, Any]
    greatest: Mapping[str, Any]

    def may_match(self, ranges: Mapping[str, Range]) -> bool:
        for name, wanted in ranges.items():
            low, high = self.least.get(name), self.greatest.get(name)
            if isinstance(high, dt.datetime):
                high += _CUT
            if not may_match(wanted, low, high):
                return False
        return True


@dataclass(frozen=True)
class Snapshot:
    """One version of a table.

    Args:
        version: Its number.
        columns: Of the table, in its order.
        partitions: Names of those that are partitions.
        names: By column, its name in the files where that differs.
    """

    version: int
    columns: tuple[Column, ...]
    partitions: tuple[str, ...]
    names: Mapping[str, str]
    entries: tuple[_Entry, ...]

    def scan(self, ranges: Mapping[str, Range]) -> Scan:
        """What is to be read of it."""
        by_name = {column.name: column for column in self.columns}
        return Scan(
            "parquet",
            tuple(entry.file for entry in self.entries if entry.may_match(ranges)),
            tuple(by_name[name] for name in self.partitions),
            self.names,
        )


class Deltas:
    """The Delta tables of a lake, by location; used by one thread at a time.

    Args:
        options: Storage options of `deltalake`.
        stamp: Of an object by its URL: what tells it from any other that had its name; None if it is gone.
    """

    def __init__(self, options: Mapping[str, str], stamp: Callable[[str], str | None] = lambda _: None) -> None:
        self._options = {**options, **_PATIENCE}
        self._stamp = stamp
        # With the stamp of the commit that it was read up to.
        self._tables: dict[str, tuple[DeltaTable, str | None]] = {}
        self._snapshots: dict[str, tuple[str, Snapshot]] = {}

    def snapshot(self, location: str) -> Snapshot:
        """The newest version of a table.

        Raises:
            QueryError: There is no table, its log cannot be read, or it has features that Athena does not read.
        """
        location = location.rstrip("/")
        try:
            table = self._newest(location)
            # A table that was dropped and made again counts from 0 anew; its identity tells.
            known = f"{table.metadata().id} {table.version()}"
            cached = self._snapshots.get(location)
            if cached is None or cached[0] != known:
                cached = self._snapshots[location] = (known, _snapshot(table, location))
        except TableNotFoundError as fault:
            self._forget(location)
            raise QueryError(
                "DELTA_LAKE_INVALID_TABLE", f"Metadata not found in transaction log for {location}"
            ) from fault
        except (DeltaError, OSError, ValueError) as fault:
            self._forget(location)
            raise QueryError(
                "DELTA_LAKE_BAD_DATA", f"Failed to read the transaction log of {location}: {_line(fault)}"
            ) from fault
        return cached[1]

    def _newest(self, location: str) -> DeltaTable:
        table, stamp = self._tables.get(location, (None, None))
        # Commits may be added to a log that has not been put in the place of the one that is known.
        if table is not None and stamp is not None and self._stamp(_commit(table, location)) == stamp:
            version = table.version()
            table.update_incremental()
            if table.version() == version:
                return table
        else:
            table = DeltaTable(location, storage_options=self._options)
        self._tables[location] = (table, self._stamp(_commit(table, location)))
        return table

    def _forget(self, location: str) -> None:
        self._tables.pop(location, None)
        self._snapshots.pop(location, None)


def _commit(table: DeltaTable, location: str) -> str:
    return f"{location}/_delta_log/{table.version():020d}.json"


def _snapshot(table: DeltaTable, location: str) -> Snapshot:
    fields = json.loads(table.schema().to_json())["fields"]
    columns = tuple(
        Column(field["name"].lower(), types.athena(types.parse_delta(field["type"])), _comment(field))
        for field in fields
    )
    names = {field["name"].lower(): field["metadata"].get(_PHYSICAL_NAME, field["name"]) for field in fields}
    partitions = tuple(name.lower() for name in table.metadata().partition_columns)
    if "deletionVectors" in (table.protocol().reader_features or ()) and _has_vectors(table):
        raise QueryError("NOT_SUPPORTED", f"Deletion vectors of {location} cannot be read")
    rows = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    entries = tuple(_entry(row, location, partitions) for row in rows)
    return Snapshot(
        table.version(),
        # As the catalogue has them: partitions last.
        tuple(sorted(columns, key=lambda column: column.name in partitions)),
        partitions,
        {name: physical for name, physical in names.items() if name != physical},
        entries,
    )


def _entry(row: Mapping[str, Any], location: str, partitions: tuple[str, ...]) -> _Entry:
    least = {name[4:].lower(): value for name, value in row.items() if name.startswith("min.")}
    greatest = {name[4:].lower(): value for name, value in row.items() if name.startswith("max.")}
    values = {name[10:].lower(): value for name, value in row.items() if name.startswith("partition.")}
    path = unquote(row["path"])  # the log has it as a URI
    place = urlsplit(path if "://" in path else f"{location}/{path}", allow_fragments=False)
    key = place.path.lstrip("/") + (f"?{place.query}" if place.query else "")
    texts = tuple(_text(values.get(name)) for name in partitions)
    return _Entry(File(place.netloc, key, row["size_bytes"], texts), {**least, **values}, {**greatest, **values})


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime) and value.tzinfo:
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    return str(value)


def _comment(field: Mapping[str, Any]) -> str:
    return str(field["metadata"].get("comment", ""))


def _has_vectors(table: DeltaTable) -> bool:
    return any(len(batch) for batch in pa.table(table.deletion_vectors()).to_batches())


def _line(fault: Exception) -> str:
    # What S3 answered stands at the end of many lines.
    said = re.search(r"<Code>([^<]*)</Code>\s*<Message>([^<]*)</Message>", str(fault))
    if said:
        return f"{said[1]}: {said[2]}"
    return str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
