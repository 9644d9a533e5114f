"""A SQLite file that one process keeps its state in, with any number of its threads.

Owns the file and its atomicity: what a client has been answered survives a kill of the process. It knows no tables.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lakehouse.errors import ConfigError


class Database:
    """One file in WAL, open in this process alone.

    Args:
        path: Of the file.
        schema: Statements that create what is not there yet.
        synchronous: FULL survives a loss of power; NORMAL a kill of the process, and does not wait for the disk.

    Raises:
        ConfigError: The file is open elsewhere, or the disk refuses it.
    """

    def __init__(self, path: Path, schema: str, synchronous: str = "FULL") -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, timeout=0.5, check_same_thread=False, isolation_level=None)
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute(f"PRAGMA synchronous = {synchronous}")
            self._database.execute("PRAGMA foreign_keys = ON")
            self._database.executescript(schema)
        except sqlite3.OperationalError as fault:
            self._database.close()
            raise ConfigError(f"{path}: {fault}", "no other service on this folder", "run `make down`") from fault

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is read and written within is one step, or nothing of it happened."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk ends some by itself
                    self._database.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()
