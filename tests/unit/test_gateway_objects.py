"""The object store: a key has its old or its new object, and no file is left over."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.local.objects import ObjectStore
from lakehouse.errors import ConfigError, SourceError

pytestmark = pytest.mark.unit

KEY = ("000000000000", "bucket", "a/b")


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "bodies").rglob("*") if path.is_file()}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    with closing(ObjectStore(tmp_path)) as store:
        yield store


def test_what_was_committed_is_there_after_reopening(tmp_path: Path, store: ObjectStore) -> None:
    name = store.write(b"hello")
    store.commit(KEY, {"etag": "e"}, [name])
    store.close()
    with closing(ObjectStore(tmp_path)) as again:
        assert again.get(KEY) == {"etag": "e"}
        assert list(again.items()) == [(KEY, {"etag": "e"})]
        assert again.read(name, 5) == b"hello"


def test_an_overwrite_drops_the_old_file(tmp_path: Path, store: ObjectStore) -> None:
    old = store.write(b"old")
    store.commit(KEY, {"n": 1}, [old])
    new = store.write(b"new")
    store.commit(KEY, {"n": 2}, [new])
    assert files(tmp_path) == {new}
    assert store.get(KEY) == {"n": 2}


def test_a_file_that_is_still_referred_to_stays(tmp_path: Path, store: ObjectStore) -> None:
    first, second = store.write(b"1"), store.write(b"2")
    store.commit(KEY, {}, [first])
    store.commit(KEY, {}, [first, second])
    assert files(tmp_path) == {first, second}


def test_a_forgotten_key_leaves_no_file(tmp_path: Path, store: ObjectStore) -> None:
    store.commit(KEY, {}, [store.write(b"1")])
    store.commit(KEY, None)
    assert store.get(KEY) is None
    assert files(tmp_path) == set()


def test_a_deleted_bucket_leaves_others_alone(tmp_path: Path, store: ObjectStore) -> None:
    kept = store.write(b"kept")
    store.commit(("000000000000", "other", "k"), {}, [kept])
    store.commit(KEY, {}, [store.write(b"1")])
    store.delete_bucket("000000000000", "bucket")
    assert files(tmp_path) == {kept}
    assert [key for key, _ in store.items()] == [("000000000000", "other", "k")]


def test_what_was_written_and_never_committed_is_swept_away(tmp_path: Path, store: ObjectStore) -> None:
    kept = store.write(b"kept")
    store.commit(KEY, {}, [kept])
    store.write(b"lost")
    store.close()
    ObjectStore(tmp_path).close()
    assert files(tmp_path) == {kept}


@pytest.mark.parametrize(("start", "end"), [(0, 10), (3, 7), (9, 10), (0, 0), (4, None), (8, 99)])
def test_a_range_is_that_part_of_the_body(store: ObjectStore, start: int, end: int | None) -> None:
    name = store.write(b"0123456789")
    assert store.read(name, 10, start, end) == b"0123456789"[start:end]


def test_a_body_that_was_cut_off_is_an_error_not_a_short_answer(tmp_path: Path, store: ObjectStore) -> None:
    name = store.write(b"0123456789")
    (tmp_path / "bodies" / name[:2] / name).write_bytes(b"0123")
    with pytest.raises(SourceError, match="ends early"):
        store.read(name, 10)


def test_a_lost_body_is_an_error(tmp_path: Path, store: ObjectStore) -> None:
    name = store.write(b"0123456789")
    (tmp_path / "bodies" / name[:2] / name).unlink()
    with pytest.raises(SourceError):
        store.read(name, 10)


def test_a_body_the_disk_refuses_leaves_no_file(
    tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    class Full:
        def __init__(self, file: object) -> None:
            self.file = file

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def write(self, body: bytes) -> None:
            self.file.write(body[:2])  # type: ignore[attr-defined]
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda path, mode: Full(opened(path, mode)))
    with pytest.raises(OSError, match="No space"):
        store.write(b"0123456789")
    assert files(tmp_path) == set()


def test_a_commit_that_fails_changes_nothing(tmp_path: Path, store: ObjectStore) -> None:
    old = store.write(b"old")
    store.commit(KEY, {"n": 1}, [old])
    store._database.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.Error):
        store.commit(KEY, {"n": 2}, [store.write(b"new")])
    assert store.get(KEY) == {"n": 1}
    assert old in files(tmp_path)


def test_a_second_process_is_refused(tmp_path: Path, store: ObjectStore) -> None:
    with pytest.raises(ConfigError, match="no other gateway"):
        ObjectStore(tmp_path)


def test_buckets_are_kept(tmp_path: Path, store: ObjectStore) -> None:
    assert store.buckets() is None
    store.save_buckets("one")
    store.save_buckets("two")
    store.close()
    with closing(ObjectStore(tmp_path)) as again:
        assert again.buckets() == "two"


def test_the_path_of_a_body_is_the_file_that_has_it(store: ObjectStore) -> None:
    name = store.write(b"hello")
    store.commit(KEY, {"n": 1}, [name])
    assert store.path(name).read_bytes() == b"hello"
    store.commit(KEY, None)
    assert not store.path(name).exists()
