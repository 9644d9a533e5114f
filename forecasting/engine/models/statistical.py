"""AutoETS, AutoARIMA and AutoTheta of statsforecast, each fitted to every series by itself when it is forecast.

Only the newest periods are looked at: on all of two years of days AutoETS was worse and four times as slow.
"""

import json
import warnings
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from statsforecast.models import AutoARIMA, AutoETS, AutoTheta

from forecasting.engine.models.model import Array, Draft, restrained
from forecasting.engine.models.naive import NAME as NAIVE
from forecasting.engine.models.naive import Naive
from forecasting.engine.panel import Panel

ETS, ARIMA, THETA = "ETS", "ARIMA", "Theta"
MAKE: dict[str, Callable[[int], Any]] = {
    ETS: lambda season: AutoETS(season_length=season),
    ARIMA: lambda season: AutoARIMA(season_length=season, approximation=season > LONG_SEASON),
    THETA: lambda season: AutoTheta(season_length=season, decomposition_type="additive"),  # zeros forbid the other
}
PERIODS = 180
LONG_SEASON = 12  # beyond it models are compared by an approximation, as R's auto.arima does: 0.5 s instead of 5
LONGEST_SEASON = 24  # exponential smoothing knows no longer one
LEAST = 8  # observations; with fewer the seasonal naive forecast stands in
LEVEL = 80  # per cent, of the interval that the spread is taken from
SCORE = NormalDist().inv_cdf(0.5 + LEVEL / 200)
FILE = "statistical.json"


class Statistical:
    """Some of the three.

    Args:
        names: Of MAKE.
        horizon: Periods to forecast.
        seed: Of the intervals of AutoTheta, which are simulated.
    """

    def __init__(self, names: Sequence[str], horizon: int, seed: int = 0) -> None:
        self._names, self._horizon, self._seed = tuple(names), horizon, seed

    @property
    def names(self) -> tuple[str, ...]:
        """Those that were asked for."""
        return self._names

    def forecast(self, panel: Panel, levels: Sequence[float], names: Collection[str]) -> dict[str, Draft]:
        """See `Model.forecast`."""
        wanted = [name for name in self._names if name in names]
        if not wanted:
            return {}
        stand_in = Naive(self._horizon).forecast(panel, levels, [NAIVE])[NAIVE]
        drafts = {name: Draft(stand_in.quantiles.copy(), stand_in.mean.copy()) for name in wanted}
        scores = np.array([NormalDist().inv_cdf(level) for level in levels])
        for row, values in enumerate(panel.target):
            for name, draft in drafts.items():
                found = self._one(name, values, panel.frequency.season)
                if found is not None:
                    mean, spread = found
                    draft.mean[row] = mean
                    draft.quantiles[row] = mean[:, None] + spread[:, None] * scores
        return {name: restrained(draft, panel.target) for name, draft in drafts.items()}

    def _one(self, name: str, values: Array, season: int) -> tuple[Array, Array] | None:
        """Mean and spread of a series, or None where a model can make nothing of it."""
        observed = np.flatnonzero(~np.isnan(values))
        observed = observed[observed >= len(values) - PERIODS]
        if len(observed) < LEAST:
            return None
        places = np.arange(observed[0], observed[-1] + 1)
        history = np.interp(places, observed, values[observed])
        silent = len(values) - 1 - observed[-1]  # periods after the last observation
        season = season if season <= LONGEST_SEASON and 2 * season <= len(history) else 1
        state = np.random.get_state()  # AutoTheta draws from the global generator
        try:
            np.random.seed(self._seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of searches that went astray; the best model found is kept
                made = MAKE[name](season).forecast(history, silent + self._horizon, level=[LEVEL])
        except (ValueError, IndexError, ArithmeticError, NotImplementedError, RuntimeError):
            return None  # statsforecast raises many kinds where no model fits a series
        finally:
            np.random.set_state(state)
        low, high, mean = (np.asarray(made[key], dtype=np.float64)[silent:] for key in (*BOUNDS, "mean"))
        spread = (high - low) / (2 * SCORE)
        return (mean, spread) if np.isfinite(mean).all() and np.isfinite(spread).all() else None

    def save(self, folder: Path) -> None:
        """See `Model.save`."""
        kept = {"names": self._names, "horizon": self._horizon, "seed": self._seed}
        (folder / FILE).write_text(json.dumps(kept), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Statistical":
        """See `Model.load`."""
        return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))


BOUNDS = (f"lo-{LEVEL}", f"hi-{LEVEL}")
