"""The gateway's journal: ordered logs, the positions of those who read them, and other state, in one SQLite file.

Owns atomicity: what a transaction wrote is there as a whole or not at all, whatever is killed when. It knows nothing
of AWS nor of the emulator (docs/decisions/0110).
"""

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lakehouse.errors import ConfigError

# A record's row id is that of its log and its position: appends of a log stay together, and reading is a range.
_POSITIONS = 2**40
_ROWS = 100  # of one statement
_PAGE = 8 * 2**20  # what one read holds [bytes]

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


class Record(NamedTuple):
    """One record of a log: its place, when it arrived [seconds since 1970], its key and its body."""

    position: int
    at: float
    key: str
    body: bytes


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
            with self._arrived:
                self._arrived.notify_all()

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

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run one statement in the transaction that is open, or in one of its own; its rows."""
        with self.lock:
            return self._database.execute(sql, values).fetchall()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """The rows of a query, one by one; nothing may be written meanwhile."""
        return self._database.execute(sql, values)

    def script(self, sql: str) -> None:
        """Create tables of others."""
        self._database.executescript(sql)

    def wait(self, seconds: float) -> None:
        """Wait until something was committed, at most so long."""
        with self._arrived:
            self._arrived.wait(seconds)

    def wake(self) -> None:
        """End every `wait`."""
        with self._arrived:
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
            self.execute("DELETE FROM records WHERE id >= ? AND id < ?", (log.row(0), log.row(0) + _POSITIONS))
            self.execute("DELETE FROM positions WHERE log = ?", (name,))
            self.execute("DELETE FROM logs WHERE name = ?", (name,))
            del self._logs[name]
            self._names.discard(name)
            self.on_undo(lambda: self._logs.__setitem__(name, log))
            self.on_undo(lambda: self._names.add(name))

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


class Log:
    """Records in the order of their arrival, at positions that never change.

    Attributes:
        name: Its name.
        first: The position of the oldest record that is kept.
        next: The position that the next record will have.
    """

    def __init__(self, journal: Journal, name: str) -> None:
        self._journal, self.name = journal, name
        found = journal.execute("SELECT id, first, next FROM logs WHERE name = ?", (name,))
        if not found:
            found = journal.execute("INSERT INTO logs (name, first, next) VALUES (?, 0, 0) RETURNING *", (name,))
            journal.on_undo(lambda: journal._logs.pop(name, None))
            journal.on_undo(lambda: journal._names.discard(name))
            found = [(found[0][0], found[0][2], found[0][3])]
        self._id, self.first, self.next = found[0]
        last = journal.execute(
            "SELECT max(id) FROM records WHERE id >= ? AND id < ?", (self.row(0), self.row(0) + _POSITIONS)
        )[0][0]
        if last is not None:
            self.next = last - self.row(0) + 1

    def row(self, position: int) -> int:
        """The row id of a position."""
        return int(self._id) * _POSITIONS + position

    def append(self, key: str, body: bytes, at: float | None = None) -> int:
        """Add a record within a transaction; its position."""
        position = self.next
        self._journal._appended.append((self.row(position), time.time() if at is None else at, key, body))
        self._journal._undo.append(lambda: setattr(self, "next", position))
        self.next = position + 1
        return position

    def read(self, position: int, limit: int, size: int = _PAGE) -> list[Record]:
        """At most `limit` committed records from a position on, or from the oldest one that is kept.

        Fewer if they have `size` bytes together before; always one, if there is one.
        """
        start = self.row(max(position, self.first))
        found, first = [], self.row(0)
        with self._journal.lock:
            rows = self._journal.rows(
                "SELECT id, at, key, body FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
                (start, first + _POSITIONS, limit),
            )
            for row, at, key, body in rows:
                found.append(Record(row - first, at, key, body))
                size -= len(body)
                if size <= 0:
                    break
            rows.close()
        return found

    def trim(self, position: int) -> None:
        """Forget what is before a position."""
        position = min(position, self.next)
        if position <= self.first:
            return
        with self._journal.transaction():
            before = self.first
            self._journal.execute("DELETE FROM records WHERE id >= ? AND id < ?", (self.row(0), self.row(position)))
            self._journal.execute("UPDATE logs SET first = ?, next = ? WHERE id = ?", (position, self.next, self._id))
            self.first = position
            self._journal.on_undo(lambda: setattr(self, "first", before))

    def older_than(self, moment: float) -> int:
        """The position of the first record that arrived at `moment` or later; records arrive in order."""
        low, high = self.first, self.next
        while low < high:
            middle = (low + high) // 2
            found = self.read(middle, 1)
            if found and found[0].at < moment:
                low = middle + 1
            else:
                high = middle
        return low


def dumps(value: Any) -> bytes:
    """JSON as short as it can be, in UTF-8.

    Example:
        >>> dumps({"a": "é"}).decode()
        '{"a":"é"}'
    """
    return _ENCODER(value).encode()


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
