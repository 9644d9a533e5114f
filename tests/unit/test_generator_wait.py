"""Waiting for gold: it ends when gold covers the offsets, when asked to, or when gold stands still."""

import time

import pytest

from generator import wait
from lakehouse.errors import SourceError
from lakehouse.progress import Progress
from lakehouse.settings import Settings

pytestmark = pytest.mark.unit

ENDS = {0: 10, 1: 5}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "LOOK_SECONDS", 0.001)


def at(first: int, second: int, topic_id: str = "t") -> Progress:
    return Progress(next_offsets={topic_id: {"0": first, "1": second}})


def test_it_returns_once_gold_covers_every_partition() -> None:
    looks = iter([None, at(3, 0), at(10, 4), at(11, 5)])
    reports: list[tuple[str, int, int | None]] = []
    assert wait.until_in_gold(Settings(), "t", ENDS, lambda *seen: reports.append(seen), read=lambda: next(looks))
    assert reports == [("to gold", 0, 15), ("to gold", 3, 15), ("to gold", 14, 15), ("to gold", 15, 15)]


def test_it_gives_up_when_gold_stands_still_and_says_what_is_pending() -> None:
    with pytest.raises(SourceError, match=r"not advanced.*partition 0: 4, partition 1: 5"):
        wait.until_in_gold(Settings(), "t", ENDS, read=lambda: at(6, 0), patience=0.05)


def test_offsets_of_another_topic_do_not_count() -> None:
    with pytest.raises(SourceError, match="partition 0: 10, partition 1: 5"):
        wait.until_in_gold(Settings(), "t", ENDS, read=lambda: at(99, 99, "older"), patience=0.05)


def test_it_ends_at_the_deadline_and_when_asked() -> None:
    with pytest.raises(SourceError, match="time to wait is over"):
        wait.until_in_gold(Settings(), "t", ENDS, deadline=time.monotonic(), read=lambda: None)
    assert not wait.until_in_gold(Settings(), "t", ENDS, stop=lambda: True, read=lambda: None)


def test_a_bucket_that_does_not_answer_is_no_progress() -> None:
    assert wait.bucket_reader(Settings(aws_endpoint_url="http://127.0.0.1:9"))() is None
