"""Which quantiles have a model of their own, and what lies between them. Pure."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from forecasting.engine.models.model import Array

USUAL = (0.1, 0.5, 0.9)
MOST = 7  # 99 models would take 99 times as long


def fitted(levels: Sequence[float]) -> tuple[float, ...]:
    """The levels to fit: those asked for and the usual ones, not too many."""
    wanted = sorted({*levels, *USUAL})
    if len(wanted) <= MOST:
        return tuple(wanted)
    places = np.linspace(0, len(wanted) - 1, MOST).round().astype(int)
    return tuple(wanted[place] for place in places)


def between(values: Array, known: Sequence[float], levels: Sequence[float]) -> Array:
    """Quantiles at any levels: straight lines between the fitted ones, and on beyond them, over normal scores."""
    at = np.array([NormalDist().inv_cdf(level) for level in known])
    found = []
    for level in levels:
        score = NormalDist().inv_cdf(level)
        right = int(np.clip(np.searchsorted(at, score), 1, len(at) - 1))
        share = (score - at[right - 1]) / (at[right] - at[right - 1])
        found.append(values[..., right - 1] * (1 - share) + values[..., right] * share)
    return np.stack(found, axis=-1) if found else np.empty((*values.shape[:-1], 0))
