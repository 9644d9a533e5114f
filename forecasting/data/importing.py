"""A dataset import job's work: files of S3 become one typed table, its statistics and its size, or nothing at all.

It knows one folder, the job's; what was there before is given as the folder of an earlier import.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

from forecasting.data import columnar, delimited, field_statistics, merging, storage, timestamps
from forecasting.data.cells import Reading
from forecasting.data.schema import Schema
from forecasting.data.storage import File
from lakehouse.errors import ContractError

DATA, STATISTICS, SIZE, SOURCE = "data.parquet", "statistics.json", "size.json", "source.json"
_GIB = 2**30
_GROUP = 1 << 18
"""Rows of a row group, at least."""
_KEPT = ("Format", "TimestampFormat", "GeolocationFormat")
"""What an INCREMENTAL import must have in common with the one before."""


@dataclass(frozen=True)
class Import:
    """What is to be imported.

    Args:
        request: Of CreateDatasetImportJob.
        dataset: The data set as DescribeDataset shows it.
        previous: The folder of the data set's latest import; None if there is none.
    """

    request: Mapping[str, Any]
    dataset: Mapping[str, Any]
    previous: Path | None = None

    @property
    def schema(self) -> Schema:
        return Schema.of(self.dataset["Schema"], self.dataset.get("Domain", "CUSTOM"))

    @property
    def is_incremental(self) -> bool:
        return bool(self.request.get("ImportMode") == "INCREMENTAL")

    @property
    def source(self) -> dict[str, str]:
        """How the files are written; defaults filled in."""
        given = {name: self.request.get(name) or "" for name in _KEPT}
        return given | {"Format": given["Format"] or "CSV"}


def run(job: Import, folder: Path, *, client: Any, report: Callable[[float], None] = lambda _: None) -> dict[str, Any]:
    """Import, write data.parquet, source.json, size.json and statistics.json, each of them whole or not at all.

    Args:
        job: What to import.
        folder: Takes the files; it may hold those of an attempt before.
        client: Of boto3, for S3.
        report: Told the share of the bytes that are read, 0 to 1.

    Returns:
        What DescribeDatasetImportJob adds: FieldStatistics and DataSize (in GiB, as the service counts it).

    Raises:
        ContractError: A file has a fault, there is no row at all, or an incremental import has nothing to add to.
        SourceError: S3 does not answer.
    """
    schema = job.schema
    _check_previous(job)
    files = storage.files(job.request["DataSource"]["S3Config"]["Path"], client)
    size = sum(file.size for file in files)
    drafts = folder / "rows.tmp", folder / "merged.tmp"
    try:
        rows = _rows(job, schema, files, drafts, report)
        if job.is_incremental and job.previous:
            size += int(_load(job.previous / SIZE)["bytes"])
        statistics = field_statistics.of(rows, schema)
        rows.replace(folder / DATA)
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)
    _save(folder / SOURCE, job.source)
    _save(folder / SIZE, {"bytes": size, "DataSize": size / _GIB})
    _save(folder / STATISTICS, statistics)
    return {"FieldStatistics": statistics, "DataSize": size / _GIB}


def table(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of an import, as the schema types them: Parquet has no times in seconds and keeps milliseconds."""
    found = parquet.read_table(folder / DATA, columns=columns)
    types = [pa.timestamp("s") if pa.types.is_timestamp(field.type) else field.type for field in found.schema]
    return found.cast(pa.schema(zip(found.column_names, types, strict=True)))


def rows(path: str, schema: Schema, source: Mapping[str, str], *, client: Any, scratch: Path) -> pa.Table:
    """The rows of small files beside the data sets: a what-if's replacements, a selection of series.

    Args:
        path: As `storage.files`.
        schema: Their columns.
        source: `Format` and `TimestampFormat`, each optional.
        client: Of boto3, for S3.
        scratch: A folder for what must lie on disk meanwhile.

    Raises:
        ContractError: A file has a fault, or there is no row at all.
        SourceError: S3 does not answer.
    """
    files = storage.files(path, client)
    found = pa.Table.from_batches(_Read(scratch, schema, source).batches(files, lambda _: None), schema.arrow)
    if not len(found):
        raise _nothing(files)
    return found


def _rows(
    job: Import, schema: Schema, files: list[File], drafts: tuple[Path, Path], report: Callable[[float], None]
) -> Path:
    """The file that holds the rows of the data set after this import."""
    fresh, merged = drafts
    if not _write(fresh, schema, _Read(fresh.parent, schema, job.source).batches(files, report)):
        raise _nothing(files)
    if not job.is_incremental or job.previous is None:
        return fresh
    _write(merged, schema, merging.merged(job.previous / DATA, fresh, schema, scratch=fresh.parent))
    return merged


def _nothing(files: Sequence[File]) -> ContractError:
    names = files[0].name if len(files) == 1 else f"the {len(files)} files, of which the first is {files[0].name},"
    return ContractError(f"no row of data in {names}", "at least one besides a header", "upload the data")


class _Read:
    def __init__(self, folder: Path, schema: Schema, source: Mapping[str, str]) -> None:
        self._copy = folder / "file.tmp"
        self._reading = Reading(schema, timestamps.compiled(source.get("TimestampFormat")))
        self._is_parquet = source.get("Format") == "PARQUET"

    def batches(self, files: list[File], report: Callable[[float], None]) -> Iterator[pa.RecordBatch]:
        every, done = max(1, sum(file.size for file in files)), 0
        try:
            with self._copy.open("w+b") as scratch:
                for file in files:
                    if file.size:  # what writes in parts leaves empty ones, which are not even Parquet
                        yield from self._of(file, scratch)
                    done += file.size
                    report(done / every)
        finally:
            self._copy.unlink(missing_ok=True)

    def _of(self, file: File, scratch: BinaryIO) -> Iterator[pa.RecordBatch]:
        if self._is_parquet:
            return columnar.batches(file, self._reading, scratch)
        return delimited.batches(file, self._reading)


def _check_previous(job: Import) -> None:
    if not job.is_incremental:
        return
    if job.previous is None or not (job.previous / DATA).exists():
        raise ContractError("an INCREMENTAL import of a data set without data", "an earlier import", "import it FULL")
    before = _load(job.previous / SOURCE)
    for name, given in job.source.items():
        if before[name] != given:
            raise ContractError(
                f"an INCREMENTAL import with {name} {given or 'left out'}",
                f"that of the import before, {before[name] or 'left out'}",
                "name the same one, or import FULL",
            )


def _write(path: Path, schema: Schema, batches: Iterator[pa.RecordBatch]) -> int:
    """Write the rows and count them; many small files make few row groups."""
    count, held = 0, 0
    together: list[pa.RecordBatch] = []
    with parquet.ParquetWriter(path, schema.arrow) as writer:
        for batch in chain(batches, [None]):
            if together and (batch is None or held >= _GROUP):
                writer.write_table(pa.Table.from_batches(together))
                count, held, together = count + held, 0, []
            if batch is not None:
                held += len(batch)
                together.append(batch)
    return count


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _save(path: Path, body: Any) -> None:
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(body), encoding="utf-8")
    draft.replace(path)
