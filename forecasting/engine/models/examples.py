"""What the boosted model learns from: forecasts that could have been made in the past, at sampled origins.

An example is a row of features and the value that came; nothing after its horizon is looked at.
"""

import numpy as np
from numpy.typing import NDArray

from forecasting.engine.models.features import Features, Recipe, base, matrix
from forecasting.engine.models.model import Array
from forecasting.engine.panel import Panel

ROWS = 75_000  # to fit on: twice as many cost twice as much and gained nothing on 200 to 1,000 series
CHUNK_ROWS = 100_000  # features made at a time

Places = NDArray[np.int64]


def origins(panel: Panel, recipe: Recipe, seed: int) -> tuple[Places, Places]:
    """Series and origins to learn from: any at which there is a history and after which there is a whole horizon."""
    first = min(2 * base(panel.frequency), max(1, panel.periods // 3))
    many = panel.periods - recipe.horizon + 1 - first
    if many <= 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    chosen = np.random.default_rng(seed)
    all_of_them, wanted = panel.series * many, max(1, ROWS // recipe.horizon)
    places = np.arange(all_of_them if all_of_them <= wanted else 0)
    if all_of_them > wanted:
        places = np.unique(chosen.integers(0, all_of_them, wanted))
    series, origins = places // many, places % many + first
    sold = np.nan_to_num(panel.target) != 0  # from zeros alone, or from nothing, there is nothing to learn
    begun = np.where(sold.any(axis=1), sold.argmax(axis=1), panel.periods)
    seen = begun[series] < origins
    return series[seen], origins[seen]


def rows(
    features: Features, panel: Panel, places: tuple[Places, Places], unit: float | None
) -> tuple[NDArray[np.float32], Array]:
    """Rows of features and, in units of the scale, the values that came."""
    horizon = features.recipe.horizon
    step = max(1, CHUNK_ROWS // horizon)
    found, values = [], []
    for start in range(0, len(places[0]), step):
        series, origins = (place[start : start + step] for place in places)
        scale = features.levels(series, origins) if unit is None else np.full(len(series), unit)
        came = panel.target[series[:, None], origins[:, None] + np.arange(horizon)] / scale[:, None]
        there = ~np.isnan(came).ravel()
        found.append(matrix(*features.at(series, origins), scale, horizon)[there])
        values.append(came.ravel()[there])
    return np.concatenate(found), np.concatenate(values)
