"""Accuracy metrics of Amazon Forecast: wQL, WAPE, RMSE, MAPE and MASE, by item, by window and over windows.

A value that was not observed is NaN and counts nowhere; a metric that has nothing to be made of is NaN, "not defined".
Source: the developer guide's "Evaluating Predictor Accuracy".
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ERRORS = ("WAPE", "RMSE", "MASE", "MAPE")
MEAN = "mean"
NEARLY_ZERO = 1e-12  # of Σ|y|: below it a weighted error is not divided


@dataclass(frozen=True)
class Scores:
    """The metrics of one thing, or of many (then every array begins with their axes).

    Args:
        quantiles: Which losses there are.
        losses: wQL of each quantile, (…, q).
        errors: For each quantile and at last for the mean, the ERRORS, (…, q + 1, 4).
    """

    quantiles: tuple[float, ...]
    losses: Array
    errors: Array

    @property
    def average(self) -> Array:
        """Average wQL: the plain mean over the quantiles, (…); NaN without quantiles."""
        if not self.quantiles:
            return np.full(self.losses.shape[:-1], np.nan)
        return self.losses.mean(axis=-1)

    def of_mean(self, metric: str) -> Array:
        """One of ERRORS of the mean forecast, (…)."""
        return self.errors[..., -1, ERRORS.index(metric)]

    def optimized(self, metric: str) -> Array:
        """What an OptimizationMetric of the API means, (…)."""
        return self.average if metric == "AverageWeightedQuantileLoss" else self.of_mean(metric)


def score(
    actual: Array, mean: Array, quantiles: Array, levels: Sequence[float], *, scale: Array, by_item: bool = False
) -> Scores:
    """All metrics of one window.

    Args:
        actual: What came, (n, h).
        mean: Its forecast, (n, h).
        quantiles: (n, h, q).
        levels: Of the quantiles, (q,).
        scale: Of MASE, see `seasonal_error`, (n,).
        by_item: Whether of each item, then the arrays begin with n, or of the whole window.
    """
    axis = 1 if by_item else None
    predicted = [*np.moveaxis(quantiles, -1, 0), mean]
    losses = [weighted_quantile_loss(actual, predicted[place], level, axis) for place, level in enumerate(levels)]
    errors = [
        np.stack(
            [wape(actual, one, axis), rmse(actual, one, axis), mase(actual, one, scale, axis), mape(actual, one, axis)],
            axis=-1,
        )
        for one in predicted
    ]
    nothing = np.empty((len(actual), 0) if by_item else 0)
    return Scores(tuple(levels), np.stack(losses, axis=-1) if losses else nothing, np.stack(errors, axis=-2))


def summary(scores: Sequence[Scores]) -> Scores:
    """The plain mean over windows, of each metric over those where it is defined.

    Args:
        scores: Of at least one window, all of the same shape.
    """
    return Scores(
        scores[0].quantiles,
        _mean(np.stack([one.losses for one in scores]), 0),
        _mean(np.stack([one.errors for one in scores]), 0),
    )


def weighted_quantile_loss(actual: Array, predicted: Array, level: float, axis: int | None) -> Array:
    """wQL[level]: twice the pinball loss by the sum of |actual|; where that is about zero, twice the loss alone."""
    error = actual - predicted
    return _weighted(2 * np.maximum(level * error, (level - 1) * error), actual, axis)


def wape(actual: Array, predicted: Array, axis: int | None) -> Array:
    """The sum of |error| by that of |actual|; where that is about zero, the sum of |error| alone."""
    return _weighted(np.abs(actual - predicted), actual, axis)


def rmse(actual: Array, predicted: Array, axis: int | None) -> Array:
    """The root of the mean squared error."""
    return np.sqrt(_mean((actual - predicted) ** 2, axis))


def mape(actual: Array, predicted: Array, axis: int | None) -> Array:
    """The mean of |error / actual| over the values that are not zero."""
    divisor = np.where(actual == 0, np.nan, actual)
    return _mean(np.abs((actual - predicted) / divisor), axis)


def mase(actual: Array, predicted: Array, scale: Array, axis: int | None) -> Array:
    """The mean of |error| by the scale of its item; of a window, the mean over the items that have one."""
    by_item = _mean(np.abs(actual - predicted), 1) / np.where(scale > 0, scale, np.nan)
    return by_item if axis else _mean(by_item, None)


def seasonal_error(history: Array, season: int) -> Array:
    """MASE's scale: the mean of |Y_t - Y_(t - season)| over a history, NaN where no two values are a season apart.

    Args:
        history: What was known before the window, (n, t).
        season: Of the frequency.

    Returns:
        (n,).
    """
    if history.shape[1] <= season:
        return np.full(len(history), np.nan)
    return _mean(np.abs(history[:, season:] - history[:, :-season]), 1)


def usable(actual: Array) -> Array:
    """The values of a window that count: those of items of which every value is known.

    An item with a value missing in the window is left out of it as a whole. Where that would leave no item at all,
    each value that is there counts.

    Args:
        actual: (n, h), NaN where nothing was observed or filled.

    Returns:
        A copy with NaN for all that does not count.
    """
    whole = np.asarray(~np.isnan(actual).any(axis=1))
    return np.where(whole[:, None], actual, np.nan) if whole.any() else actual.copy()


def _weighted(losses: Array, actual: Array, axis: int | None) -> Array:
    there = ~np.isnan(actual)
    total = np.where(there, losses, 0).sum(axis=axis)
    weight = np.where(there, np.abs(actual), 0).sum(axis=axis)
    weighted = total / np.where(weight > NEARLY_ZERO, weight, 1)
    return np.where(there.any(axis=axis), weighted, np.nan)


def _mean(values: Array, axis: int | None) -> Array:
    with warnings.catch_warnings():  # of nothing the mean is NaN, which is meant
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=axis))
