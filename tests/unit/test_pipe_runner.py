"""The thread of a pipe: where it begins, what it holds for dead letters, and that it moves nothing once abandoned."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infra.local.journal import Journal
from infra.local.kinesis import DeliveryError
from infra.local.pipes.runner import HELD, Runner, reader

pytestmark = pytest.mark.unit

ARN = "arn:aws:pipes:eu-west-1:0:pipe/p"
SOURCE = "arn:aws:dynamodb:eu-west-1:0:table/t/stream/2026-11-30T10:00:00.000"
LOG = f"dynamodb:{SOURCE}"


class Kinesis:
    """A stream that refuses while it `is_away`."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.is_away = False

    def put(self, _: str, records: Sequence[tuple[str, bytes]]) -> None:
        if self.is_away:
            raise DeliveryError("away")
        self.keys += [key for key, _ in records]


class Site:
    """A pipe with its journal, its stream and its dead letters."""

    def __init__(self, journal: Journal, **stream: Any) -> None:
        self.journal, self.kinesis, self.letters = journal, Kinesis(), list[dict[str, Any]]()
        self.elsewhere: Callable[[], object] = lambda: None
        target = {"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.SequenceNumber"}}
        self.pipe = {
            "Name": "p", "Arn": ARN, "Source": SOURCE, "Target": "arn:aws:kinesis:eu-west-1:0:stream/s",
            "SourceParameters": {"DynamoDBStreamParameters": stream}, "TargetParameters": target,
        }  # fmt: skip
        self.runner = Runner(
            self.pipe, journal, kinesis=self.kinesis, elsewhere=lambda *_: self.elsewhere(), measure=lambda *_: None,
            tell=lambda _, text: self.letters.append(json.loads(text)),
        )  # type: ignore[arg-type]  # fmt: skip

    def change(self, count: int) -> None:
        with self.journal.transaction():
            log = self.journal.log(LOG)
            for _ in range(count):
                log.append("", json.dumps({"dynamodb": {"SequenceNumber": str(log.next)}}).encode())

    @property
    def position(self) -> int | None:
        return self.journal.position(reader(ARN), LOG)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "j.sqlite")) as journal:
        yield journal


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)


def end(site: Site) -> None:
    site.runner.stop()
    site.runner.join(10)
    assert not site.runner.is_alive()


def test_a_pipe_of_the_newest_without_a_position_delivers_what_comes(journal: Journal) -> None:
    site = Site(journal, StartingPosition="LATEST")
    site.change(3)
    site.runner.start()
    until(lambda: site.position == 3)
    site.change(2)
    until(lambda: site.kinesis.keys == ["3", "4"])
    end(site)
    assert site.position == 5


def test_what_a_dead_letter_is_about_is_held_in_the_stream(journal: Journal) -> None:
    site = Site(
        journal,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        OnPartialBatchItemFailure="AUTOMATIC_BISECT",
        DeadLetterConfig={"Arn": "arn:aws:sqs:eu-west-1:0:q"},
    )
    site.kinesis.is_away = True
    site.change(4)
    site.runner.start()
    until(lambda: site.position == 4)
    end(site)
    assert [one["DDBStreamBatchInfo"]["startSequenceNumber"] for one in site.letters] == ["0", "1", "2", "3"]
    hours = journal.execute("SELECT reader, position FROM positions WHERE substr(reader, 1, ?) = ?", (len(HELD), HELD))
    assert [position for _, position in hours][:1] == [0]
    assert len(hours) <= 2  # one an hour, not one a letter


def test_a_pipe_that_was_deleted_while_it_delivered_moves_no_position(journal: Journal) -> None:
    site = Site(journal, StartingPosition="TRIM_HORIZON")
    site.pipe["Target"] = "arn:aws:sns:eu-west-1:0:topic"  # delivered to outside of the transaction

    def delete() -> None:
        with journal.transaction():
            site.runner.abandon()
            journal.forget(reader(ARN))

    site.elsewhere = delete
    site.change(1)
    site.runner.start()
    site.runner.join(10)
    assert not site.runner.is_alive()
    assert site.position is None
