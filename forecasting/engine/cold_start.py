"""Items without a history: they are forecast as what may come of the items most like them by metadata.

The forecasts of those items are pooled, so that a newcomer is as uncertain as they differ.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.engine.models.model import Draft
from forecasting.engine.panel import Panel

GRID = tuple(np.linspace(0.025, 0.975, 20).round(3).tolist())  # levels that stand for a distribution
MOST = 100  # items that a newcomer is compared with

Forecaster = Callable[[Panel, Sequence[float]], Draft]


def completed(draft: Draft, panel: Panel, levels: Sequence[float], forecast: Forecaster) -> Draft:
    """The draft with forecasts for the series it knows nothing of.

    Args:
        draft: Of the panel; NaN for series without a history.
        panel: With categories, or without: then a newcomer is like all others.
        levels: Of the draft's quantiles.
        forecast: Of some of the panel's series at any levels.

    Returns:
        A draft without NaN, unless no series at all has a history.
    """
    new = np.isnan(draft.mean).any(axis=1)
    old = np.flatnonzero(~new)
    if not new.any() or not len(old):
        return draft
    traits = np.stack(list(panel.static.values()), axis=1) if panel.static else np.zeros((panel.series, 0), np.int32)
    kinds, kind_of = np.unique(traits[new], axis=0, return_inverse=True)
    models = [_alike(kind, traits[old]) for kind in kinds]
    asked, places = np.unique(np.concatenate(models), return_inverse=True)
    pool = forecast(panel.rows(old[asked]), GRID)
    quantiles, mean = draft.quantiles.copy(), draft.mean.copy()
    starts = np.cumsum([0, *(len(one) for one in models)])
    newcomers = np.flatnonzero(new)
    for kind in range(len(kinds)):
        rows = places[starts[kind] : starts[kind + 1]]
        values = np.moveaxis(pool.quantiles[rows], 1, 0).reshape(mean.shape[1], -1)
        these = newcomers[kind_of.ravel() == kind]
        quantiles[these] = np.quantile(values, levels, axis=1, method="inverted_cdf").T
        mean[these] = pool.mean[rows].mean(axis=0)
    return Draft(quantiles, mean)


def _alike(kind: NDArray[np.int32], traits: NDArray[np.int32]) -> NDArray[np.int64]:
    """The rows with most traits in common with a kind, at most MOST of them, spread evenly."""
    common = ((traits == kind) & (kind >= 0)).sum(axis=1)
    best = np.flatnonzero(common == common.max())
    return best[np.unique(np.linspace(0, len(best) - 1, min(MOST, len(best))).astype(int))]
