"""Tables and items: the emulator's memory, with every change of it in the journal before it is acknowledged.

A write and its stream records are one transaction; one that the disk refuses is taken back in memory too. Stream
records themselves stand in streams.py, what the journal has of items in items.py.
"""

import contextlib
import functools
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from infra.local.dynamodb.items import Item, KeptItems
from infra.local.journal import Journal, WriteError, refusing
from lakehouse import logs

Table = dict[str, Any]
Answer = tuple[int, dict[str, str], Any]

_STATE = "dynamodb"


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
        self._items = KeptItems(journal)
        self._saved = ""
        self._noted = threading.local()

    def load(self) -> None:
        """Put what the journal has into the emulator's memory."""
        from ministack.core.persistence import _json_object_hook  # noqa: PLC0415

        self._saved = self._journal.state(_STATE) or ""
        if not self._saved:
            return
        state = json.loads(self._saved, object_hook=_json_object_hook)
        self._dynamodb._restore_state(state)
        self._dynamodb._closed_streams.update(state["closed_streams"])
        tables = {table["TableId"]: table for table in self._dynamodb._tables.all_values()}
        for table_id, items in self._items.load(tables).items():
            tables[table_id]["items"] = items
            self._dynamodb._update_counts(tables[table_id])

    # --- in place of the emulator's functions

    def set_item(self, table: Table, hash_key: str, range_key: str, item: Item) -> Any:
        """Store an item in memory and in the transaction."""
        with self._journal.transaction():
            before = self._set(table, hash_key, range_key, item)
            self._items.put(self._id(table), hash_key, range_key, item)
            self._on_undo(table, hash_key, range_key, before)
            self._note(before, item)
            return before

    def remove_item(self, table: Table, hash_key: str, range_key: str) -> Any:
        """Delete an item in memory and in the transaction."""
        with self._journal.transaction():
            before = self._remove(table, hash_key, range_key)
            if before is not None:
                self._items.delete(self._id(table), hash_key, range_key)
                self._on_undo(table, hash_key, range_key, before)
                self._note(before, None)
            return before

    def items_replaced(self, table: Table) -> None:
        """All items of a table were exchanged: write them anew."""
        with self._journal.transaction():
            self._replaced(table)
            self._items.clear(self._id(table))
            for hash_key, within in table["items"].items():
                for range_key, item in within.items():
                    self._items.put(self._id(table), hash_key, range_key, item)

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

        return refusing(write, self._refuse)

    def ruling(self, emulated: Callable[..., Any]) -> Callable[..., Any]:
        """An operation on tables, or a step of CloudFormation: what it changed is saved with it."""

        @functools.wraps(emulated)
        def rule(*args: Any, **kwargs: Any) -> Any:
            with self._changing():
                return emulated(*args, **kwargs)

        return rule

    def ruling_request(self, emulated: Callable[..., Answer]) -> Callable[..., Answer]:
        """As `ruling`, for what is asked by a client: a full disk is an answer."""
        return refusing(self.ruling(emulated), self._refuse)

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
        self._items.keep_only({table["TableId"] for table in tables._data.values()})
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

    def _id(self, table: Table) -> str:
        return str(table.get("TableId") or table.setdefault("TableId", self._dynamodb.new_uuid()))

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
