"""Objects on disk: bodies as files that never change, and one SQLite row per key that says which file is current.

Owns the folder and its atomicity: a commit is one transaction, so a key has its old or its new object whatever is
killed when. It knows nothing of S3's protocol or of the emulator.
"""

import json
import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lakehouse.errors import ConfigError, SourceError

Key = tuple[str, str, str]  # account, bucket, key
State = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    account TEXT NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, files TEXT NOT NULL,
    PRIMARY KEY (account, bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS buckets (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL);
"""


class ObjectStore:
    """Bodies and rows under one folder, used by one process and one thread at a time.

    A killed process loses nothing that was committed. After a loss of power the last commits may be missing: nothing
    is flushed to the disk itself.

    Raises:
        ConfigError: Another process has the folder open, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._bodies = folder / "bodies"
        self._bodies.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "objects.sqlite"
        self._database = sqlite3.connect(path, timeout=0.5, check_same_thread=False, isolation_level=None)
        try:
            # Exclusive: a second process on this folder would sweep away what the first is writing.
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(_SCHEMA)
        except sqlite3.OperationalError as fault:
            self._database.close()
            raise ConfigError(f"{path}: {fault}", "no other gateway on this folder", "run `make down`") from fault
        self._sweep()

    def write(self, body: bytes) -> str:
        """Store a body and return its name. Nothing refers to it until a commit does.

        Raises:
            OSError: The disk refused it; no trace is left.
        """
        name = uuid.uuid4().hex
        path = self.path(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            with path.open("xb") as file:
                file.write(body)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return name

    def read(self, name: str, size: int, start: int = 0, end: int | None = None) -> bytes:
        """Bytes `start` to `end` (exclusive) of a body of `size` bytes, without reading the rest.

        Raises:
            SourceError: The file is gone or shorter than it was.
        """
        end = size if end is None else min(end, size)
        try:
            with self.path(name).open("rb", buffering=0) as file:
                body = os.pread(file.fileno(), end - start, start) if end > start else b""
                while len(body) < end - start:
                    more = os.pread(file.fileno(), end - start - len(body), start + len(body))
                    if not more:
                        raise SourceError(f"object file {name} ends early", f"{size} bytes", "run `make reset`")
                    body += more
                return body
        except OSError as fault:
            raise SourceError(f"object file {name}: {fault}", "", "run `make reset`") from fault

    def commit(self, key: Key, state: State | None, files: Iterable[str] = ()) -> None:
        """Make `state` what is known of a key, or forget the key; then drop the files it no longer refers to.

        Args:
            key: Account, bucket and key.
            state: Anything JSON holds; None to forget the key.
            files: Names of all the bodies that `state` refers to.

        Raises:
            sqlite3.Error: The disk refused it; the key is as before.
        """
        found = self._database.execute(
            "SELECT files FROM objects WHERE account = ? AND bucket = ? AND key = ?", key
        ).fetchone()
        before = set(found[0].split()) if found else set()
        after = set(files)
        if state is None:
            self._database.execute("DELETE FROM objects WHERE account = ? AND bucket = ? AND key = ?", key)
        else:
            row = (*key, json.dumps(state), " ".join(sorted(after)))
            self._database.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", row)
        self.discard(before - after)

    def discard(self, names: Iterable[str]) -> None:
        """Remove bodies that no row refers to."""
        for name in names:
            self.path(name).unlink(missing_ok=True)

    def get(self, key: Key) -> State | None:
        """What was committed last for a key."""
        found = self._database.execute(
            "SELECT state FROM objects WHERE account = ? AND bucket = ? AND key = ?", key
        ).fetchone()
        return json.loads(found[0]) if found else None

    def items(self) -> Iterator[tuple[Key, State]]:
        """Every key with its state."""
        for account, bucket, key, state in self._database.execute("SELECT account, bucket, key, state FROM objects"):
            yield (account, bucket, key), json.loads(state)

    def delete_bucket(self, account: str, bucket: str) -> None:
        """Forget every key of a bucket."""
        rows = self._database.execute(
            "DELETE FROM objects WHERE account = ? AND bucket = ? RETURNING files", (account, bucket)
        ).fetchall()
        self.discard(name for (files,) in rows for name in files.split())

    def save_buckets(self, state: str) -> None:
        """Keep the text that describes all buckets."""
        self._database.execute("INSERT OR REPLACE INTO buckets VALUES (1, ?)", (state,))

    def buckets(self) -> str | None:
        """The text that describes all buckets; None before the first."""
        found = self._database.execute("SELECT state FROM buckets").fetchone()
        return found[0] if found else None

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def path(self, name: str) -> Path:
        """The file of a body; it is never changed, only removed."""
        return self._bodies / name[:2] / name

    def _sweep(self) -> None:
        """Remove what a killed process wrote and never committed."""
        known = {name for (files,) in self._database.execute("SELECT files FROM objects") for name in files.split()}
        for folder in self._bodies.iterdir():
            for path in folder.iterdir():
                if path.name not in known:
                    path.unlink()
