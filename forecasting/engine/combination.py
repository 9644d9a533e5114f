"""Weights of candidates, the same for all series: found greedily over windows that were held out.

Source: Caruana et al., Ensemble Selection from Libraries of Models (2004): add the candidate, again if need be, that
makes the average best.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.engine.metrics import mape, mase, rmse, wape, weighted_quantile_loss
from forecasting.engine.models.model import Draft

Array = NDArray[np.float64]
STEPS = 20
GAIN = 1e-4  # by which a step must make the average better, as a share


@dataclass(frozen=True)
class Held:
    """A window that was held out, and what the candidates said of it.

    Args:
        actual: What came, (n, h), NaN where it does not count.
        scale: Of MASE, (n,).
        drafts: By candidate.
    """

    actual: Array
    scale: Array
    drafts: Mapping[str, Draft]


def combined(drafts: Mapping[str, Draft], weights: Mapping[str, float]) -> Draft:
    """The weighted mean of some candidates' quantiles and means.

    A candidate that knows nothing of a series takes no part there.

    Args:
        drafts: At least those that have a weight.
        weights: Positive.
    """
    chosen = [(drafts[name], weight) for name, weight in weights.items()]
    if len(chosen) == 1:
        return chosen[0][0]
    total = sum(np.where(np.isnan(draft.mean), 0.0, weight) for draft, weight in chosen)
    total = np.where(total == 0, np.nan, total)
    mean = sum(np.nan_to_num(draft.mean) * weight for draft, weight in chosen) / total
    quantiles = sum(np.nan_to_num(draft.quantiles) * weight for draft, weight in chosen) / total[..., None]
    return Draft(np.asarray(quantiles), np.asarray(mean))


def weigh(windows: Sequence[Held], metric: str, levels: Sequence[float]) -> dict[str, float]:
    """Choose weights.

    Args:
        windows: At least one, all with the same candidates.
        metric: OptimizationMetric of the API.
        levels: Of the drafts' quantiles.

    Returns:
        Weights that sum to one, of the candidates that have any. All the same where no window tells anything.
    """
    names = list(windows[0].drafts)
    known = [_known(window) for window in windows]
    sums = [Draft(np.zeros_like(one.drafts[names[0]].quantiles), np.zeros_like(one.actual)) for one in known]
    counts = dict.fromkeys(names, 0)
    least = float("inf")
    for size in range(1, STEPS + 1):
        losses = {name: _loss(known, sums, (name, size), metric, levels) for name in names}
        best = min(losses, key=lambda name: (losses[name], name))
        if not losses[best] < least * (1 - GAIN) and not (size == 1 and np.isfinite(losses[best])):
            break
        least = losses[best]
        counts[best] += 1
        sums = [_added(total, window.drafts[best]) for total, window in zip(sums, known, strict=True)]
    total = sum(counts.values())
    if not total:
        return {name: 1 / len(names) for name in names}
    return {name: count / total for name, count in counts.items() if count}


def loss(actual: Array, draft: Draft, levels: Sequence[float], scale: Array, metric: str) -> float:
    """A metric of a window, as `Scores.optimized` gives it, and nothing else; NaN where it is not defined."""
    if metric == "AverageWeightedQuantileLoss":
        losses = [
            weighted_quantile_loss(actual, draft.quantiles[..., place], level, None)
            for place, level in enumerate(levels)
        ]
        return float(np.mean(losses))
    if metric == "MASE":
        return float(mase(actual, draft.mean, scale, None))
    return float({"WAPE": wape, "RMSE": rmse, "MAPE": mape}[metric](actual, draft.mean, None))


def _known(window: Held) -> Held:
    """The window without the series that some candidate knows nothing of."""
    unknown = np.zeros(len(window.actual), dtype=np.bool_)
    for draft in window.drafts.values():
        unknown |= np.isnan(draft.mean).any(axis=1)
    kept = ~unknown
    drafts = {name: Draft(one.quantiles[kept], one.mean[kept]) for name, one in window.drafts.items()}
    return Held(window.actual[kept], window.scale[kept], drafts)


def _added(total: Draft, draft: Draft) -> Draft:
    return Draft(total.quantiles + draft.quantiles, total.mean + draft.mean)


def _loss(
    windows: Sequence[Held], sums: Sequence[Draft], trial: tuple[str, int], metric: str, levels: Sequence[float]
) -> float:
    """The mean of a metric over the windows where it is defined, were a candidate added as the `trial[1]`-th."""
    name, size = trial
    losses = []
    for window, total in zip(windows, sums, strict=True):
        added = _added(total, window.drafts[name])
        draft = Draft(added.quantiles / size, added.mean / size)
        losses.append(loss(window.actual, draft, levels, window.scale, metric))
    defined = [one for one in losses if np.isfinite(one)]
    return float(np.mean(defined)) if defined else float("inf")
