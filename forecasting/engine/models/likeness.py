"""How much alike two moments of a series are by what is known ahead of them: promotions, prices, holidays.

Covariates are compared by class: one of few values, or low, usual and high for the series.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEW = 6  # different values up to which each is a class of its own
SAMPLE = 100_000  # cells that are looked at to count them
USUAL = 0.75  # standard deviations of a series' history within which a value is usual
OTHER = 0.05  # what a moment counts that differs in one covariate or in its season

Classes = NDArray[np.int8]


def classes(values: NDArray[np.float32], periods: int) -> Classes:
    """The class of each value; missing ones have their own.

    Args:
        values: A covariate, (n, t + h).
        periods: t.
    """
    if len(values) > 1 and values.strides[0] == 0:  # the same for all series
        return np.broadcast_to(classes(values[:1], periods), values.shape)
    step = max(1, values.size // SAMPLE)
    some = np.unique(values.reshape(-1)[::step])
    some = some[~np.isnan(some)]
    missing = np.isnan(values)
    if len(some) <= FEW:
        found = np.searchsorted(some, np.where(missing, 0, values)).astype(np.int8)
    else:
        history = np.where(missing, np.nan, values)[:, :periods].astype(np.float64)
        counts = np.maximum((~np.isnan(history)).sum(axis=1), 1)
        mean = np.nansum(history, axis=1) / counts
        spread = np.sqrt(np.nansum((history - mean[:, None]) ** 2, axis=1) / counts)
        away = np.where(missing, 0, values - mean[:, None])
        found = ((away > USUAL * spread[:, None]) * 1 - (away < -USUAL * spread[:, None]) * 1).astype(np.int8)
    return np.where(missing, np.int8(-2), found)


def likeness(found: Sequence[Classes], step: int, periods: int) -> NDArray[np.float64]:
    """How much each past moment counts for a later one: OTHER to the number of covariates that differ, (n, periods)."""
    differing = np.zeros((len(found[0]), periods), dtype=np.int8)
    for one in found:
        differing += one[:, :periods] != one[:, step : step + 1]
    return OTHER ** differing.astype(np.float64)


def is_ordinary(found: Sequence[Classes], step: int, periods: int) -> NDArray[np.bool_]:
    """Whether each covariate of a moment is of the class that its series had in most of the past, (n,)."""
    ordinary = np.ones(len(found[0]), dtype=np.bool_)
    for one in found:
        same = (one[:, :periods] == one[:, step : step + 1]).sum(axis=1)
        ordinary &= same * 2 >= periods
    return ordinary
