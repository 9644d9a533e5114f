"""Waiting until gold holds what was sent: reads the driver's progress object in the bucket."""

import time
from collections.abc import Callable
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from generator.outcome import Report, Stop, never, silent
from lakehouse.errors import SourceError
from lakehouse.places import PROGRESS
from lakehouse.progress import Progress
from lakehouse.settings import Settings

PATIENCE_SECONDS: Final = 240.0
LOOK_SECONDS: Final = 0.5

Read = Callable[[], Progress | None]


def until_in_gold(  # noqa: PLR0913 - the last three stand in for the world in tests
    settings: Settings,
    topic_id: str,
    ends: dict[int, int],
    report: Report = silent,
    deadline: float | None = None,
    *,
    stop: Stop = never,
    read: Read | None = None,
    patience: float = PATIENCE_SECONDS,
) -> bool:
    """Return True once gold has every message below `ends`, False if asked to stop before.

    Args:
        settings: Where the bucket is.
        topic_id: Kafka's id of the topic.
        ends: End offset by partition.
        report: Told of progress in messages.
        deadline: On `time.monotonic()`; None to wait as long as gold advances.
        stop: Asked between two looks.
        read: Gives the progress object, None if there is none yet; from the bucket by default.
        patience: Seconds without any advance after which waiting is given up.

    Raises:
        SourceError: Gold does not advance, or the deadline has passed; the text says what is pending.
    """
    read = read or bucket_reader(settings)
    total = sum(ends.values())
    best, advanced = -1, time.monotonic()
    while True:
        progress = read()
        if progress is not None and progress.covers(topic_id, ends):
            report("to gold", total, total)
            return True
        reached = _reached(progress, topic_id, ends)
        now = time.monotonic()
        if sum(reached.values()) > best:
            best, advanced = sum(reached.values()), now
        report("to gold", max(best, 0), total)
        if stop():
            return False
        if now - advanced > patience:
            raise _pending(reached, ends, f"gold has not advanced for {patience:.0f} s")
        if deadline is not None and now > deadline:
            raise _pending(reached, ends, "the time to wait is over")
        time.sleep(LOOK_SECONDS)


def bucket_reader(settings: Settings) -> Read:
    """Reads the progress object; None while it or the bucket is absent or does not answer."""
    client: Any = boto3.client(
        "s3",
        config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        **settings.client_arguments,
    )

    def read() -> Progress | None:
        try:
            return Progress.from_json(client.get_object(Bucket=settings.bucket, Key=PROGRESS)["Body"].read())
        except (ClientError, BotoCoreError, ValueError):
            return None

    return read


def _reached(progress: Progress | None, topic_id: str, ends: dict[int, int]) -> dict[int, int]:
    offsets = progress.next_offsets.get(topic_id, {}) if progress is not None else {}
    return {partition: min(end, offsets.get(str(partition), 0)) for partition, end in ends.items()}


def _pending(reached: dict[int, int], ends: dict[int, int], why: str) -> SourceError:
    missing = ", ".join(
        f"partition {partition}: {end - reached[partition]}"
        for partition, end in sorted(ends.items())
        if reached[partition] < end
    )
    return SourceError(
        f"{why}; messages pending: {missing}", "all of them in gold", "look at `make status` and `make logs`"
    )
