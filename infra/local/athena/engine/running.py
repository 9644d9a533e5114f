"""One job's context: it plans what a translation reads, runs it in the sandbox and publishes what came out.

Owns the job's folder and the way of a query through it. What a statement means it does not know.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.athena.contract import Column, Job, QueryError, Translation
from infra.local.athena.engine import pages, reading, results
from infra.local.athena.engine.context import Selected, Written
from infra.local.athena.engine.faults import fault
from infra.local.athena.engine.footers import Footers
from infra.local.athena.engine.limits import Limits
from infra.local.athena.engine.sandbox import Sandbox, install_functions, run_exact, single_select
from infra.local.athena.tables import serde, types
from infra.local.athena.tables.catalog import Glue
from lakehouse.errors import SourceError
from lakehouse.settings import Settings

Link = Callable[[str, Mapping[str, Path]], Mapping[str, int]]
# The gateway holds a body whole, and its parts besides; one request is quicker.
TRANSFER = TransferConfig(multipart_threshold=512 << 20, multipart_chunksize=64 << 20, max_concurrency=2)
_PUBLISHED_AT_ONCE = 16


@dataclass
class _Plan:
    """What a translation reads: views, files, bytes and names."""

    views: dict[str, str] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)
    scanned_bytes: int = 0
    tables: tuple[str, ...] = ()
    width: int = 1


class Watch:
    """How long the phases of a statement take.

    Args:
        clock: In seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.milliseconds: dict[str, float] = {}

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time within to a phase."""
        start = self._clock()
        try:
            yield
        finally:
            spent = (self._clock() - start) * 1000
            self.milliseconds[name] = round(self.milliseconds.get(name, 0.0) + spent, 3)


@dataclass
class Tools:
    """What a worker has for all its jobs."""

    sandbox: Sandbox
    footers: Footers
    link: Link


class Running:
    """The Context of a job; see engine/context.py.

    Args:
        job: The job; its folder is there.
        settings: Of the stack.
        catalog: For this job alone.
        clients: Of S3 and Glue.
        tools: Of the worker.
        limits: Of the job.
    """

    def __init__(
        self, job: Job, settings: Settings, catalog: Glue, clients: tuple[Any, Any], tools: Tools, limits: Limits
    ) -> None:
        self.job, self.settings, self.catalog = job, settings, catalog
        self.s3, self.glue = clients
        self._tools, self._limits = tools, limits
        self._watch = Watch()
        self._count = 0

    def select(self, translation: Translation) -> Selected:
        """Run a query and write its result; see Context."""
        plan = self._plan(translation)
        path = self.job.folder / "result.csv"
        with self._connection(plan) as connection, self._watch.phase("execution"):
            sql, columns = _checked(connection, translation)
            index = run_exact(connection, lambda: results.write_csv(connection, sql, columns, path))
        return self._published(path, ".csv", index, plan)

    def write(
        self,
        translation: Translation,
        destination: str,
        *,
        format: str = "PARQUET",
        partitioned_by: Sequence[str] = (),
        compression: str = "",
        delimiter: str = "",
    ) -> Written:
        """Run a query and write its rows as the files of a table; see Context."""
        bucket, prefix = serde.split_url(destination if destination.endswith("/") else f"{destination}/")
        wanted = results.layout(format, partitioned_by, compression, delimiter)
        plan = self._plan(translation)
        folder = self.job.folder / "out"
        folder.mkdir()
        with self._connection(plan, folder) as connection, self._watch.phase("execution"):
            sql, columns = _checked(connection, translation)
            found = run_exact(connection, lambda: results.write_table(connection, sql, columns, folder / "t", wanted))
        keys = {path: f"{prefix}{_key(path.relative_to(folder / 't'), found, wanted)}" for path in found.paths}
        with self._watch.phase("publishing"):
            for path, key in keys.items():
                self._limits.check()
                upload(self.s3, path, bucket, key)
        names = [_folder(values, wanted) for values in found.partitions.values()]
        return Written(
            tuple(f"s3://{bucket}/{key}" for key in keys.values()),
            found.rows,
            tuple(found.partitions.values()),
            tuple(f"s3://{bucket}/{prefix}{name}/" for name in names),
            plan.scanned_bytes,
            self._watch.milliseconds,
            plan.tables,
        )

    def publish(self, columns: Sequence[Column], rows: Sequence[Sequence[str | None]]) -> Selected:
        """Write what a statement itself answers; see Context."""
        body, index = pages.lines(columns, rows)
        path = self.job.folder / "result.txt"
        path.write_bytes(body)
        return self._published(path, ".txt", index, _Plan())

    def _plan(self, translation: Translation) -> _Plan:
        with self._watch.phase("planning"):
            names = dict.fromkeys(source.relation.full_name for source in translation.sources.values())
            plan = _Plan(tables=tuple(names), width=len(translation.columns))
            for name, source in translation.sources.items():
                self._limits.check()
                self._count += 1
                folder = self.job.folder / "in" / str(self._count)
                scan = self.catalog.scan(source)
                targets = reading.targets(scan, folder)
                by_bucket: dict[str, dict[str, Path]] = {}
                for file, target in zip(scan.files, targets, strict=True):
                    by_bucket.setdefault(file.bucket, {})[file.key] = target
                for bucket, wanted in by_bucket.items():
                    self._link(bucket, wanted)
                found = reading.read(source, scan, targets, self._tools.footers)
                plan.views[name] = found.sql
                plan.paths += found.paths
                plan.scanned_bytes += found.scanned_bytes
        if self.job.scanned_bytes is not None and plan.scanned_bytes > self.job.scanned_bytes:
            raise QueryError("EXCEEDED_SCAN_LIMIT", "Bytes scanned limit was exceeded")
        return plan

    def _link(self, bucket: str, wanted: Mapping[str, Path]) -> None:
        try:
            self._tools.link(bucket, wanted)
        except SourceError as error:
            self.catalog.is_outdated = True
            raise QueryError("HIVE_CANNOT_OPEN_SPLIT", f"Error opening Hive split: {error.received}") from error

    @contextlib.contextmanager
    def _connection(self, plan: _Plan, writable: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._watch.phase("planning"):
            try:
                # The engine's own limit comes second: it says less.
                seconds = self._limits.remaining + 1
                connection = self._tools.sandbox.open(
                    plan.views, plan.paths, self.job.folder, seconds, writable, width=plan.width
                )
            except duckdb.Error as error:
                raise fault(error) from error
        try:
            self._limits.watch(connection)
            yield connection
            self._limits.check()
        except (duckdb.Error, MemoryError, UnicodeError, OSError, QueryError) as error:
            self._limits.check()
            raise fault(error) from error
        finally:
            self._limits.watch(None)
            self._tools.sandbox.retire(connection)

    def _published(self, path: Path, suffix: str, index: pages.Index, plan: _Plan) -> Selected:
        bucket, prefix = serde.split_url(self.job.output)
        key = f"{prefix}{self.job.execution_id}{suffix}"
        with self._watch.phase("publishing"):
            self._limits.check()
            with _s3_faults(bucket, key):
                self.s3.put_object(Bucket=bucket, Key=f"{key}{pages.METADATA}", Body=index.encode())
            upload(self.s3, path, bucket, key)
        return Selected(
            index.columns,
            f"s3://{bucket}/{key}",
            index.rows,
            plan.scanned_bytes,
            self._watch.milliseconds,
            plan.tables,
        )


def upload(s3: Any, path: Path, bucket: str, key: str, transfer: TransferConfig = TRANSFER) -> None:
    """Store a file.

    Raises:
        QueryError: HIVE_WRITER_OPEN_ERROR.
    """
    with _s3_faults(bucket, key):
        if path.stat().st_size <= transfer.multipart_threshold:
            with path.open("rb") as file:
                s3.put_object(Bucket=bucket, Key=key, Body=file)
        else:
            s3.upload_file(str(path), bucket, key, Config=transfer)


def _checked(connection: duckdb.DuckDBPyConnection, translation: Translation) -> tuple[str, tuple[Column, ...]]:
    """The SQL of a translation and the columns of its result, with the types that only DuckDB can tell."""
    sql = single_select(connection, translation.sql)
    install_functions(connection, sql)
    columns = translation.columns
    if not all(column.type for column in columns):
        told = connection.sql(sql).types
        columns = tuple(
            column if column.type else Column(column.name, types.from_duckdb(str(kind)))
            for column, kind in zip(columns, told, strict=True)
        )
    return sql, columns


@contextlib.contextmanager
def _s3_faults(bucket: str, key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        raise QueryError(
            "HIVE_WRITER_OPEN_ERROR",
            f"Unable to write s3://{bucket}/{key}: {said['Code']}: {said.get('Message', '')}",
        ) from error
    except (BotoCoreError, OSError) as error:
        raise QueryError("HIVE_WRITER_OPEN_ERROR", f"Unable to write s3://{bucket}/{key}: {error}") from error


def _key(path: Path, found: results.Files, wanted: results.Layout) -> str:
    """Of a file: names that no other run has, in the folder of its partition."""
    inside = "/".join(path.parts[:-1])
    folder = f"{_folder(found.partitions[inside], wanted)}/" if inside else ""
    return f"{folder}{uuid.uuid4().hex}{wanted.suffix}"


def _folder(values: Sequence[str | None], wanted: results.Layout) -> str:
    return results.partition_folder(wanted.partitioned_by, values)
