"""SQL over the Delta tables on one machine: DuckDB reads them through the `deltalake` package and Arrow.

Opens the tables a statement names and nothing else: DuckDB itself reaches no file, no network and no extension. It
shows answers to nobody; commands/query.py does.
"""

import re
from dataclasses import dataclass

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from lakehouse import places
from lakehouse.errors import ContractError, LakehouseError, SourceError
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES, TABLES, VIEWS, Column, Table, View, views

_LAYERS = tuple(dict.fromkeys(table.layer for table in TABLES))
_IMPATIENT = {"max_retries": "3", "retry_timeout": "5s", "connect_timeout": "2s"}  # by default it tries for 3 minutes
# Statements that ask for tables without naming them.
_ASKS_FOR_ALL = re.compile(r"\b(show|information_schema|duckdb_\w+|pg_catalog)\b", re.IGNORECASE)
# Applied once the tables are registered, and locked.
_LOCKS = (
    "SET TimeZone = 'UTC'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET temp_directory = ''",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


@dataclass(frozen=True)
class Presence:
    """A table or view, and whether it can be asked."""

    name: str
    is_there: bool
    meaning: str


class Lake:
    """The tables of one environment.

    Args:
        settings: Bucket, database prefix and how the AWS API is reached.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def query(self, sql: str) -> pa.RecordBatchReader:
        """Run one or more statements against the tables as they are now.

        Returns:
            The rows of the last statement, read as they are asked for; times are in UTC.

        Raises:
            ContractError: DuckDB refuses the SQL, or a table is not there yet.
            SourceError: The object store does not answer.
        """
        connection = duckdb.connect(config={"python_enable_replacements": False})
        absent = self._register(connection, _named(sql))
        for lock in _LOCKS:
            connection.execute(lock)
        try:
            answer = connection.sql(sql)
            if answer is None:
                return pa.RecordBatchReader.from_batches(pa.schema([]), [])
            return answer.to_arrow_reader()
        except duckdb.Error as fault:
            raise _explain(fault, sql, [self._name(table) for table in absent]) from fault

    def presence(self) -> list[Presence]:
        """Every table and view, those that are not there yet too."""
        absent = self._register(duckdb.connect(), list(TABLES))
        found = [Presence(self._name(table), table not in absent, table.meaning) for table in TABLES]
        there = {table.full_name for table in TABLES if table not in absent}
        return found + [Presence(self._name(view), _reads(view) <= there, view.meaning) for view in VIEWS]

    def unknown_columns(self) -> tuple[Column, ...]:
        """The columns that silver.order_lines has beyond the contract, with the meanings that stand in the table."""
        found = self._open(SILVER_ORDER_LINES)
        fields = found.schema().fields if found else []
        return tuple(
            Column(field.name, "string", str(field.metadata.get("comment", "")))
            for field in fields
            if field.name not in SILVER_ORDER_LINES.names
        )

    def _open(self, table: Table) -> DeltaTable | None:
        """The table as it is now; None if it is not there yet."""
        url = places.table_url(self._settings.bucket, table.layer, table.name)
        try:
            return DeltaTable(url, storage_options=self._settings.delta_options | _IMPATIENT)
        except TableNotFoundError:
            return None
        except (OSError, DeltaError) as fault:
            raise SourceError(
                f"{url}: {str(fault).splitlines()[0][:200]}", "an answer of the object store", "run `make up`"
            ) from fault

    def _register(self, connection: duckdb.DuckDBPyConnection, tables: list[Table]) -> list[Table]:
        """Make views over the tables, then those over these; return the tables that are not there."""
        absent, there = [], set()
        unknown: list[str] = []
        for layer in _LAYERS:
            connection.execute(f'CREATE SCHEMA "{self._settings.database_prefix}{layer}"')
        for table in tables:
            found = self._open(table)
            if found is None:
                absent.append(table)
                continue
            rows = found.to_pyarrow_dataset()
            if table is SILVER_ORDER_LINES:
                unknown = [name for name in rows.schema.names if name not in table.names]
            connection.register(f"{table.layer}_{table.name}", rows)
            connection.execute(f"CREATE VIEW {self._quoted(table)} AS SELECT * FROM {table.layer}_{table.name}")  # noqa: S608
            there.add(table.full_name)
        for view in views(unknown):
            if _reads(view) <= there:
                connection.execute(f"CREATE VIEW {self._quoted(view)} AS {self._prefixed(view.body)}")
        return absent

    def _name(self, table: Table | View) -> str:
        return f"{self._settings.database_prefix}{table.full_name}"

    def _quoted(self, table: Table | View) -> str:
        return f'"{self._settings.database_prefix}{table.layer}"."{table.name}"'

    def _prefixed(self, body: str) -> str:
        return re.sub(rf"\b({'|'.join(_LAYERS)})\.", rf"{self._settings.database_prefix}\1.", body)


def _named(sql: str) -> list[Table]:
    """The tables whose names stand in a statement, or in the views it names; one too many does no harm."""
    if _ASKS_FOR_ALL.search(sql):
        return list(TABLES)
    words = set(re.findall(r"\w+", sql.lower()))
    needed = set().union(*(_reads(view) for view in VIEWS if view.name in words))
    return [table for table in TABLES if table.name in words or table.full_name in needed]


def _reads(view: View) -> set[str]:
    return {table.full_name for table in TABLES if re.search(rf"\b{table.layer}\.{table.name}\b", view.body)}


def _explain(fault: duckdb.Error, sql: str, absent: list[str]) -> LakehouseError:
    text = " ".join(re.split(r"\n+LINE \d+:", str(fault))[0].split())
    missing = [name for name in absent if name.partition(".")[2].lower() in sql.lower()]
    if isinstance(fault, duckdb.CatalogException) and missing:
        return ContractError(
            f"{missing[0]} is not there yet", "data that has come that far", "run `make replay` or see `make status`"
        )
    return ContractError(f"SQL: {text}")
