"""Batches of 2,000 changes and the revenue they leave: updates of the data set's rows, or a shop's mix. Pure."""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from random import Random

from generator import dataset, load, noise, replay
from generator.noise import dumps
from generator.plan import Planner
from generator.shop import Shop
from generator.steps import Clock, Message, Step, envelope, final

CHANGES = 2_000


class Rows:
    """Rows in time order, changed batch by batch.

    Args:
        lines: What is loaded already.

    Attributes:
        next_lsn: For the next change.
        revenue: The net revenue of all rows as they are now.
    """

    def __init__(self, lines: dataset.Lines) -> None:
        self.next_lsn = len(lines) + 1
        self._images = final(step for block in lines.blocks() for step in block)
        self._keys = list(self._images)
        self.revenue = sum(map(_amount, self._images.values()), Decimal(0))

    @classmethod
    def of(cls, steps: Iterable[Step]) -> "Rows":
        """The rows that steps leave."""
        rows = cls.__new__(cls)
        rows._images = final(steps)
        rows.revenue = sum(map(_amount, rows._images.values()), Decimal(0))
        return rows

    def adjacent(self) -> Iterator[list[Message]]:
        """Batches of keys side by side, the newest first, then older ones."""
        end = len(self._keys)
        while True:
            yield self._update(self._keys[end - CHANGES : end])
            end = end - CHANGES if end >= 2 * CHANGES else len(self._keys)

    def spread(self) -> Iterator[list[Message]]:
        """Batches of keys from the whole time, each batch others."""
        stride, first = len(self._keys) // CHANGES, 0
        while True:
            yield self._update(self._keys[first % stride :: stride][:CHANGES])
            first += 1

    def _update(self, keys: list[str]) -> list[Message]:
        messages = []
        for key in keys:
            before = self._images[key]
            row = json.loads(before)
            row["quantity"] += 1
            after = dumps(row)
            self._images[key] = after
            self.revenue += Decimal(row["unit_price"])
            millis = replay.START_MILLIS + self.next_lsn
            value = envelope("u", self.next_lsn, millis, before, after)
            messages.append(Message(key.encode(), value.encode(), self.next_lsn, "update"))
            self.next_lsn += 1
        return messages


class Mixed:
    """A shop's changes with the noise of the load, some of them later than a batch.

    Args:
        first_lsn: Of its first change.
    """

    def __init__(self, first_lsn: int) -> None:
        start, rate = replay.START_MILLIS, float(CHANGES)
        self._steps = load.steps(Shop(1, "S1", patience_seconds=1), Random(1), start, rate)
        self._planner = Planner(
            noise.level("load"), 1, first_lsn=first_lsn, clock=Clock(start, rate), reach=2 * CHANGES
        )

    def batches(self, count: int) -> Iterator[list[Message]]:
        """The messages of 2,000 changes each."""
        for _ in range(count):
            yield self._planner.feed(islice(self._steps, CHANGES))

    def rest(self) -> list[Message]:
        """What is still owed."""
        return self._planner.finish()

    def revenue(self, changes: int) -> Decimal:
        """The net revenue of the rows that so many changes leave."""
        steps = load.steps(Shop(1, "S1", patience_seconds=1), Random(1), replay.START_MILLIS, float(CHANGES))
        return Rows.of(islice(steps, changes)).revenue


def _amount(image: str) -> Decimal:
    row = json.loads(image)
    return row["quantity"] * Decimal(row["unit_price"])
