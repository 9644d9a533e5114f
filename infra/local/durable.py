"""S3 of the emulator on ObjectStore: what is acknowledged is on disk, what fails is answered 500 and leaves no trace.

Replaces the emulator's own persistence, which answers 200 when the disk refuses a write, writes body and metadata in
two steps, and reads a whole object for a range of it (docs/decisions/0030). Which of its functions are replaced
stands in `install`, and nowhere else.
"""

import contextvars
import functools
import json
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local.objects import Key, ObjectStore, State
from lakehouse import logs
from lakehouse.errors import SourceError

Record = dict[str, Any]
Answer = tuple[int, dict[str, str], Any]

# Stores of the emulator by (bucket, key, version id) that belong to a key.
_ASPECTS = ("tags", "acl", "annotations", "retention", "legal_hold")


class WriteError(Exception):
    """The disk refused a write; the key is as it was before."""


class _Range:
    """Stands for a body while the emulator cuts a range out of it: only what is cut is read."""

    def __init__(self, store: ObjectStore, name: str, size: int) -> None:
        self._store, self._name, self._size = store, name, size

    def __getitem__(self, cut: slice) -> bytes:
        start, end, _ = cut.indices(self._size)
        return self._store.read(self._name, self._size, start, end)

    def whole(self) -> bytes:
        return self._store.read(self._name, self._size)


class DurableObjects:
    """The emulator's objects, kept in an ObjectStore.

    Args:
        s3: The emulator's S3 module.
        store: Where they are kept.
    """

    def __init__(self, s3: Any, store: ObjectStore) -> None:
        self._s3, self._store = s3, store
        self._lock = threading.RLock()
        self._get_buckets = s3.get_state
        self._saved_buckets = store.buckets() or ""
        self._known_buckets: set[tuple[str, str]] = set()
        self._lazily: contextvars.ContextVar[bool] = contextvars.ContextVar("lazily", default=False)
        self._events: contextvars.ContextVar[list[Callable[[], None]] | None] = contextvars.ContextVar(
            "events", default=None
        )

    def load(self) -> None:
        """Put what the store has into the emulator's memory; bodies stay on disk."""
        if self._saved_buckets:
            from ministack.core.persistence import _json_object_hook  # noqa: PLC0415

            self._s3._restore_state(json.loads(self._saved_buckets, object_hook=_json_object_hook))
        for key, state in self._store.items():
            self._restore(key, state)

    # --- in place of the emulator's functions

    def persist(self, bucket: str, key: str, *_: Any) -> None:
        """Commit what the emulator's memory has for a key; on failure put back into memory what was committed last."""
        place = (self._s3.get_account_id(), bucket, key)
        written: list[str] = []
        with self._lock:
            try:
                state, files = self._state(bucket, key, written)
                self._store.commit(place, state, files)
                self.persist_buckets(only_new=bucket)
            except (OSError, sqlite3.Error) as fault:
                self._store.discard(written)
                self._restore(place, self._store.get(place))
                logs.event("object not written", logging.ERROR, bucket=bucket, key=key, fault=fault)
                raise WriteError(f"{bucket}/{key}: {fault}") from fault
            self._drop_bodies(bucket, key)

    def persist_buckets(self, only_new: str | None = None) -> None:
        """Commit the buckets and their settings if they changed; with `only_new`, only if that bucket is unknown."""
        if only_new is not None and (self._s3.get_account_id(), only_new) in self._known_buckets:
            return
        from ministack.core.persistence import _json_default  # noqa: PLC0415

        text = json.dumps(self._get_buckets(), default=_json_default)
        if text != self._saved_buckets:
            self._store.save_buckets(text)
            self._saved_buckets = text
        self._known_buckets = set(self._s3._buckets._data)

    def read_body(self, _bucket: str, key: str, record: Record) -> Any:
        """The body of a record, or what stands for it while a range is cut."""
        if record.get("body") is not None:
            return record["body"]
        if "file" not in record:
            raise SourceError(f"object {key} has no body", "", "write it again")
        if self._lazily.get():
            return _Range(self._store, record["file"], record["size"])
        return self._store.read(record["file"], record["size"])

    def version_body(self, _bucket: Record, _name: str, key: str, version: Record) -> bytes | None:
        """The body of a version; None for a delete marker."""
        if version.get("data") is not None:
            return version["data"]
        return self._store.read(version["file"], version["size"]) if "file" in version else None

    def path(self, account: str, bucket: str, key: str) -> Path:
        """The file of an object's current body; it stays as it is until the object is overwritten or deleted.

        Raises:
            SourceError: There is no such object, or nothing of it is on disk.
        """
        with self._lock, self._s3._in_account(account):
            current = self._current(bucket, key)
            if current is None or "file" not in current:
                raise SourceError(f"object s3://{bucket}/{key} is not there", "", "see whether it was deleted")
            return self._store.path(current["file"])

    def delete_bucket(self, bucket: str) -> None:
        """Forget a bucket that was deleted."""
        self._store.delete_bucket(self._s3.get_account_id(), bucket)

    def get_object(self, emulated: Callable[..., Answer]) -> Callable[..., Answer]:
        """GetObject that reads from disk only what it answers."""

        @functools.wraps(emulated)
        def get_object(*args: Any, **kwargs: Any) -> Answer:
            token = self._lazily.set(True)
            try:
                status, headers, body = emulated(*args, **kwargs)
            finally:
                self._lazily.reset(token)
            return status, headers, body.whole() if isinstance(body, _Range) else body

        return get_object

    def fire(self, emulated: Callable[..., None]) -> Callable[..., None]:
        """Notifications wait until the request has succeeded."""

        @functools.wraps(emulated)
        def fire(*args: Any, **kwargs: Any) -> None:
            waiting = self._events.get()
            if waiting is None:
                emulated(*args, **kwargs)
            else:
                waiting.append(lambda: emulated(*args, **kwargs))

        return fire

    def dispatch(self, emulated: Callable[..., Answer]) -> Callable[..., Answer]:
        """Every S3 request: a write that fails is answered 500, and only one that succeeds is told to others."""

        @functools.wraps(emulated)
        def dispatch(method: str, bucket: str, key: str, headers: Any, body: bytes, query: Any) -> Answer:
            upload_id = (query.get("uploadId") or [""])[0] if method == "POST" else ""
            upload = self._s3._multipart_uploads.get(upload_id)
            waiting: list[Callable[[], None]] = []
            token = self._events.set(waiting)
            try:
                with self._lock:
                    answer = emulated(method, bucket, key, headers, body, query)
                    if not key and method not in ("GET", "HEAD"):
                        self.persist_buckets()
            except (WriteError, SourceError, OSError, sqlite3.Error) as fault:
                if upload is not None:
                    self._s3._multipart_uploads[upload_id] = upload
                return self._s3._error("InternalError", str(fault), 500, f"/{bucket}/{key}")
            finally:
                self._events.reset(token)
            for tell in waiting:
                tell()
            return answer

        return dispatch

    # --- between memory and store

    def _state(self, bucket: str, key: str, written: list[str]) -> tuple[State | None, list[str]]:
        s3 = self._s3
        versions = s3._object_versions.get((bucket, key)) or []
        current = self._current(bucket, key)
        if versions and versions[-1].get("is_delete_marker"):
            current = None  # the emulator commits a marker before it hides the object
        if current is not None and "file" not in current:
            name = current.get("version_id") or "null"
            same = next((entry for entry in versions if entry["version_id"] == name and "file" in entry), None)
            current["file"] = same["file"] if same else self._write(current["body"], written)
        for entry in versions:
            if "file" not in entry and entry.get("data") is not None:
                shared = current is not None and (current.get("version_id") or "null") == entry["version_id"]
                entry["file"] = current["file"] if current and shared else self._write(entry["data"], written)
        if current is None and not versions:
            return None, []
        state = {
            "current": None if current is None else _without(current, "body", "_replica"),
            "versions": [_without(entry, "data") for entry in versions],
            **{aspect: self._aspect(aspect, bucket, key, versions) for aspect in _ASPECTS},
        }
        records = [*versions, *([] if current is None else [current])]
        return state, [record["file"] for record in records if "file" in record]

    def _write(self, body: bytes, written: list[str]) -> str:
        written.append(self._store.write(body))
        return written[-1]

    def _aspect(self, aspect: str, bucket: str, key: str, versions: list[Record]) -> State:
        found = getattr(self._s3, f"_object_{aspect}")
        ids = {None, *(entry["version_id"] for entry in versions)}
        values = {version_id: found.get((bucket, key, version_id)) for version_id in ids}
        return {version_id or "": value for version_id, value in values.items() if value is not None}

    def _current(self, bucket: str, key: str) -> Record | None:
        return (self._s3._buckets.get(bucket) or {"objects": {}})["objects"].get(key)

    def _drop_bodies(self, bucket: str, key: str) -> None:
        current = self._current(bucket, key)
        if current is not None:
            current["body"] = None
        for entry in self._s3._object_versions.get((bucket, key)) or []:
            entry["data"] = None

    def _restore(self, place: Key, state: State | None) -> None:
        account, bucket, key = place
        s3 = self._s3
        with s3._in_account(account):
            ids = {None, *(entry["version_id"] for entry in s3._object_versions.pop((bucket, key), []))}
            for aspect in _ASPECTS:
                for version_id in ids:
                    getattr(s3, f"_object_{aspect}").pop((bucket, key, version_id), None)
            objects = s3._buckets.setdefault(bucket, {"created": s3.now_iso(), "objects": {}, "region": None})[
                "objects"
            ]
            objects.pop(key, None)
            if state is None:
                return
            if state["current"] is not None:
                objects[key] = {**state["current"], "body": None}
            if state["versions"]:
                s3._object_versions[bucket, key] = [{**entry, "data": None} for entry in state["versions"]]
            for aspect in _ASPECTS:
                for version_id, value in state[aspect].items():
                    getattr(s3, f"_object_{aspect}")[bucket, key, version_id or None] = value


