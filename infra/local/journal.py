"""The gateway's journal: ordered logs, the positions of those who read them, and other state, in one SQLite file.

Owns atomicity: what a transaction wrote is there as a whole or not at all, whatever is killed when. It knows nothing
of AWS nor of the emulator (docs/decisions/0110).
"""

import contextlib
import functools
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from infra.local.log import POSITIONS, Log
from lakehouse.errors import ConfigError

P = ParamSpec("P")
R = TypeVar("R")
_ROWS = 100  # of one statement

_SCHEMA = """
CREATE TABLE IF NOT EXISTS logs (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, first INTEGER NOT NULL, next INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, at REAL NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS positions (
    reader TEXT NOT NULL, log TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (reader, log)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS states (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
"""


class WriteError(Exception):
    """The disk refused a write; everything is as it was before."""


def refusing(act: Callable[P, R], refuse: Callable[[WriteError], R]) -> Callable[P, R]:
    """A function for which a disk that refuses a write is an answer, not an exception."""

    @functools.wraps(act)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return act(*args, **kwargs)
        except WriteError as fault:
            return refuse(fault)

    return answer


class Journal:
    """One file, used by the threads of one process.

    A killed process loses nothing that was committed. After a loss of power the last commits may be missing: nothing
    is flushed to the disk itself before the next checkpoint.

    Raises:
        ConfigError: Another process has the file open, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=0.5, check_same_thread=False, isolation_level=None)
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            # Each checkpoint waits for the disk: at 10 MB/s one in three seconds, not three a second.
            self._database.execute("PRAGMA wal_autocheckpoint = 8000")
            self._database.execute("PRAGMA cache_size = -16384")
            self._database.executescript(_SCHEMA)
        except sqlite3.OperationalError as fault:
            self._database.close()
            raise ConfigError(f"{path}: {fault}", "no other gateway on this folder", "run `make down`") from fault
        self.lock = threading.RLock()
        self._arrived = threading.Condition()
        self.commits = 0  # so far, or calls of `wake`: whoever has seen one waits for the next
        self._depth = 0
        self._undo: list[Callable[[], object]] = []
        self._before: list[Callable[[], object]] = []
        self._appended: list[tuple[int, float, str, bytes]] = []
        self._logs: dict[str, Log] = {}
        self._names = {name for (name,) in self._database.execute("SELECT name FROM logs")}

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written within is committed together; an exception undoes it all. Inner ones join the outer one.

        Raises:
            WriteError: The disk refused the commit; what `on_undo` was told has been undone.
        """
        with self.lock:
            self._depth += 1
            outer = self._depth == 1
            try:
                if outer:
                    self._database.execute("BEGIN IMMEDIATE")
                yield
                if outer:
                    for flush in self._before:
                        flush()
                    self.insert("INSERT INTO records VALUES", "", self._appended)
                    self._appended.clear()
                    self._database.execute("COMMIT")
            except BaseException as fault:
                if outer:
                    self._rollback()
                if isinstance(fault, sqlite3.Error):
                    raise WriteError(f"the journal was not written: {fault}") from fault
                raise
            finally:
                self._depth -= 1
                if outer:
                    self._undo.clear()
                    self._before.clear()
        if outer:
            self.wake()

    def on_undo(self, undo: Callable[[], object]) -> None:
        """Have something done, in reverse order, if the transaction that is open is rolled back."""
        if self._depth:
            self._undo.append(undo)

    def before_commit(self, flush: Callable[[], object]) -> None:
        """Have something done at the end of the transaction that is open, before it is committed."""
        self._before.append(flush)

    def insert(self, head: str, tail: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows, many by a statement: each statement gives the interpreter's lock to a thread that computes."""
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            one = f"({', '.join('?' * len(some[0]))})"
            values = [value for row in some for value in row]
            self._database.execute(f"{head} {', '.join([one] * len(some))} {tail}", values)

    def append(self, record: tuple[int, float, str, bytes]) -> None:
        """Have a record of a log (row id, arrival, key, body) written with the transaction that is open."""
        if not self._depth:
            raise RuntimeError("a record is appended outside of a transaction")
        self._appended.append(record)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run one statement in the transaction that is open, or in one of its own; its rows.

        Raises:
            WriteError: The disk refused it; within a transaction sqlite3's own error, which ends that.
        """
        with self.rows(sql, values) as rows:
            return rows.fetchall()

    @contextlib.contextmanager
    def rows(self, sql: str, values: Sequence[Any] = ()) -> Iterator[sqlite3.Cursor]:
        """The rows of a query, one by one; others wait meanwhile."""
        with self.lock:
            try:
                cursor = self._database.execute(sql, values)
                try:
                    yield cursor
                finally:
                    cursor.close()
            except sqlite3.Error as fault:
                if self._depth:  # the transaction is to fail as a whole, whoever takes a WriteError for an answer
                    raise
                raise WriteError(f"the journal was not written: {fault}") from fault

    def script(self, sql: str) -> None:
        """Create tables of others."""
        self._database.executescript(sql)

    def wait(self, seconds: float, seen: int) -> None:
        """Wait until something was committed after `commits` was `seen`, at most so long."""
        with self._arrived:
            self._arrived.wait_for(lambda: self.commits != seen, seconds)

    def wake(self) -> None:
        """End every `wait`."""
        with self._arrived:
            self.commits += 1
            self._arrived.notify_all()

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._database.close()

    # --- logs

    def log(self, name: str) -> "Log":
        """A log by its name; it is there from the first append on."""
        found = self._logs.get(name)
        if found is None:
            with self.lock:
                found = self._logs[name] = self._logs.get(name) or Log(self, name)
                self._names.add(name)
        return found

    def drop_log(self, name: str) -> None:
        """Remove a log with its records and positions."""
        with self.transaction():
            log = self.log(name)
            self.execute("DELETE FROM records WHERE id >= ? AND id < ?", (log.row(0), log.row(0) + POSITIONS))
            self.execute("DELETE FROM positions WHERE log = ?", (name,))
            self.execute("DELETE FROM logs WHERE name = ?", (name,))
            del self._logs[name]
            self._names.discard(name)
            self.on_undo(lambda: self._logs.__setitem__(name, log))
            self.on_undo(lambda: self._names.add(name))

    def forget_log(self, name: str) -> None:
        """Forget a log that was not made after all."""
        self._logs.pop(name, None)
        self._names.discard(name)

    def logs(self) -> list[str]:
        """The names of all logs."""
        return sorted(self._names.copy())

    # --- positions: the next record that a reader has not dealt with

    def position(self, reader: str, log: str) -> int | None:
        """Where a reader stands; None if it has not begun."""
        found = self.execute("SELECT position FROM positions WHERE reader = ? AND log = ?", (reader, log))
        return found[0][0] if found else None

    def move(self, reader: str, log: str, position: int) -> None:
        """Set where a reader stands."""
        self.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (reader, log, position))

    def forget(self, reader: str) -> None:
        """Forget where a reader stands."""
        self.execute("DELETE FROM positions WHERE reader = ?", (reader,))

    def forget_before(self, kind: str, log: str, position: int) -> None:
        """Forget where the readers of a kind, the begin of their names, stand in a log before a position."""
        stale = "DELETE FROM positions WHERE log = ? AND position < ? AND substr(reader, 1, ?) = ?"
        self.execute(stale, (log, position, len(kind), kind))

    def read_by_all(self, log: str) -> int | None:
        """Up to where every reader of a log has come; None if nobody reads it."""
        return self.execute("SELECT min(position) FROM positions WHERE log = ?", (log,))[0][0]

    # --- other state

    def state(self, name: str) -> str | None:
        """A text that was saved under a name."""
        found = self.execute("SELECT state FROM states WHERE name = ?", (name,))
        return found[0][0] if found else None

    def save(self, name: str, state: str) -> None:
        """Save a text under a name."""
        self.execute("INSERT OR REPLACE INTO states VALUES (?, ?)", (name, state))

    # --- inside

    def _rollback(self) -> None:
        self._appended.clear()
        with contextlib.suppress(sqlite3.Error):  # a full disk may have ended the transaction already
            self._database.execute("ROLLBACK")
        for undo in reversed(self._undo):
            undo()


def dumps(value: Any) -> bytes:
    """JSON as short as it can be, in UTF-8.

    Example:
        >>> dumps({"a": "é"}).decode()
        '{"a":"é"}'
    """
    return _ENCODER(value).encode()


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
