"""How long changes took from the source to a layer: distributions that can be added up and asked for quantiles. Pure.

Knows changes only as spreads: so many of them, made evenly between two moments. Knows no table, clock or batch.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

PER_DOUBLING = 8  # buckets: each is 9 % wide, and changes lie evenly in one
LEAST_SECONDS = 0.001
# A change made after its object landed, by more than S3's whole seconds can explain, is ahead of the clock; one that
# was a day old by then is history. Neither is a lag.
AHEAD_SECONDS = -1.0
HISTORY_SECONDS = 86_400.0
# Delays from the source to bronze are told apart in classes, so that a late change does not stretch the spread of the
# others: the logarithm of DELAY_OFFSET + delay in eighths of that of a day, from 0 (not ahead) to 8 (history).
DELAY_OFFSET = 1.0 - AHEAD_SECONDS
DELAY_CLASS = math.log(DELAY_OFFSET + HISTORY_SECONDS) / 8


class Spread(NamedTuple):
    """Changes made evenly between two moments, seconds since 1970; their delays to bronze lie in one class."""

    rows: int
    oldest_at: float
    newest_at: float


class Distribution:
    """The lags of changes [s], in buckets of equal ratio.

    Attributes:
        rows: Changes whose lag is counted.
        seconds: The sum of their lags.
        greatest: The greatest lag; 0 without changes.
        ahead: Changes made after they landed, by the source's clock; not counted as lags.
        history: Changes a day old when they landed; not counted as lags.
    """

    def __init__(self) -> None:
        self.rows = self.ahead = self.history = 0
        self.seconds = self.greatest = 0.0
        self._buckets: defaultdict[int, float] = defaultdict(float)

    def add(self, spread: Spread, landed_at: float, seen_at: float) -> None:
        """Count changes that lay in bronze at `landed_at` and could be seen in the layer at `seen_at`.

        Example:
            >>> lags = Distribution()
            >>> lags.add(Spread(100, 10.0, 11.0), landed_at=11.5, seen_at=14.0)
            >>> round(lags.quantile(0.5), 1), lags.greatest
            (3.5, 4.0)
        """
        delay = landed_at - spread.newest_at
        if delay < AHEAD_SECONDS:
            self.ahead += spread.rows
        elif delay >= HISTORY_SECONDS:
            self.history += spread.rows
        else:
            low, high = max(seen_at - spread.newest_at, 0.0), max(seen_at - spread.oldest_at, 0.0)
            self.rows += spread.rows
            self.seconds += spread.rows * (low + high) / 2
            self.greatest = max(self.greatest, high)
            self._spread(spread.rows, low, high)

    def merge(self, others: Iterable["Distribution"]) -> "Distribution":
        """Add other distributions to this one and return it."""
        for other in others:
            self.rows += other.rows
            self.seconds += other.seconds
            self.greatest = max(self.greatest, other.greatest)
            self.ahead += other.ahead
            self.history += other.history
            for bucket, rows in other._buckets.items():
                self._buckets[bucket] += rows
        return self

    def quantile(self, share: float) -> float | None:
        """The lag that `share` of the changes do not exceed [s]; None without changes."""
        wanted, below = share * self.rows, 0.0
        for bucket, rows in sorted(self._buckets.items()):
            if below + rows >= wanted:
                low, high = _edges(bucket)
                return min(low + (high - low) * (wanted - below) / rows, self.greatest)
            below += rows
        return self.greatest if self.rows else None

    def within(self, seconds: float) -> float:
        """How many changes have a lag of at most `seconds`."""
        found = 0.0
        for bucket, rows in self._buckets.items():
            low, high = _edges(bucket)
            found += rows * min(max((seconds - low) / (high - low), 0.0), 1.0)
        return min(found, self.rows)

    def weights(self) -> dict[float, float]:
        """Changes by the middle of their bucket [s]."""
        return {sum(_edges(bucket)) / 2: rows for bucket, rows in sorted(self._buckets.items())}

    def _spread(self, rows: int, low: float, high: float) -> None:
        first, last = _bucket(low), _bucket(high)
        if first == last:
            self._buckets[first] += rows
            return
        for bucket in range(first, last + 1):
            start, end = _edges(bucket)
            self._buckets[bucket] += rows * (min(end, high) - max(start, low)) / (high - low)


def _bucket(seconds: float) -> int:
    return max(0, 1 + math.floor(PER_DOUBLING * math.log2(max(seconds, LEAST_SECONDS / 2) / LEAST_SECONDS)))


def _edges(bucket: int) -> tuple[float, float]:
    upper = LEAST_SECONDS * 2 ** (bucket / PER_DOUBLING)
    return (0.0 if bucket == 0 else LEAST_SECONDS * 2 ** ((bucket - 1) / PER_DOUBLING)), upper
