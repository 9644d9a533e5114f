"""DuckDB for one query: it can read the files of this query and nothing else, within memory and time.

Owns the switches and their order. What they leave open (reference: ATTACH ':memory:', PREPARE, SET VARIABLE …) must
not get here: only a single SELECT is run.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from infra.local.athena.contract import QueryError
from infra.local.athena.tables.types import quoted

T = TypeVar("T")
# Beyond as many columns of a result this optimizer takes longer than the query.
_WIDE = 1000
_MACROS = "infra.local.athena.sql.macros"
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
}


class Sandbox:
    """Connections for one query each; the next one is made while nothing is to be done.

    Args:
        memory_mb: DuckDB's limit.
        threads: Of a query.
    """

    def __init__(self, memory_mb: int, threads: int) -> None:
        self._config = {**_CONFIG, "memory_limit": f"{memory_mb}MB", "threads": threads}
        self._spare: duckdb.DuckDBPyConnection | None = None
        self._used: list[duckdb.DuckDBPyConnection] = []
        self._spill_mb = 4 * memory_mb

    def prepare(self) -> None:
        """Close what has been used and make the next connection in advance; both take longer than a small query."""
        while self._used:
            self._used.pop().close()
        if self._spare is None:
            self._spare = self._connect()

    def retire(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take back a connection that has been used; `prepare` closes it."""
        self._used.append(connection)

    def open(
        self,
        views: Mapping[str, str],
        paths: Sequence[Path],
        folder: Path,
        seconds: float,
        writable: Path | None = None,
        *,
        width: int = 1,
    ) -> duckdb.DuckDBPyConnection:
        """A connection that is locked into some files.

        Args:
            views: The SELECT of each view.
            paths: The files that may be read.
            folder: Where it may spill.
            seconds: After which a statement is interrupted.
            writable: A folder that COPY may write to; none by default.
            width: Columns of the result.
        """
        connection, self._spare = self._spare or self._connect(), None
        temporary = folder / "spill"
        connection.execute("SET temp_directory = ?", [str(temporary)])
        connection.execute("SET max_temp_directory_size = ?", [f"{self._spill_mb}MB"])
        connection.execute("SET max_execution_time = ?", [str(max(1, int(seconds * 1000)))])
        connection.execute("SET allowed_paths = ?", [[str(path) for path in paths]])
        if writable is not None:
            connection.execute("SET allowed_directories = ?", [[f"{writable}/"]])
        for name, select in views.items():
            connection.execute(f"CREATE TEMP VIEW {quoted(name)} AS {select}")
        if width > _WIDE:
            connection.execute("SET disabled_optimizers = 'statistics_propagation'")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(":memory:", config=self._config)
        connection.execute("SET TimeZone = 'UTC'")  # refused in the configuration
        prepare = _part("prepare")
        if prepare:
            prepare(connection)
        return connection


def single_select(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The SQL, if it is one SELECT.

    Raises:
        QueryError: It is anything else; it was not made by the translator.
    """
    found = connection.extract_statements(sql)
    if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
        raise QueryError("GENERIC_INTERNAL_ERROR", "only one SELECT can be run")
    return found[0].query.rstrip().rstrip(";")


def install_functions(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Put what a translation calls in Python into its connection."""
    install = _part("install_functions")
    if install:
        install(connection, sql)


def run_exact(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Run a translation; what the translator found out in vain of its numbers it takes back, and it runs again."""
    run: Callable[[duckdb.DuckDBPyConnection, Callable[[], T]], T] | None = _part("run_exact")
    return run(connection, work) if run else work()


def _part(name: str) -> Callable[..., Any] | None:
    """What the translator has its SQL rely on."""
    try:
        return getattr(importlib.import_module(_MACROS), name, None)
    except ModuleNotFoundError:
        return None
