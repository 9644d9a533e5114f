"""How a batch reaches its target or is given up: retries, age, halving, in the order of the stream.

Pure but for what it is handed: the target, the dead letters, the clock and the pause.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from infra.local.pipes.definition import Definition

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0


class TargetError(Exception):
    """The target took no record of a batch."""


class Stopped(Exception):  # noqa: N818  (no error: the pipe is to stop)
    """The pipe is to stop; what was not delivered is as it was."""


@dataclass(frozen=True)
class Change:
    """A stream record on its way: its position, when it arrived [seconds since 1970], itself, and its JSON."""

    position: int
    at: float
    event: dict[str, Any]
    body: bytes = b""


class Rim(Protocol):
    """What a delivery touches."""

    def send(self, batch: Sequence[Change]) -> None:
        """Hand a batch to the target and move the position behind it; TargetError if the target took none."""

    def give_up(self, batch: Sequence[Change], condition: str) -> None:
        """Tell the dead letters of a batch and move the position behind it."""

    def failed(self, batch: Sequence[Change], fault: TargetError) -> None:
        """Note that a batch failed once."""

    def pause(self, seconds: float) -> None:
        """Wait; Stopped if the pipe is to stop."""

    def now(self) -> float:
        """The time [seconds since 1970]."""


def deliver(batch: Sequence[Change], definition: Callable[[], Definition], rim: Rim) -> None:
    """Bring a batch to its end: each record is delivered or given up, in order.

    Args:
        batch: Records of one stream, oldest first.
        definition: Gives the pipe as it is now: it may be updated meanwhile.
        rim: What is touched.

    Raises:
        Stopped: The pipe is to stop.
    """
    attempts, pause = 0, FIRST_PAUSE_SECONDS
    while batch:
        given = definition()
        for old in _aged(batch, given, rim.now()):
            rim.give_up(old, "RecordAgeExceeded")
            batch = batch[len(old) :]
        if not batch:
            return
        try:
            rim.send(batch)
            return
        except TargetError as fault:
            rim.failed(batch, fault)
        attempts += 1
        if given.bisect and len(batch) > 1:
            middle = len(batch) // 2
            deliver(batch[:middle], definition, rim)
            batch = batch[middle:]
            attempts = 0
            continue
        if 0 <= given.max_attempts < attempts:
            rim.give_up(batch, "RetryAttemptsExhausted")
            return
        rim.pause(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _aged(batch: Sequence[Change], definition: Definition, now: float) -> Iterator[Sequence[Change]]:
    """The records at the begin of a batch that are too old, as one batch."""
    if definition.max_age_seconds < 0:
        return
    old = 0
    while old < len(batch) and now - batch[old].at > definition.max_age_seconds:
        old += 1
    if old:
        yield batch[:old]
