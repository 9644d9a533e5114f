"""Items in the journal: written with the transaction that changes them, read once at the start. Knows no emulator."""

import contextlib
import functools
import gc
import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from infra.local.journal import Journal, dumps

Item = dict[str, Any]
Items = dict[str, dict[str, Item]]
"""Of a table: by hash key, by range key."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tables (id INTEGER PRIMARY KEY, table_id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, hash TEXT NOT NULL, range TEXT NOT NULL, item BLOB NOT NULL,
    UNIQUE (owner, hash, range)
);
"""
_INSERT, _ANEW = "INSERT INTO items (owner, hash, range, item) VALUES", "ON CONFLICT DO UPDATE SET item = excluded.item"
_DELETE = "DELETE FROM items WHERE owner = ? AND hash = ? AND range = ?"
_ROWS = 1000  # that are parsed as one document: names that repeat are one text in memory then


class KeptItems:
    """The items of all tables, each table by its id.

    Args:
        journal: Where they are kept.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._pending: dict[tuple[int, str, str], bytes | None] = {}
        journal.script(_SCHEMA)
        self._owners = {name: row for row, name in journal.execute("SELECT id, table_id FROM tables")}

    def load(self, tables: Collection[str]) -> dict[str, Items]:
        """The items of these tables, by the tables' ids."""
        found: dict[str, Items] = {name: defaultdict(dict) for name in tables}
        by_owner = {self._owners[name]: items for name, items in found.items() if name in self._owners}
        with _without_collections(), self._journal.rows("SELECT owner, hash, range, item FROM items") as cursor:
            ranges: dict[str, str] = {}
            while rows := cursor.fetchmany(_ROWS):
                parsed = json.loads(b"[" + b",".join(row[3] for row in rows) + b"]")
                for (owner, hash_key, range_key, _), item in zip(rows, parsed, strict=True):
                    if owner in by_owner:
                        by_owner[owner][hash_key][ranges.setdefault(range_key, range_key)] = item
        return found

    def put(self, table: str, hash_key: str, range_key: str, item: Item) -> None:
        """Have an item written with the transaction that is open."""
        self._pend((self._owner(table), hash_key, range_key), dumps(item))

    def delete(self, table: str, hash_key: str, range_key: str) -> None:
        """Have an item deleted with the transaction that is open."""
        self._pend((self._owner(table), hash_key, range_key), None)

    def clear(self, table: str) -> None:
        """Delete the items of a table."""
        self._journal.execute("DELETE FROM items WHERE owner = ?", (self._owner(table),))

    def keep_only(self, tables: Collection[str]) -> None:
        """Forget all other tables with their items, within a transaction."""
        for gone in [name for name in self._owners if name not in tables]:
            owner = self._owners.pop(gone)
            self._journal.on_undo(functools.partial(self._owners.__setitem__, gone, owner))
            self._journal.execute("DELETE FROM items WHERE owner = ?", (owner,))
            self._journal.execute("DELETE FROM tables WHERE id = ?", (owner,))

    def _pend(self, place: tuple[int, str, str], item: bytes | None) -> None:
        """Have an item written, or deleted, at the end of the transaction; the last word on a key counts."""
        if not self._pending:
            self._journal.before_commit(self._flush)
            self._journal.on_undo(self._pending.clear)
        self._pending[place] = item

    def _flush(self) -> None:
        written = [(*place, item) for place, item in self._pending.items() if item is not None]
        self._journal.insert(_INSERT, _ANEW, written)
        for place, item in self._pending.items():
            if item is None:
                self._journal.execute(_DELETE, place)
        self._pending.clear()

    def _owner(self, table: str) -> int:
        owner = self._owners.get(table)
        if owner is None:
            owner = self._journal.execute("INSERT INTO tables (table_id) VALUES (?) RETURNING id", (table,))[0][0]
            self._owners[table] = owner
            self._journal.on_undo(lambda: self._owners.pop(table, None))
        return owner


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Without the collector of cycles, which looked at every item again and again: half of what a start took.

    What is there afterwards is left out of later collections, too: items hold no cycles.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
