"""The journal: a transaction is there as a whole or not at all, and logs keep their positions."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.local.journal import Journal, WriteError
from lakehouse.errors import ConfigError

pytestmark = pytest.mark.unit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path)) as journal:
        yield journal


def fill(journal: Journal, name: str, count: int) -> None:
    with journal.transaction():
        for number in range(count):
            journal.log(name).append(f"k{number}", b"%d" % number, at=float(number))


def bodies(journal: Journal, name: str, position: int = 0, limit: int = 100) -> list[bytes]:
    return [one.body for one in journal.log(name).read(position, limit)]


def test_records_and_positions_are_there_after_reopening(path: Path, journal: Journal) -> None:
    fill(journal, "a", 3)
    fill(journal, "b", 1)
    journal.move("r", "a", 2)
    journal.close()
    with closing(Journal(path)) as again:
        assert bodies(again, "a", again.position("r", "a") or 0) == [b"2"]
        assert (again.log("a").first, again.log("a").next) == (0, 3)
        assert bodies(again, "b") == [b"0"]


def test_a_trimmed_log_goes_on_where_it_was(path: Path, journal: Journal) -> None:
    fill(journal, "a", 5)
    journal.log("a").trim(5)
    journal.close()
    with closing(Journal(path)) as again:
        assert (again.log("a").first, again.log("a").next, bodies(again, "a")) == (5, 5, [])
        fill(again, "a", 1)
        assert again.log("a").read(0, 10)[0].position == 5


def test_what_fails_within_a_transaction_leaves_no_trace(journal: Journal) -> None:
    fill(journal, "a", 1)
    undone: list[str] = []
    with pytest.raises(KeyError), journal.transaction():
        journal.on_undo(lambda: undone.append("first"))
        with journal.transaction():
            journal.log("a").append("", b"lost")
            journal.move("r", "a", 1)
        journal.on_undo(lambda: undone.append("second"))
        raise KeyError
    assert undone == ["second", "first"]
    assert journal.position("r", "a") is None
    fill(journal, "a", 1)
    assert [(one.position, one.body) for one in journal.log("a").read(0, 9)] == [(0, b"0"), (1, b"0")]


def test_a_full_disk_is_an_error_and_leaves_no_trace(journal: Journal) -> None:
    fill(journal, "a", 1)
    pages = journal.execute("PRAGMA page_count")[0][0]
    journal.execute(f"PRAGMA max_page_count = {pages}")
    undone: list[int] = []
    with pytest.raises(WriteError, match="full"), journal.transaction():
        journal.on_undo(lambda: undone.append(1))
        journal.log("a").append("", b"x" * 100_000)
    assert undone == [1]
    assert journal.log("a").next == 1
    journal.execute("PRAGMA max_page_count = 1000000")
    fill(journal, "a", 1)
    assert bodies(journal, "a") == [b"0", b"0"]


def test_a_torn_end_of_the_file_costs_what_was_not_acknowledged(path: Path, journal: Journal) -> None:
    fill(journal, "a", 3)
    writing = path.with_name(path.name + "-wal")
    kept = writing.read_bytes()
    fill(journal, "a", 1)
    torn = writing.read_bytes()[: len(kept) + 100]  # the last transaction, cut in its first page
    copy = path.with_name("copy.sqlite")
    copy.write_bytes(path.read_bytes())
    copy.with_name("copy.sqlite-wal").write_bytes(torn)
    with closing(Journal(copy)) as again:
        assert bodies(again, "a") == [b"0", b"1", b"2"]
        assert again.log("a").next == 3


def test_a_dropped_log_begins_anew(journal: Journal) -> None:
    fill(journal, "a", 2)
    journal.move("r", "a", 2)
    journal.drop_log("a")
    assert journal.logs() == []
    assert journal.position("r", "a") is None
    fill(journal, "a", 1)
    assert journal.log("a").read(0, 9)[0].position == 0


def test_the_slowest_reader_tells_what_all_have_read(journal: Journal) -> None:
    assert journal.read_by_all("a") is None
    journal.move("fast", "a", 9)
    journal.move("slow", "a", 4)
    assert journal.read_by_all("a") == 4
    journal.forget("slow")
    assert journal.read_by_all("a") == 9


def test_records_are_found_by_their_time(journal: Journal) -> None:
    fill(journal, "a", 10)
    journal.log("a").trim(2)
    assert [journal.log("a").older_than(moment) for moment in (0.0, 5.0, 5.5, 99.0)] == [2, 5, 6, 10]


def test_one_who_waits_is_woken_by_a_commit(journal: Journal) -> None:
    begun, seen = threading.Event(), journal.commits

    def wait() -> None:
        begun.set()
        journal.wait(30, seen)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    begun.wait(5)
    while waiting.is_alive():
        fill(journal, "a", 1)
        waiting.join(0.01)


def test_a_second_process_is_refused(path: Path, journal: Journal) -> None:
    with pytest.raises(ConfigError, match="make down"):
        Journal(path)
