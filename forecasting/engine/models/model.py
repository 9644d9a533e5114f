"""What every model is: fitted on a panel, it forecasts from that or a later one, and can be saved without pickle.

A model may offer several candidates, which share their work; each has a name.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from forecasting.engine.panel import Panel

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """What is to be forecast.

    Args:
        horizon: Periods ahead.
        levels: Quantiles that the forecasts are judged by, the lowest first; others can be asked for later.
        seed: Of all that is random.
        parameters: TrainingParameters of the API, and what tuning found.
    """

    horizon: int
    levels: tuple[float, ...]
    seed: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """A candidate's forecast: quantiles (n, h, q) and the mean (n, h); NaN for a series that it knows nothing of."""

    quantiles: Array
    mean: Array


class Model(Protocol):
    """A model, ready to forecast."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its candidates."""
        ...

    def forecast(self, panel: Panel, levels: Sequence[float], names: Collection[str]) -> dict[str, Draft]:
        """Forecasts of some candidates, from the end of the panel on.

        Args:
            panel: What is known; covariates known ahead must reach to the horizon.
            levels: Any quantiles between 0 and 1, the lowest first.
            names: Of the candidates.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write all that `load` needs into an empty folder."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        ...


def restrained(draft: Draft, target: Array) -> Draft:
    """The draft with quantiles in order and nothing below zero where a series has never been.

    Args:
        draft: Of the series of `target`.
        target: (n, t).
    """
    floor = np.where((np.nan_to_num(target) < 0).any(axis=1), -np.inf, 0.0)[:, None]
    quantiles = np.maximum(np.sort(draft.quantiles, axis=-1), floor[..., None])
    return Draft(quantiles, np.maximum(draft.mean, floor))