def _without(record: Record, *names: str) -> Record:
    return {name: value for name, value in record.items() if name not in names}


def install(store: ObjectStore) -> None:
    """Put the store under the emulator's S3, with what it holds. Once in a process, before the first request."""
    from ministack.services import s3  # noqa: PLC0415  (the emulator reads its environment on import)

    durable = s3.durable_objects = DurableObjects(s3, store)
    durable.load()
    for name in ("_persist_object", "_persist_delete_marker", "_persist_version_state", "_delete_persisted_object"):
        setattr(s3, name, durable.persist)
    s3._persist_displaced_version = lambda *_: None  # a version shares its file with the object it was
    s3._delete_version_file = lambda *_: None  # the commit that follows drops it
    s3._delete_persisted_bucket = durable.delete_bucket
    s3._read_body = durable.read_body
    s3._version_body = durable.version_body
    s3._get_object = durable.get_object(s3._get_object)
    s3._fire_s3_event_async = durable.fire(s3._fire_s3_event_async)
    s3._dispatch = durable.dispatch(s3._dispatch)
    s3.get_state, s3.load_persisted_state = lambda: None, lambda _: None  # the store has it
    s3.S3_PERSIST = True


def installed() -> DurableObjects:
    """What `install` put under the emulator."""
    from ministack.services import s3  # noqa: PLC0415  (the emulator reads its environment on import)

    return s3.durable_objects
