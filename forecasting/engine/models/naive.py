"""The seasonal naive forecast, the yardstick: what was a season ago, as uncertain as such forecasts have been.

Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 5.5 (its intervals are normal).
"""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np

from forecasting.engine.models.model import Draft, restrained
from forecasting.engine.panel import Panel

NAME = "seasonal naive"
FILE = "naive.json"


class Naive:
    """Seasonal naive.

    Args:
        horizon: Periods to forecast.
    """

    names = (NAME,)

    def __init__(self, horizon: int) -> None:
        self._horizon = horizon

    def forecast(self, panel: Panel, levels: Sequence[float], names: Collection[str]) -> dict[str, Draft]:
        """See `Model.forecast`."""
        if NAME not in names:
            return {}
        target, season = panel.target, panel.frequency.season
        if panel.periods <= season:
            season = 1
        there = ~np.isnan(target)
        newest = panel.periods - 1 - there[:, ::-1].argmax(axis=1)
        last = np.where(there.any(axis=1), target[np.arange(panel.series), newest], np.nan)
        mean = np.empty((panel.series, self._horizon))
        for step in range(self._horizon):
            columns = slice((panel.periods + step) % season, None, season)
            same, seen = target[:, columns], there[:, columns]
            place = same.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
            mean[:, step] = np.where(seen.any(axis=1), same[np.arange(panel.series), place], last)
        changes = target[:, season:] - target[:, :-season]
        counts = (~np.isnan(changes)).sum(axis=1)
        spread = np.sqrt(np.nansum(changes**2, axis=1) / np.maximum(counts, 1))
        ahead = np.sqrt(np.arange(self._horizon) // season + 1)
        scores = np.array([NormalDist().inv_cdf(level) for level in levels])
        quantiles = mean[..., None] + spread[:, None, None] * ahead[:, None] * scores
        return {NAME: restrained(Draft(quantiles, mean), target)}

    def save(self, folder: Path) -> None:
        """See `Model.save`."""
        (folder / FILE).write_text(json.dumps({"horizon": self._horizon}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Naive":
        """See `Model.load`."""
        return cls(json.loads((folder / FILE).read_text(encoding="utf-8"))["horizon"])
