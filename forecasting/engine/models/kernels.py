"""Weighted empirical distributions: exact quantiles and means of past values under weights.

Everything is done for many series at once; no value is drawn at random.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CELLS = 4_000_000  # of the arrays made at a time: 32 MB each
SLACK = 1e-12  # so that rounding of the weights' sum does not decide between two values


class Pool:
    """Past values of series, sorted once for all the weights that are laid on them.

    Args:
        values: (n, k), NaN where nothing was observed; k is at least 1.
    """

    def __init__(self, values: Array) -> None:
        self._order = np.argsort(values, axis=1, kind="stable")
        self._sorted = np.take_along_axis(values, self._order, axis=1)
        self._clean = np.nan_to_num(self._sorted)
        self.observed = ~np.isnan(values)

    def quantiles(self, weights: Array, levels: Sequence[float]) -> tuple[Array, Array]:
        """The smallest value up to which the weights reach each level of their sum, and the weighted mean.

        Args:
            weights: (n, k) or (k,), not negative; those of unobserved values count nothing.
            levels: (q,).

        Returns:
            (n, q) and (n,), NaN for a series whose weights are all zero.
        """
        laid = np.where(self.observed, weights, 0.0)
        laid = np.take_along_axis(laid, self._order, axis=1)
        sums = np.cumsum(laid, axis=1)
        total = sums[:, -1]
        there = total > 0
        found = np.empty((len(laid), len(levels)))
        rows = np.arange(len(laid))
        for place, level in enumerate(levels):
            reached = sums >= (total * (level - SLACK))[:, None]
            found[:, place] = self._sorted[rows, reached.argmax(axis=1)]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.einsum("nk,nk->n", laid, self._clean) / total
        found[~there] = np.nan
        return found, np.where(there, mean, np.nan)


def decay(ages: Array, observed: NDArray[np.bool_], rate: float) -> Array:
    """Weights that fall exponentially with the age, the newest observed value of each series having 1.

    Counting from a series' own newest value changes no share, and keeps those of an item that was last seen long
    ago from all becoming zero.

    Args:
        ages: In periods, (k,).
        observed: (n, k).
        rate: By which the logarithm falls in a period; 0 for equal weights.

    Returns:
        (n, k).
    """
    newest = np.where(observed, ages, np.inf).min(axis=1)
    newest = np.where(np.isinf(newest), 0.0, newest)
    return np.exp(-rate * np.maximum(ages - newest[:, None], 0.0))
