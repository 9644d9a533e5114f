"""What a statement is given to run with, and what it gets back from the engine.

Names only: worker.py makes the one that runs, tests of statements may make their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from infra.local.athena.contract import Column, Job, Translation

if TYPE_CHECKING:
    from infra.local.athena.tables.catalog import Glue
    from lakehouse.settings import Settings


@dataclass(frozen=True)
class Selected:
    """A result that was written to S3.

    Args:
        columns: Of the result.
        location: Its file, `s3://…/<execution id>.csv` or `.txt`; `<location>.metadata` lies beside it.
        rows: Without the header.
        scanned_bytes: Of the files that were read, as far as they were.
        milliseconds: By phase: planning, execution, publishing.
        tables: Full names of what was read.
    """

    columns: tuple[Column, ...]
    location: str
    rows: int
    scanned_bytes: int = 0
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """Files that CTAS, INSERT or UNLOAD wrote to S3.

    Args:
        files: Their URLs, `s3://bucket/key`.
        rows: In all of them.
        partitions: Values of the partition columns as texts (None for NULL), once each, in the order of
            `partitioned_by`; empty without it. Their folder is `<destination>/<name>=<value>/…`, as `folders` says.
        folders: URL of the folder of each of `partitions`, ending in `/`.
        scanned_bytes: Of the files that were read.
        milliseconds: By phase: planning, execution, publishing.
        tables: Full names of what was read.
    """

    files: tuple[str, ...]
    rows: int
    partitions: tuple[tuple[str | None, ...], ...] = ()
    folders: tuple[str, ...] = ()
    scanned_bytes: int = 0
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    tables: tuple[str, ...] = ()


class Context(Protocol):
    """What a statement runs with, in a worker; one for each job.

    Attributes:
        job: The job.
        settings: Of the stack.
        catalog: The Glue catalogue, remembered for this statement alone: what it said once it says again.
        s3: A boto3 client.
        glue: A boto3 client.
    """

    job: Job
    settings: "Settings"
    catalog: "Glue"
    s3: Any
    glue: Any

    def select(self, translation: Translation) -> Selected:
        """Run a query and write its result to `<job.output><execution id>.csv`.

        Raises:
            QueryError: Athena's fault.
        """
        ...

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
        """Run a query and write its rows as the files of a table.

        Args:
            translation: The query; its last columns are those of `partitioned_by`.
            destination: Folder in S3, `s3://bucket/prefix/`; it is not looked at whether it is empty.
            format: PARQUET, JSON or TEXTFILE; ORC, AVRO and others are NOT_SUPPORTED.
            partitioned_by: Columns that become folders and are left out of the files.
            compression: SNAPPY, GZIP, ZSTD or NONE; "" for the format's own (GZIP, as Athena has it).
            delimiter: Of TEXTFILE; "" for Hive's own, the character 1.

        Raises:
            QueryError: Athena's fault.
        """
        ...

    def publish(self, columns: Sequence[Column], rows: Sequence[Sequence[str | None]]) -> Selected:
        """Write what a statement itself answers (SHOW, DESCRIBE, EXPLAIN) to `<job.output><execution id>.txt`.

        Rows stand one a line, values with tabs between them, without a header. Without rows the file is empty.
        """
        ...
