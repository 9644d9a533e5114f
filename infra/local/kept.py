"""A service's resources by kind and name, kept in one file that is whole after any kill."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Kept:
    """Records that survive the process; a change is on disk before it is answered.

    Args:
        path: The file; its folder is made with the first record.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.RLock()
        self._records: dict[str, dict[str, Record]] = {}
        if path.is_file():
            self._records = json.loads(path.read_text(encoding="utf-8"))

    def get(self, kind: str, name: str) -> Record | None:
        """A record, or None."""
        with self._lock:
            found = self._records.get(kind, {}).get(name)
            return None if found is None else dict(found)

    def all(self, kind: str) -> Iterator[Record]:
        """The records of a kind in the order in which they were made."""
        with self._lock:
            return iter([dict(found) for found in self._records.get(kind, {}).values()])

    def put(self, kind: str, name: str, record: Record) -> None:
        """Write a record."""
        with self._lock:
            self._records.setdefault(kind, {})[name] = record
            self._write()

    def change(self, kind: str, name: str, **members: Any) -> None:
        """Change members of a record that is there."""
        with self._lock:
            if name in self._records.get(kind, {}):
                self._records[kind][name] |= members
                self._write()

    def drop(self, kind: str, name: str) -> None:
        """Remove a record; none is fine."""
        with self._lock:
            if self._records.get(kind, {}).pop(name, None) is not None:
                self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(self._records, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
