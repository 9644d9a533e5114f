"""The file of the service: its tables and how it is opened.

What stands in the tables is the matter of `executions` and `records`.
"""

from pathlib import Path

from forecasting.service.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS executions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, region TEXT NOT NULL,
    workgroup TEXT NOT NULL, state TEXT NOT NULL, token TEXT NOT NULL, fingerprint TEXT NOT NULL,
    reuse_key TEXT NOT NULL, sql TEXT NOT NULL, statement TEXT NOT NULL, substatement TEXT NOT NULL,
    submitted_at REAL NOT NULL, started_at REAL, completed_at REAL, reason TEXT NOT NULL, error_code TEXT NOT NULL,
    reused TEXT NOT NULL, request TEXT NOT NULL, outcome TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_workgroup ON executions (account, region, workgroup, number);
CREATE INDEX IF NOT EXISTS by_token ON executions (account, region, token);
CREATE INDEX IF NOT EXISTS by_reuse ON executions (reuse_key, number) WHERE reuse_key <> '';
CREATE INDEX IF NOT EXISTS unfinished ON executions (number) WHERE state IN ('QUEUED', 'RUNNING');
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, kind TEXT NOT NULL,
    parent TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, tags TEXT NOT NULL,
    created_at REAL NOT NULL, modified_at REAL NOT NULL,
    UNIQUE (account, region, kind, parent, name)
);
"""


class File(Database):
    """The state of the service; a kill of the process loses nothing of it, a loss of power may lose the last.

    A commit does not wait for the disk: StartQueryExecution to rows has 60 ms, and an execution that a loss of
    power forgets is one that a client can start again.

    Raises:
        ConfigError: The file is open elsewhere, or the disk refuses it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA, synchronous="NORMAL")

    def all(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of a query."""
        with self._lock:
            return self._database.execute(query, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """Change rows; how many, or the number of the one that was inserted."""
        with self._lock:
            cursor = self._database.execute(statement, values)
            return int((cursor.lastrowid if statement.startswith("INSERT") else cursor.rowcount) or 0)
