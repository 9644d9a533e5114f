"""Sends a run's messages in order, at a rate or as fast as possible, journalling ahead of every block.

Owns the order of things that makes a kill harmless: plan a block, confirm the one before, write the journal, send.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from generator import noise
from generator.journal import Journal, Run
from generator.outcome import Report, Stop, Summary
from generator.plan import Planner
from generator.producers import Producer
from generator.steps import Clock, Step
from lakehouse.errors import ConfigError
from lakehouse.logs import event
from lakehouse.places import KAFKA

BLOCK_STEPS: Final = 10_000
BLOCK_SECONDS: Final = 0.1
_NAP_SECONDS: Final = 0.2


def planner(run: Run) -> Planner:
    """The planner of a run's messages."""
    recipe = run.recipe
    level, is_kafka = noise.level(recipe.noise), recipe.sink == KAFKA
    return Planner(
        level if is_kafka else noise.of_table(level),
        recipe.seed,
        first_lsn=recipe.first_lsn,
        clock=Clock(recipe.start_millis, recipe.rate),
        reach=recipe.reach,
        has_tombstones=is_kafka,
    )


@dataclass
class Dispatch:
    """Sends runs through one producer.

    Args:
        ends: Gives the topic's end offset by partition.
        journal: The shop's journal, taken.
        producer: Where messages go.
        report: Told of progress in steps.
        stop: Asked between two blocks.
    """

    ends: Callable[[], dict[int, int]]
    journal: Journal
    producer: Producer
    report: Report
    stop: Stop

    def send(
        self, run: Run, steps: Iterable[Step], *, rate: float | None, total: int | None, resumable: bool
    ) -> Summary:
        """Send a run from where it stands to its end.

        Args:
            run: The run; confirmed messages are planned again but not sent.
            steps: All steps of the run, from its first.
            rate: Steps a second; None for as fast as possible.
            total: How many steps there will be; None if that is open.
            resumable: When asked to stop: True leaves the run as it is, to be gone on with; False ends it here and
                sends what the noise still owes.

        Raises:
            SourceError: Messages could not be delivered; the journal knows which were.
        """
        began, resumed_at = time.monotonic(), run.confirmed
        plan, pace = planner(run), _Pace(rate)
        position, stopped = 0, False
        if run.ended:
            steps, total = islice(steps, run.steps), run.steps
        for block in _blocks(steps, pace.block_steps):
            stopped = not pace.wait(plan.steps, len(block), self.stop, run.confirmed > position)
            if stopped:
                break
            messages = plan.feed(block)
            run = self._confirm(run, plan, position)
            for message in islice(messages, max(0, resumed_at - position), None):
                self.producer.send(message.key, message.value)
            position += len(messages)
            self.report(run.recipe.name, plan.steps, total)
        if stopped and resumable:
            self.producer.flush()
            run = replace(run, confirmed=max(run.confirmed, position))
            self.journal.write(run)
        else:
            messages = plan.finish()
            run = self._confirm(replace(run, ended=True), plan, position)
            for message in islice(messages, max(0, resumed_at - position), None):
                self.producer.send(message.key, message.value)
            position += len(messages)
            self.producer.flush()
            run = replace(run, confirmed=max(run.confirmed, position), closed=True)
            self.journal.write(run)
        return self._summary(run, plan, resumed_at=resumed_at, seconds=time.monotonic() - began)

    def _confirm(self, run: Run, plan: Planner, position: int) -> Run:
        """Wait for what was sent, then announce what will be."""
        self.producer.flush()
        run = replace(
            run,
            steps=max(run.steps, plan.steps),
            last_lsn=max(run.last_lsn, plan.last_lsn),
            confirmed=max(run.confirmed, position),
        )
        self.journal.write(run)
        return run

    def _summary(self, run: Run, plan: Planner, *, resumed_at: int, seconds: float) -> Summary:
        return Summary(
            shop=run.recipe.shop,
            steps=plan.steps,
            messages=max(run.confirmed, resumed_at),
            kinds=dict(plan.kinds),
            delayed=plan.delayed,
            resumed_at=resumed_at,
            seconds=seconds,
            first_lsn=run.recipe.first_lsn,
            last_lsn=plan.last_lsn,
            topic_id=run.topic_id,
            sink=run.recipe.sink,
            client=self.producer.name,
            ends=self.ends(),
            stopped=not run.closed,
        )


def forget_lost(journal: Journal, topic_id: str) -> list[Run]:
    """The interrupted runs to the journal's sink that can be gone on with.

    Those to a topic or table that is gone are closed, for nothing remains of them.
    """
    kept = []
    for run in journal.unfinished():
        if run.recipe.sink != journal.sink:
            continue
        if run.topic_id == topic_id:
            kept.append(run)
        else:
            journal.write(replace(run, closed=True))
            what = "topic" if journal.sink == KAFKA else "table"
            event(
                f"interrupted run forgotten, its {what} is gone", shop=run.recipe.shop, first_lsn=run.recipe.first_lsn
            )
    return kept


def require_rate(rate: float | None) -> None:
    """Refuse a rate that is not positive.

    Raises:
        ConfigError: It is not.
    """
    if rate is not None and not 0 < rate < float("inf"):
        raise ConfigError(f"rate {rate:g}", "a positive number of changes per second", "correct RATE or --rate")


class _Pace:
    """Holds steps back to a rate; a block is what falls due in BLOCK_SECONDS."""

    def __init__(self, rate: float | None) -> None:
        self._rate, self._began, self._first = rate, 0.0, -1
        self.block_steps = BLOCK_STEPS if rate is None else max(1, min(BLOCK_STEPS, int(rate * BLOCK_SECONDS)))

    def wait(self, number: int, steps: int, stop: Stop, at_once: bool) -> bool:
        """Sleep until the last of the steps from `number` on has happened; False if asked to stop before."""
        if self._rate is None or at_once:
            return not stop()
        if self._first < 0:
            self._first, self._began = number, time.monotonic()
        due = self._began + (number + steps - 1 - self._first) / self._rate
        while not stop():
            left = due - time.monotonic()
            if left <= 0:
                return True
            time.sleep(min(left, _NAP_SECONDS))
        return False


def _blocks(steps: Iterable[Step], size: int) -> Iterator[list[Step]]:
    ahead = iter(steps)
    while block := list(islice(ahead, size)):
        yield block
