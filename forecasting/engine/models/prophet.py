"""Prophet with its defaults, fitted to every series by itself when it is forecast; the package is an extra.

Covariates that are known ahead are its regressors.
"""

import json
import logging
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from forecasting.engine.models.model import Array, Draft, restrained
from forecasting.engine.models.naive import NAME as NAIVE
from forecasting.engine.models.naive import Naive
from forecasting.engine.panel import Panel
from lakehouse.errors import ContractError

NAME = "Prophet"
LEAST = 8  # observations; with fewer the seasonal naive forecast stands in
SAMPLES = 500  # paths that the quantiles are those of
FILE = "prophet.json"


class Prophet:
    """Prophet.

    Args:
        horizon: Periods to forecast.
        seed: Of its paths.

    Raises:
        ContractError: The package is not installed.
    """

    names = (NAME,)

    def __init__(self, horizon: int, seed: int = 0) -> None:
        _package()
        self._horizon, self._seed = horizon, seed

    def forecast(self, panel: Panel, levels: Sequence[float], names: Collection[str]) -> dict[str, Draft]:
        """See `Model.forecast`."""
        if NAME not in names:
            return {}
        draft = Naive(self._horizon).forecast(panel, levels, [NAIVE])[NAIVE]
        starts = panel.starts(0, panel.periods + self._horizon)
        for row, values in enumerate(panel.target):
            if np.count_nonzero(~np.isnan(values)) < LEAST:
                continue
            known = {name: _complete(all_rows[row]) for name, all_rows in panel.known.items()}
            frame = pd.DataFrame({"ds": starts, **{name: one[: len(starts)] for name, one in known.items()}})
            frame["y"] = np.append(values, np.full(self._horizon, np.nan))
            paths = self._paths(frame.iloc[: len(values)].dropna(subset="y"), frame.iloc[len(values) :])
            draft.mean[row] = paths.mean(axis=1)
            if levels:
                draft.quantiles[row] = np.quantile(paths, levels, axis=1).T
        return {NAME: restrained(draft, panel.target)}

    def _paths(self, history: pd.DataFrame, future: pd.DataFrame) -> Array:
        """Possible courses of a series, (horizon, SAMPLES)."""
        state = np.random.get_state()  # it draws from the global generator
        try:
            np.random.seed(self._seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of pandas and numpy, about the package itself
                model = _package().Prophet(uncertainty_samples=SAMPLES)
                for name in history.columns.drop(["ds", "y"]):
                    model.add_regressor(name)
                model.fit(history, seed=self._seed)
                return np.asarray(model.predictive_samples(future.drop(columns="y"))["yhat"], dtype=np.float64)
        finally:
            np.random.set_state(state)

    def save(self, folder: Path) -> None:
        """See `Model.save`."""
        (folder / FILE).write_text(json.dumps({"horizon": self._horizon, "seed": self._seed}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Prophet":
        """See `Model.load`."""
        return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))


def _package() -> ModuleType:
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)  # it wants plotly, for pictures that nobody asks for
    try:
        import prophet  # noqa: PLC0415 - optional
    except ImportError as fault:
        raise ContractError(
            "the algorithm Prophet, whose package is not installed",
            "the extra",
            "run `make prophet`, or choose another",
        ) from fault
    for name in ("prophet", "cmdstanpy"):
        log = logging.getLogger(name)
        log.setLevel(logging.WARNING)
        for handler in log.handlers:  # one of its own, with a level of its own
            handler.setLevel(logging.WARNING)
    return prophet


def _complete(values: Array) -> Array:
    """A regressor without gaps: its mean where it is not known."""
    there = ~np.isnan(values)
    return np.where(there, values, values[there].mean() if there.any() else 0.0).astype(np.float64)
