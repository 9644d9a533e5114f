"""A commit to a Delta table that replaces chosen files by others, written by Delta's public protocol.

Neither Spark nor delta-rs can be told which files to rewrite. The commit is created only if its version is free, as
the driver's LogStore does; reading the files and what to put in their place is the caller's.
"""

import io
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from lakehouse.errors import ContractError
from lakehouse.tables import Table
from spark_jobs.delta import Lakehouse
from spark_jobs.layout import DataFile
from spark_jobs.storage import Bucket

WRITER_VERSION = 4  # of Delta's protocol: change data feed, no named features
CHECKPOINT_INTERVAL = 50


@dataclass(frozen=True)
class Deletion:
    """Rows that a commit deletes, and the transaction that it carries, an application and a version."""

    rows: pa.Table
    app: str
    version: int


class Rewrite:
    """The newest version of a table, whose files can be read and replaced.

    Args:
        tables: Where the table lies.
        bucket: The bucket it lies in.
        table: The table.
        now: Seconds since 1970, the time of the commit.

    Raises:
        ContractError: The table is of another protocol.
    """

    def __init__(self, tables: Lakehouse, bucket: Bucket, table: Table, *, now: float) -> None:
        self._tables, self._bucket, self._table, self._now = tables, bucket, table, now
        self._handle = tables.handle(table)
        protocol = self._handle.protocol()
        if protocol.min_writer_version != WRITER_VERSION:
            raise ContractError(
                f"{table.full_name} has {protocol}", f"writer version {WRITER_VERSION}", "undo what upgraded the table"
            )
        self._root = tables.url(table).removeprefix(f"s3://{bucket.name}/")
        self._dataset: ds.FileSystemDataset | None = None
        self._fragments: dict[str, ds.ParquetFileFragment] = {}
        self.version = self._handle.version()
        self.files = self._files()

    def _files(self) -> list[DataFile]:
        column = self._table.pruned[0]
        return [
            DataFile(
                action["path"],
                action["size_bytes"],
                action["num_records"] or 0,
                action.get(f"min.{column}"),
                action.get(f"max.{column}"),
                action["modification_time"] / 1000,
            )
            for action in pa.table(self._handle.get_add_actions(flatten=True)).to_pylist()
        ]

    def read(self, files: Sequence[DataFile], **choice: Any) -> pa.Table:
        """The rows of files, one file after the other; `choice` are arguments of pyarrow's `Dataset.to_table`."""
        if self._dataset is None:
            self._dataset = self._handle.to_pyarrow_dataset()
            self._fragments = {fragment.path.lstrip("/"): fragment for fragment in self._dataset.get_fragments()}
        dataset = self._dataset
        fragments = [self._fragments[file.path] for file in files]
        return ds.FileSystemDataset(fragments, dataset.schema, dataset.format, dataset.filesystem).to_table(**choice)

    def commit(self, files: Sequence[DataFile], parts: Iterable[pa.Table], deletion: Deletion | None = None) -> None:
        """Put parts in the place of files, once.

        Dying on the way leaves files that nothing refers to; VACUUM removes them.

        Args:
            files: Files of this version.
            parts: Their rows, but for deleted ones; each becomes a file.
            deletion: What is deleted; None if the rows are only put in another order or other files.

        Raises:
            ContractError: Another driver committed at the same time.
        """
        changed = deletion is not None
        actions = [self._remove(file, changed) for file in files]
        actions += [self._add(part, changed) for part in parts if len(part)]
        actions.insert(0, self._info(len(files), len(actions) - len(files), changed))
        if deletion:
            actions += [self._feed(deletion.rows), self._transaction(deletion)]
        lines = (json.dumps(action, separators=(",", ":"), ensure_ascii=False) for action in actions)
        text = "".join(f"{line}\n" for line in lines).encode()
        version = self.version + 1
        key = f"{self._root}/_delta_log/{version:020d}.json"
        # the answer to our own commit may have been lost
        if not self._bucket.create(key, text) and self._bucket.get(key) != text:
            raise ContractError(
                f"{self._table.full_name}: version {version} exists already",
                "one driver",
                "another driver writes this table: stop it, then start again",
            )
        if version % CHECKPOINT_INTERVAL == 0:  # Spark makes one after its own commits only
            self._tables.handle(self._table).create_checkpoint()

    def _info(self, removed: int, added: int, changed: bool) -> dict[str, Any]:
        return {
            "commitInfo": {
                "timestamp": self._millis,
                "operation": "DELETE" if changed else "OPTIMIZE",
                "operationParameters": {},
                "readVersion": self.version,
                "isolationLevel": "Serializable" if changed else "SnapshotIsolation",
                "isBlindAppend": False,
                "operationMetrics": {"numRemovedFiles": str(removed), "numAddedFiles": str(added)},
                "engineInfo": "saleslake",
            }
        }

    def _remove(self, file: DataFile, changed: bool) -> dict[str, Any]:
        return {
            "remove": {
                "path": file.path,
                "deletionTimestamp": self._millis,
                "dataChange": changed,
                "extendedFileMetadata": True,
                "partitionValues": {},
                "size": file.size,
            }
        }

    def _add(self, part: pa.Table, changed: bool) -> dict[str, Any]:
        path, size = self._write("", part)
        return {
            "add": {
                "path": path,
                "partitionValues": {},
                "size": size,
                "modificationTime": self._millis,
                "dataChange": changed,
                "stats": json.dumps(statistics(part, self._table.pruned), ensure_ascii=False, separators=(",", ":")),
            }
        }

    def _feed(self, rows: pa.Table) -> dict[str, Any]:
        marked = rows.append_column("_change_type", pa.array(["delete"] * len(rows), pa.string()))
        path, size = self._write("_change_data/", marked)
        return {"cdc": {"path": path, "partitionValues": {}, "size": size, "dataChange": False}}

    def _transaction(self, deletion: Deletion) -> dict[str, Any]:
        return {"txn": {"appId": deletion.app, "version": deletion.version, "lastUpdated": self._millis}}

    def _write(self, folder: str, rows: pa.Table) -> tuple[str, int]:
        path = f"{folder}part-{uuid.uuid4()}.zstd.parquet"
        body = io.BytesIO()
        pq.write_table(rows, body, compression="zstd", store_decimal_as_integer=True, row_group_size=len(rows))
        self._bucket.put(f"{self._root}/{path}", body.getvalue())
        return path, body.tell()

    @property
    def _millis(self) -> int:
        return round(self._now * 1000)


def statistics(rows: pa.Table, columns: Iterable[str]) -> dict[str, Any]:
    """Statistics of a file as Delta's log holds them, of these columns."""
    nulls, lows, highs = {}, {}, {}
    for name in columns:
        nulls[name] = rows.column(name).null_count
        ends = pc.min_max(rows.column(name)).as_py()
        if ends["min"] is not None:
            lows[name], highs[name] = _plain(ends["min"]), _plain(ends["max"])
    return {"numRecords": len(rows), "minValues": lows, "maxValues": highs, "nullCount": nulls}


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | str) else value.isoformat()
