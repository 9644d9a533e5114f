"""What the journal keeps: a day, or until every reader has it; and which requests change something."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from infra.local import retention
from infra.local.control import changes
from infra.local.dynamodb.streams import RETENTION_SECONDS, DurableStreams
from infra.local.journal import Journal
from infra.local.pipes.runner import HELD
from infra.local.retention import Retention

pytestmark = pytest.mark.unit

ARN = "arn:aws:kinesis:eu-west-1:000000000000:stream/s"
KINESIS = f"kinesis:{ARN}/shardId-000000000000"
TABLE = "dynamodb:arn:aws:dynamodb:eu-west-1:0:table/t/stream/2026"
HOUR = 3600.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "j.sqlite")) as journal:
        yield journal


@pytest.fixture
def kept(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Retention:
    monkeypatch.setattr(retention, "KEPT", 3)
    monkeypatch.setattr(retention, "STEP", 4)
    streams = cast(DurableStreams, SimpleNamespace(forget_closed=lambda: None))
    store = SimpleNamespace(_data={0: {"StreamARN": ARN, "RetentionPeriodHours": 48}})
    return Retention(journal, streams, SimpleNamespace(_streams=store))


def fill(journal: Journal, name: str, count: int, at: float = 0.0) -> None:
    with journal.transaction():
        for _ in range(count):
            journal.log(name).append("", b"x", at=at)


def trim(kept: Retention, now: float) -> None:
    while kept.trim(now):
        pass


def test_what_all_have_read_is_trimmed_but_for_the_newest(journal: Journal, kept: Retention) -> None:
    fill(journal, TABLE, 20)
    journal.move("fast", TABLE, 20)
    journal.move("slow", TABLE, 9)
    trim(kept, now=0.0)
    assert journal.log(TABLE).first == 9
    journal.move("slow", TABLE, 20)
    trim(kept, now=0.0)
    assert [one.position for one in journal.log(TABLE).read(0, 99)] == [17, 18, 19]


def test_what_nobody_reads_is_kept_a_day_and_no_longer(journal: Journal, kept: Retention) -> None:
    fill(journal, TABLE, 5)
    fill(journal, TABLE, 5, at=HOUR)
    trim(kept, now=RETENTION_SECONDS - 1)
    assert journal.log(TABLE).first == 0
    trim(kept, now=RETENTION_SECONDS + 1)
    assert journal.log(TABLE).first == 5


def test_a_kinesis_stream_keeps_as_long_as_it_says(journal: Journal, kept: Retention) -> None:
    fill(journal, KINESIS, 5)
    trim(kept, now=47 * HOUR)
    assert journal.log(KINESIS).first == 0
    trim(kept, now=49 * HOUR)
    assert journal.log(KINESIS).first == 5


def test_what_was_put_into_firehose_waits_for_it_however_long(journal: Journal, kept: Retention) -> None:
    fill(journal, "put:arn", 5)
    trim(kept, now=1e9)
    assert journal.log("put:arn").first == 0
    journal.move("firehose:arn", "put:arn", 2)
    trim(kept, now=1e9)
    assert journal.log("put:arn").first == 2


def test_what_dead_letters_are_about_is_kept_a_day_though_the_pipe_has_moved_on(
    journal: Journal, kept: Retention
) -> None:
    fill(journal, TABLE, 6)
    fill(journal, TABLE, 14, at=HOUR)
    journal.move("pipe", TABLE, 20)
    journal.move(f"{HELD}arn 0", TABLE, 4)
    journal.move(f"{HELD}arn 1", TABLE, 9)
    trim(kept, now=RETENTION_SECONDS - 1)
    assert journal.log(TABLE).first == 4
    for _ in range(2):  # the first one finds that the older letters are older than the stream
        trim(kept, now=RETENTION_SECONDS + 1)
    assert journal.log(TABLE).first == 9
    trim(kept, now=RETENTION_SECONDS + HOUR + 1)
    assert journal.log(TABLE).first == 20
    assert journal.read_by_all(TABLE) == 20


@pytest.mark.parametrize(
    ("method", "path", "target", "body", "expected"),
    [
        ("POST", "/", "AmazonSQS.SendMessage", b"{}", True),
        ("POST", "/", "AmazonSQS.GetQueueUrl", b"{}", False),
        ("POST", "/", "", b"Action=CreateRole&Version=1", True),
        ("POST", "/", "", b"Version=1&Action=ListRoles", False),
        ("POST", "/", "AWSEvents.BatchDelete", b"{}", True),
        ("GET", "/v1/pipes", "", b"", False),
        ("PUT", "/v1/pipes/p", "", b"{}", True),
        ("POST", "/2015-03-31/functions/f/invocations", "", b"{}", False),
        ("POST", "/2015-03-31/functions", "", b"{}", True),
    ],
)
def test_a_request_that_may_change_something_is_known(
    method: str, path: str, target: str, body: bytes, expected: bool
) -> None:
    headers: dict[str, Any] = {"x-amz-target": target} if target else {}
    assert changes(method, path, headers, body, {}) is expected
