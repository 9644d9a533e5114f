"""What the parts of the Athena service hand to each other: names, types, relations, translations, outcomes, errors.

It does nothing; who makes and who takes each of them stands beside it. Types are written as Athena (Trino) writes
them, in small letters: `bigint`, `varchar`, `decimal(18,3)`, `timestamp(3)`, `array(varchar)`, `map(varchar, bigint)`,
`row(a integer, b varchar)`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

CATALOG = "awsdatacatalog"


class QueryError(Exception):
    """A fault of the query or of what it reads; its text is Athena's StateChangeReason.

    Args:
        code: Trino's name of the fault: SYNTAX_ERROR, COLUMN_NOT_FOUND, TABLE_NOT_FOUND, TYPE_MISMATCH,
            FUNCTION_NOT_FOUND, DIVISION_BY_ZERO, INVALID_CAST_ARGUMENT, HIVE_BAD_DATA, NOT_SUPPORTED …
        message: Without code and place, as Athena words it.
        line: From 1; None where the fault has no place.
        column: From 1.
    """

    def __init__(self, code: str, message: str, line: int | None = None, column: int | None = None) -> None:
        self.code, self.message, self.line, self.column = code, message, line, column
        place = "" if line is None else f"line {line}:{column}: "
        super().__init__(f"{code}: {place}{message}")

    @property
    def at_start(self) -> bool:
        """Whether StartQueryExecution already refuses it: text that is no statement."""
        return self.code == "SYNTAX_ERROR_AT_START"


@dataclass(frozen=True)
class Column:
    """A column of a relation or of a result; `comment` is the catalogue's."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True)
class Relation:
    """A table or view as the catalogue describes it, enough to translate a query; made by the catalogue.

    Args:
        database: In small letters.
        name: In small letters.
        columns: In order, those of partitions last.
        partitions: Names of the columns that are partitions.
        view: The SQL of a view, in Athena's dialect; None for a table.
        view_database: What names without a database in that SQL belong to; "" for `database`.
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    partitions: tuple[str, ...] = ()
    view: str | None = None
    view_database: str = ""

    @property
    def full_name(self) -> str:
        """Database and name."""
        return f"{self.database}.{self.name}"


class Catalog(Protocol):
    """Names to relations; `infra.local.athena.tables` has the one over Glue, tests have a dictionary."""

    def relation(self, database: str, name: str) -> Relation:
        """Look up a table or view.

        Raises:
            QueryError: SCHEMA_NOT_FOUND or TABLE_NOT_FOUND, without a place; the translator adds it.
        """
        ...


@dataclass(frozen=True)
class Range:
    """What a query's WHERE says of one column of a table, to skip partitions and files by; never more than it says.

    Args:
        values: The only values that can match, as SQL literals' Python values; None where that is not known.
        low: No smaller value can match; None without a bound.
        high: No greater one can.
    """

    values: frozenset[Any] | None = None
    low: Any = None
    high: Any = None


@dataclass(frozen=True)
class Source:
    """A base table in a translation.

    Args:
        relation: The table.
        needed: Columns that the query reads, in the relation's order; `$path` where asked for.
        ranges: By column, what can match at most.
    """

    relation: Relation
    needed: tuple[str, ...]
    ranges: Mapping[str, Range] = field(default_factory=dict)


@dataclass(frozen=True)
class Translation:
    """A query in DuckDB's SQL; made by `sql`, run by `engine`.

    Args:
        sql: One SELECT. Base tables stand in it as identifiers, the keys of `sources`.
        columns: Of the result: its names, which may repeat, and types.
        sources: By the name that a base table has in `sql`.
    """

    sql: str
    columns: tuple[Column, ...]
    sources: Mapping[str, Source]


@dataclass(frozen=True)
class Job:
    """A statement to run; made by the service, taken by a worker.

    Args:
        execution_id: Of the query execution.
        sql: As the client sent it, with the text of a named or prepared statement already in its place.
        database: Default database, or "".
        parameters: Execution parameters, SQL literals as texts, for the `?` in order.
        output: Folder in S3 for the result, `s3://bucket/prefix/`.
        folder: A folder of the job alone, on this machine.
        seconds: It may take at most.
        scanned_bytes: It may read at most; None without a cut-off.
        external_locations: Whether CTAS may choose its location (a workgroup that enforces its own forbids it).
        account: Whose catalogue and objects are meant; "" for those of the settings.
        region: Where; "" for that of the settings.
        workgroup: That of the execution, whose prepared statements PREPARE and DEALLOCATE change through the API.
        prepared: Prepared statements that `sql` may name (EXECUTE), by name; the text of each.
    """

    execution_id: str
    sql: str
    database: str
    parameters: tuple[str, ...]
    output: str
    folder: Path
    seconds: float
    scanned_bytes: int | None = None
    external_locations: bool = True
    account: str = ""
    region: str = ""
    workgroup: str = "primary"
    prepared: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of a job; made by a worker, kept by the service.

    Args:
        state: SUCCEEDED or FAILED.
        reason: StateChangeReason; "" for a success.
        error_code: Trino's name of the fault; "" for a success.
        statement: DML, DDL or UTILITY.
        substatement: SELECT, CREATE_TABLE, CREATE_TABLE_AS_SELECT, INSERT, UNLOAD, SHOW_TABLES … as Athena names it.
        columns: Of the result.
        location: Of the result file in S3: `.csv` for DML, `.txt` for the rest; "" without one.
        manifest: Of the files that CTAS, INSERT and UNLOAD wrote; "" for others.
        rows: In the result, without the header.
        updated: Rows written; None where nothing was.
        scanned_bytes: Of the files that were read, as far as they were.
        milliseconds: By phase: planning, execution, publishing.
        tables: Full names of what was read.
    """

    state: str
    reason: str = ""
    error_code: str = ""
    statement: str = "DML"
    substatement: str = "SELECT"
    columns: tuple[Column, ...] = ()
    location: str = ""
    manifest: str = ""
    rows: int = 0
    updated: int | None = None
    scanned_bytes: int = 0
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    tables: Sequence[str] = ()
