"""Lags: the distribution against a slow loop over every change, added up in any order, with clocks that jump."""

import doctest
import random

import pytest

from spark_jobs import lags as module
from spark_jobs import ops
from spark_jobs.lags import HISTORY_SECONDS, Distribution, Spread
from spark_jobs.plans import ReadObject

pytestmark = pytest.mark.unit

NOW = 1_700_000_000.0
BUCKET = 1.0906  # a bucket's ratio, 2 ** (1 / 8), with room for the last digit


def every_lag(spreads: list[Spread], seen_at: float) -> list[float]:
    """The lag of each change, one by one: the changes of a spread stand evenly between its ends."""
    return sorted(
        seen_at - (spread.oldest_at + (spread.newest_at - spread.oldest_at) * (number + 0.5) / spread.rows)
        for spread in spreads
        for number in range(spread.rows)
    )


@pytest.mark.parametrize("seed", range(20))
def test_quantiles_are_those_of_a_loop_over_every_change(seed: int) -> None:
    rng = random.Random(seed)
    spreads = []
    for _ in range(rng.randint(1, 40)):
        newest = NOW - 10 ** rng.uniform(-2, 4)
        spreads.append(Spread(rng.randint(50, 400), newest - 10 ** rng.uniform(-3, 2), newest))
    lags = Distribution()
    for spread in spreads:
        lags.add(spread, NOW, NOW + 1)
    loop = every_lag(spreads, NOW + 1)
    assert lags.rows == len(loop)
    assert lags.seconds == pytest.approx(sum(loop))
    assert lags.greatest == pytest.approx(NOW + 1 - min(spread.oldest_at for spread in spreads))
    for share in (0.05, 0.5, 0.95):
        # the neighbours of the loop's value bound it: where two spreads lie apart, any value between them would do
        low, high = loop[max(int(share * len(loop)) - 2, 0)], loop[min(int(share * len(loop)) + 2, len(loop) - 1)]
        assert low / BUCKET <= lags.quantile(share) <= high * BUCKET, share
    for seconds in (0.5, 5.0, 60.0):
        near = [sum(lag <= seconds * ratio for lag in loop) for ratio in (1 / BUCKET, BUCKET)]
        assert near[0] - 1 <= lags.within(seconds) <= near[1] + 1


def test_added_up_they_are_the_same_as_counted_at_once() -> None:
    spreads = [Spread(10, NOW - number, NOW - number / 2) for number in range(1, 9)]
    parts = [Distribution(), Distribution()]
    whole = Distribution()
    for number, spread in enumerate(spreads):
        parts[number % 2].add(spread, NOW, NOW + 2)
        whole.add(spread, NOW, NOW + 2)
    added = Distribution().merge(parts)
    assert added.weights() == pytest.approx(whole.weights())
    assert (added.rows, added.greatest) == (whole.rows, whole.greatest)


def test_its_examples_are_true() -> None:
    found = doctest.testmod(module)
    assert (found.attempted, found.failed) == (3, 0)


def test_without_changes_there_is_no_quantile() -> None:
    assert Distribution().quantile(0.5) is None


def test_changes_of_another_time_are_counted_apart_and_spoil_nothing() -> None:
    lags = Distribution()
    lags.add(Spread(90, NOW - 2, NOW - 1), NOW, NOW + 1)
    lags.add(Spread(7, NOW - 3e8, NOW - 2e8), NOW, NOW + 1)
    lags.add(Spread(1, NOW - HISTORY_SECONDS, NOW - HISTORY_SECONDS), NOW, NOW + 1)
    lags.add(Spread(3, NOW + 60, NOW + 1e9), NOW, NOW + 1)
    assert (lags.rows, lags.history, lags.ahead) == (90, 8, 3)
    assert 2 <= lags.quantile(0.5) <= lags.quantile(1) <= 3


def test_a_clock_ahead_by_less_than_s3_can_tell_is_no_lag_below_zero() -> None:
    lags = Distribution()
    lags.add(Spread(5, NOW + 0.2, NOW + 0.9), NOW, NOW)
    assert (lags.rows, lags.ahead, lags.greatest) == (5, 0, 0.0)


def test_each_layer_counts_to_its_own_moment() -> None:
    read = ReadObject("k", "e", "read", 4, landed_at=NOW + 1, spreads=(Spread(4, NOW, NOW),))
    unknown = ReadObject("k", "e", "corrupt", 4, spreads=(Spread(4, NOW, NOW),))
    found = ops.lags([read, unknown], NOW + 3, None)
    assert {layer: lag.greatest for layer, lag in found.items()} == {"bronze": 1, "silver": 3, "gold": 0}
    assert [lag.rows for lag in found.values()] == [4, 4, 0]
