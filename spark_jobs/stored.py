"""The Delta tables without Spark, through delta-rs: creation, versions, transactions, and rows that are in memory.

Every write of rows names its application and a version (Delta's txn), and is checked afterwards: the transaction must
be in the table. What is there already is not looked for: the caller asks for the last transaction first.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.fs
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from deltalake.schema import PrimitiveType

from lakehouse import places
from lakehouse.activity import Files
from lakehouse.errors import ContractError, SourceError
from lakehouse.settings import Settings
from lakehouse.tables import TABLES, Table
from spark_jobs.arrow import arrow_schema, typed
from spark_jobs.layout import can_hold

_ZSTD = WriterProperties(compression="ZSTD")
# what waits to be used is held in memory: of 4,000,000 rows 240 MB, with pyarrow's own numbers 330
_IN_SMALL_PARTS = {"batch_size": 16_384, "batch_readahead": 2, "fragment_readahead": 1}
_FEED_IS_GONE = ("not found", "Invalid table version")  # delta-rs has no classes for them
SMALL_BYTES = 1 << 20  # a file below this is small


class Stored:
    """The Delta tables of one environment, as they lie in the bucket.

    Args:
        settings: Bucket and retention.
        staged: The generation that is being rebuilt, whose tables lie apart; None for the tables in force.
    """

    def __init__(self, settings: Settings, staged: int | None = None) -> None:
        self._settings = settings
        self._staged = staged
        self._handles: dict[str, DeltaTable] = {}

    def url(self, table: Table) -> str:
        """Where the table lies."""
        return places.table_url(self._settings.bucket, table.layer, table.name, self._staged)

    def create(self, table: Table) -> None:
        """Create the table if it does not exist; give one that an earlier version made the columns it lacks.

        Raises:
            ContractError: A column is there with another type, as one that UNKNOWN_COLUMNS=evolve added may be.
        """
        handle = self._handle(table)
        if handle is not None:
            there = {field.name: field.type for field in handle.schema().fields}
            wanted = Schema.from_arrow(arrow_schema(table)).fields
            for field in wanted:
                if there.get(field.name, field.type) != field.type:
                    raise ContractError(
                        f"{table.full_name}: the column {field.name} is of {there[field.name]}",
                        str(field.type),
                        "run `make rebuild`",
                    )
            missing = [field for field in wanted if field.name not in there]
            if missing:
                handle.alter.add_columns(missing)
        else:
            # by delta-rs: 20 ms where Spark needs a second
            DeltaTable.create(
                self.url(table),
                schema=arrow_schema(table),
                mode="ignore",
                description=table.meaning,
                configuration=self._properties(table),
                storage_options=self._settings.delta_options,
            )

    def _properties(self, table: Table) -> Mapping[str, str]:
        return {
            "delta.enableChangeDataFeed": "true",
            # off: Athena, delta-rs and DuckDB read these tables
            "delta.enableDeletionVectors": "false",
            "delta.deletedFileRetentionDuration": f"interval {self._settings.deleted_file_retention_hours} hours",
            "delta.logRetentionDuration": "interval 2 days",
            "delta.checkpointInterval": "50",
            # statistics are kept for what queries and merges prune by alone: each column costs time in every write
            "delta.dataSkippingStatsColumns": ",".join(table.pruned),
        }

    def handle(self, table: Table) -> DeltaTable:
        """The table at its newest version, for work that needs no Spark."""
        return self._present(table)

    def version(self, table: Table) -> int:
        """The table's newest version; -1 if there is no table."""
        handle = self._handle(table)
        return -1 if handle is None else handle.version()

    def table_id(self, table: Table) -> str:
        """The id that Delta gave the table when it was created."""
        return str(self._present(table).metadata().id)

    def transaction(self, table: Table, app: str) -> int:
        """The version of the application's last transaction on the table; -1 for none."""
        found = self._present(table).transaction_version(app)
        return -1 if found is None else int(found)

    def columns(self, table: Table) -> tuple[str, ...]:
        """The names of the columns that the table has, those beyond the contract last."""
        return tuple(field.name for field in self._present(table).schema().fields)

    def add_columns(self, table: Table, meanings: Mapping[str, str], note: str) -> None:
        """Add string columns with their meanings in one commit; `note` goes into it.

        Raises:
            ContractError: Another driver changed the table meanwhile.
        """
        text = PrimitiveType("string")
        fields = [Field(name, text, metadata={"comment": meaning}) for name, meaning in meanings.items()]
        commit = CommitProperties(custom_metadata={"userMetadata": note})
        try:
            self._present(table).alter.add_columns(fields, commit_properties=commit)
        except CommitFailedError as fault:
            missing = meanings.keys() - set(self.columns(table))
            if missing:  # else this very commit is there, and its answer was lost
                raise ContractError(
                    f"{table.full_name}: no commit of the columns {', '.join(sorted(missing))}: {fault}",
                    "one driver",
                    "another driver writes this table: stop it, then start again",
                ) from fault

    def files(self) -> dict[str, Files]:
        """By full name, the files of each table's newest version."""
        found = {}
        for table in TABLES:
            handle = self._present(table)
            sizes = pa.table(handle.get_add_actions()).column("size_bytes").to_pylist()
            small = sum(size < SMALL_BYTES for size in sizes)
            found[table.full_name] = Files(handle.version(), len(sizes), sum(sizes), small)
        return found

    def is_empty(self, table: Table) -> bool:
        """Whether the newest version has no rows, by the statistics of its files."""
        counts = pa.table(self._present(table).get_add_actions()).column("num_records").to_pylist()
        return all(count == 0 for count in counts)

    def highest(self, table: Table, name: str) -> Any | None:
        """The greatest value of a column in the newest version, by the statistics of its files; None without rows."""
        adds = pa.table(self._present(table).get_add_actions(flatten=True))
        values = adds[f"max.{name}"].to_pylist() if f"max.{name}" in adds.column_names else []
        return max((value for value in values if value is not None), default=None)

    def rows(self, table: Table, version: int, columns: Sequence[str], name: str, values: pa.Array) -> pa.Table:
        """The rows of a version, in memory, in which a column has one of these values."""
        found, _ = self.scan(table, version, columns, name, values.to_pylist())
        parts = [batch.filter(pc.is_in(batch[name], values)) for batch in found]
        return pa.Table.from_batches(parts, found.schema)

    def scan(
        self, table: Table, version: int, columns: Sequence[str], name: str, values: Iterable[Any] | None
    ) -> tuple[pa.RecordBatchReader, int]:
        """The rows of those files of a version that can hold one of a column's values, by their statistics.

        For None, the rows of all files.

        Returns:
            The rows, others among them, and how many they are.
        """
        found = self._holding(table, version, name, values)
        files = pa.fs.PyFileSystem(DeltaStorageHandler(self.url(table), options=self._settings.delta_options))
        dataset = pa.dataset.dataset(list(found), arrow_schema(table), format="parquet", filesystem=files)
        # no filter in the scan: a file that says its texts are views has statistics of a type that compares with none
        scanner = dataset.scanner(columns=list(columns), **_IN_SMALL_PARTS)
        return scanner.to_reader(), sum(found.values())

    def _holding(self, table: Table, version: int, name: str, values: Iterable[Any] | None) -> dict[str, int]:
        """By path, the rows of the files that can hold one of the values; of all files for None."""
        wanted = sorted(values or ())
        adds = pa.table(self._at(table, version).get_add_actions(flatten=True))
        columns = (adds[column].to_pylist() for column in ("path", "num_records", f"min.{name}", f"max.{name}"))
        return {
            path: rows
            for path, rows, low, high in zip(*columns, strict=True)
            if values is None or can_hold(low, high, wanted)
        }

    def _at(self, table: Table, version: int) -> DeltaTable:
        handle = self._present(table)
        if handle.version() == version:
            return handle
        return DeltaTable(self.url(table), version=version, storage_options=self._settings.delta_options)

    def changed(self, table: Table, column: str, start: int, end: int) -> frozenset[Any] | None:
        """The values of a column in the change feed of versions `start` to `end`, both included, nulls left out.

        Returns:
            The values; None if the feed is gone.

        Raises:
            SourceError: The bucket did not answer.
        """
        rows = self.feed(table, [column], start, end)
        return None if rows is None else frozenset(pc.unique(rows[column].drop_null()).to_pylist())

    def feed(
        self, table: Table, columns: Sequence[str], start: int, end: int, most: int | None = None
    ) -> pa.Table | None:
        """The change feed of versions `start` to `end`, both included.

        Returns:
            The rows; None if there are more than `most`, or the feed is gone: VACUUM removed its files, or a
            checkpoint its commits.

        Raises:
            SourceError: The bucket did not answer.
        """
        found: list[pa.RecordBatch] = []
        try:
            feed = self._at(table, end).load_cdf(start, end, columns=list(columns))
            batches = pa.RecordBatchReader.from_stream(feed)
            for batch in batches:
                found.append(batch)
                if most is not None and sum(map(len, found)) > most:
                    return None
        except (DeltaError, pa.ArrowException, OSError) as fault:
            if any(words in str(fault) for words in _FEED_IS_GONE):
                return None
            raise SourceError(
                f"change feed of {table.full_name}: {fault}", "an answer", "look at the bucket"
            ) from fault
        # delta-rs gives texts as views in some versions, which Arrow can do little with
        texts = {field.name: pa.string() for field in batches.schema if pa.types.is_string_view(field.type)}
        kinds = texts | {field.name: field.type for field in arrow_schema(table)}
        wanted = pa.schema([(field.name, kinds.get(field.name, field.type)) for field in batches.schema])
        return pa.Table.from_batches(found, batches.schema).cast(wanted)

    def append_few(self, rows: pa.Table, table: Table, app: str, version: int, note: str) -> None:
        """Add rows that are in memory, in a transaction of app and version; 20 ms where Spark needs half a second."""
        self._write_few(rows, table, app, version, note, mode="append")

    def overwrite_few(self, rows: pa.Table, table: Table, app: str, version: int, note: str, where: str | None) -> None:
        """Put rows that are in memory in the place of those that `where` selects, all for None, in one transaction."""
        self._write_few(rows, table, app, version, note, mode="overwrite", predicate=where)

    def _write_few(self, rows: pa.Table, table: Table, app: str, version: int, note: str, **mode: Any) -> None:
        write_deltalake(
            self._present(table),
            typed(rows, table),
            writer_properties=_ZSTD,
            commit_properties=_once(app, version, note),
            **mode,
        )
        self._check(table, app, version)

    def _check(self, table: Table, app: str, version: int) -> None:
        found = self.transaction(table, app)
        if found != version:
            raise ContractError(
                f"{table.full_name}: the last write of {app} is {found}",
                str(version),
                "another driver writes this table: stop it, then start again",
            )

    def _handle(self, table: Table) -> DeltaTable | None:
        handle = self._handles.get(table.full_name)
        if handle is not None:
            handle.update_incremental()
            return handle
        try:
            handle = DeltaTable(self.url(table), storage_options=self._settings.delta_options)
        except TableNotFoundError:
            return None
        return self._handles.setdefault(table.full_name, handle)

    def _present(self, table: Table) -> DeltaTable:
        handle = self._handle(table)
        if handle is None:
            raise ContractError(f"table {table.full_name} does not exist", "a table", "run the driver once")
        return handle


def _once(app: str, version: int, note: str) -> CommitProperties:
    return CommitProperties(custom_metadata={"userMetadata": note}, app_transactions=[Transaction(app, version)])
