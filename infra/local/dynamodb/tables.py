"""Tables and items: the emulator's memory, with every change of it in the journal before it is acknowledged.

A write and its stream records are one transaction; one that the disk refuses is taken back in memory too. Stream
records themselves stand in streams.py.
"""

import contextlib
import functools
import json
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from infra.local.journal import Journal, WriteError, dumps
from lakehouse import logs

Table = dict[str, Any]
Item = dict[str, Any]
Answer = tuple[int, dict[str, str], Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tables (id INTEGER PRIMARY KEY, table_id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, hash TEXT NOT NULL, range TEXT NOT NULL, item BLOB NOT NULL,
    UNIQUE (owner, hash, range)
);
"""
_STATE = "dynamodb"
_INSERT, _ANEW = "INSERT INTO items (owner, hash, range, item) VALUES", "ON CONFLICT DO UPDATE SET item = excluded.item"
_DELETE = "DELETE FROM items WHERE owner = ? AND hash = ? AND range = ?"


class _RefusedError(Exception):
    """Carries the answer of an operation that refused, out of a transaction that must not be committed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer[0])
        self.answer = answer


class DurableTables:
    """The emulator's tables, kept in the journal.

    Args:
        dynamodb: The emulator's DynamoDB module.
        journal: Where they are kept.
    """

    def __init__(self, dynamodb: Any, journal: Journal) -> None:
        self._dynamodb, self._journal = dynamodb, journal
        self._set, self._remove = dynamodb._set_item, dynamodb._remove_item
        self._replaced = dynamodb._items_replaced
        self._owners: dict[str, int] = {}
        self._saved = ""
        self._pending: dict[tuple[int, str, str], bytes | None] = {}
        self._noted = threading.local()
        journal.script(_SCHEMA)

    def load(self) -> None:
        """Put what the journal has into the emulator's memory."""
        from ministack.core.persistence import _json_object_hook  # noqa: PLC0415

        self._saved = self._journal.state(_STATE) or ""
        if not self._saved:
            return
        state = json.loads(self._saved, object_hook=_json_object_hook)
        self._dynamodb._restore_state(state)
        self._dynamodb._closed_streams.update(state["closed_streams"])
        self._owners = {name: row for row, name in self._journal.execute("SELECT id, table_id FROM tables")}
        by_owner = {}
        for table in self._dynamodb._tables.all_values():
            table["items"] = defaultdict(dict)
            by_owner[self._owners.get(table["TableId"])] = table
        for owner, hash_key, range_key, item in self._journal.rows("SELECT owner, hash, range, item FROM items"):
            if owner in by_owner:
                by_owner[owner]["items"][hash_key][range_key] = json.loads(item)
        for table in by_owner.values():
            self._dynamodb._update_counts(table)

    # --- in place of the emulator's functions

    def set_item(self, table: Table, hash_key: str, range_key: str, item: Item) -> Any:
        """Store an item in memory and in the transaction."""
        with self._journal.transaction():
            before = self._set(table, hash_key, range_key, item)
            self._pend((self._owner(table), hash_key, range_key), dumps(item))
            self._on_undo(table, hash_key, range_key, before)
            self._note(before, item)
            return before

    def remove_item(self, table: Table, hash_key: str, range_key: str) -> Any:
        """Delete an item in memory and in the transaction."""
        with self._journal.transaction():
            before = self._remove(table, hash_key, range_key)
            if before is not None:
                self._pend((self._owner(table), hash_key, range_key), None)
                self._on_undo(table, hash_key, range_key, before)
                self._note(before, None)
            return before

    def items_replaced(self, table: Table) -> None:
        """All items of a table were exchanged: write them anew."""
        with self._journal.transaction():
            self._replaced(table)
            owner = self._owner(table)
            self._journal.execute("DELETE FROM items WHERE owner = ?", (owner,))
            for hash_key, within in table["items"].items():
                for range_key, item in within.items():
                    self._pend((owner, hash_key, range_key), dumps(item))

    def writing(self, emulated: Callable[..., Answer]) -> Callable[..., Answer]:
        """An operation on items: committed before it is answered, or as if it had never been asked for."""

        @functools.wraps(emulated)
        def write(*args: Any, **kwargs: Any) -> Answer:
            try:
                with self._journal.transaction():
                    answer = emulated(*args, **kwargs)
                    if answer[0] >= 400:
                        raise _RefusedError(answer)
                    return answer
            except _RefusedError as refused:
                return refused.answer
            except WriteError as fault:
                return self._refuse(fault)

        return write

    def ruling(self, emulated: Callable[..., Any]) -> Callable[..., Any]:
        """An operation on tables, or a step of CloudFormation: what it changed is saved with it."""

        @functools.wraps(emulated)
        def rule(*args: Any, **kwargs: Any) -> Any:
            with self._changing():
                return emulated(*args, **kwargs)

        return rule

    def ruling_request(self, emulated: Callable[..., Answer]) -> Callable[..., Answer]:
        """As `ruling`, for what is asked by a client: a full disk is an answer."""
        ruled = self.ruling(emulated)

        @functools.wraps(emulated)
        def rule(*args: Any, **kwargs: Any) -> Answer:
            try:
                return ruled(*args, **kwargs)
            except WriteError as fault:
                return self._refuse(fault)

        return rule

    @contextlib.contextmanager
    def noting(self) -> Iterator[list[tuple[Item | None, Item | None]]]:
        """The changes of items that this thread makes within, as images before and after."""
        changes: list[tuple[Item | None, Item | None]] = []
        self._noted.changes = changes
        try:
            yield changes
        finally:
            self._noted.changes = None

    # --- inside

    def _note(self, before: Item | None, after: Item | None) -> None:
        changes = getattr(self._noted, "changes", None)
        if changes is not None:
            changes.append((before, after))

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        tables = self._dynamodb._tables._data
        with self._journal.transaction():
            before = dict(tables)
            self._journal.on_undo(lambda: self._restore(before))
            yield
            self._save()

    def _save(self) -> None:
        from ministack.core.persistence import _json_default  # noqa: PLC0415
        from ministack.core.responses import AccountRegionScopedDict  # noqa: PLC0415

        dynamodb = self._dynamodb
        tables = AccountRegionScopedDict()
        for key, table in list(dynamodb._tables._data.items()):
            tables._data[key] = _described(table, dynamodb._INDEX_MEMBERS)
        state = {"tables": tables, "closed_streams": dynamodb._closed_streams}
        for name in _ASPECTS:
            state[name] = getattr(dynamodb, f"_{name}")
        text = json.dumps(state, default=_json_default)
        if text == self._saved:
            return
        self._journal.save(_STATE, text)
        known = {table["TableId"] for table in tables._data.values()}
        for gone in [name for name in self._owners if name not in known]:
            owner = self._owners.pop(gone)
            self._journal.on_undo(functools.partial(self._owners.__setitem__, gone, owner))
            self._journal.execute("DELETE FROM items WHERE owner = ?", (owner,))
            self._journal.execute("DELETE FROM tables WHERE id = ?", (owner,))
        saved, self._saved = self._saved, text
        self._journal.on_undo(lambda: setattr(self, "_saved", saved))

    def _restore(self, before: dict[Any, Table]) -> None:
        """Put back into memory what was saved last; the items are where they were."""
        from ministack.core.persistence import _json_object_hook  # noqa: PLC0415

        state = json.loads(self._saved, object_hook=_json_object_hook) if self._saved else {}
        self._dynamodb._tables._data = before
        for key, table in before.items():
            saved = state.get("tables")
            described = saved._data.get(key) if saved is not None else None
            if described is not None:
                items = table["items"]
                table.clear()
                table.update(described, items=items)
                self._dynamodb._update_counts(table)
        for name in ("closed_streams", *_ASPECTS):
            store = getattr(self._dynamodb, f"_{name}")
            store._data = state[name]._data if name in state else {}

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

    def _owner(self, table: Table) -> int:
        name = table.get("TableId") or table.setdefault("TableId", self._dynamodb.new_uuid())
        owner = self._owners.get(name)
        if owner is None:
            owner = self._journal.execute("INSERT INTO tables (table_id) VALUES (?) RETURNING id", (name,))[0][0]
            self._owners[name] = owner
            self._journal.on_undo(lambda: self._owners.pop(name, None))
        return owner

    def _on_undo(self, table: Table, hash_key: str, range_key: str, before: Item | None) -> None:
        if before is None:
            self._journal.on_undo(lambda: self._remove(table, hash_key, range_key))
        else:
            self._journal.on_undo(lambda: self._set(table, hash_key, range_key, before))

    def _refuse(self, fault: WriteError) -> Answer:
        logs.event("item not written", logging.ERROR, fault=fault)
        answer: Answer = self._dynamodb.error_response_json("InternalServerError", str(fault), 500)
        return answer


# What the emulator keeps of tables beside the tables themselves.
_ASPECTS = (
    "tags", "ttl_settings", "pitr_settings", "kinesis_destinations", "contributor_insights", "backups",
    "resource_policies", "exports", "imports",
)  # fmt: skip


def _described(table: Table, index_members: str) -> Table:
    return {name: value for name, value in table.items() if name not in ("items", index_members)}
