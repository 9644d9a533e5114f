"""Backtest windows: where they lie, and where those lie that choices are made on, which are others.

Everything chosen for a window is chosen on windows before it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.engine.panel import Panel

Array = NDArray[np.float64]

FEWEST_CHOICES = 2  # windows to choose on, where the history is long enough
MOST_CHOICES = 6
ENOUGH = 2_000  # values to choose on


@dataclass(frozen=True)
class Plan:
    """Columns that windows begin with, the oldest first.

    Args:
        choosing: Of windows that nothing is reported of.
        tested: Of those that are reported.
    """

    choosing: tuple[int, ...]
    tested: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """The starts of all windows."""
        return self.choosing + self.tested


def plan(panel: Panel, horizon: int, windows: int, offset: int) -> Plan:
    """Lay out windows.

    The newest begins `offset` periods before the end, and each other one horizon earlier; windows before which
    nothing is known are left out. Windows to choose on come before them, in the newer half of the history.

    Args:
        panel: The whole history.
        horizon: Length of a window.
        windows: How many to report.
        offset: At least the horizon.
    """
    newest = panel.periods - max(offset, horizon)
    begun = ~np.isnan(panel.target).all(axis=0)
    first = int(begun.argmax()) if begun.any() else panel.periods
    tested = [start for start in (newest - horizon * place for place in range(windows)) if start > first]
    if not tested:
        return Plan((), ())
    wanted = int(np.clip(np.ceil(ENOUGH / (panel.series * horizon)), FEWEST_CHOICES, MOST_CHOICES))
    least = max(horizon, panel.periods // 2, first + 1)
    before = [tested[-1] - horizon * (place + 1) for place in range(wanted)]
    return Plan(tuple(start for start in reversed(before) if start >= least), tuple(reversed(tested)))


@dataclass(frozen=True)
class Window:
    """What was forecast for a window, beside what came.

    Args:
        start_period: Number of its first period.
        actual: (n, h).
        counted: Which values metrics are made of, (n, h).
        mean: (n, h).
        quantiles: (n, h, q).
        scale: Of MASE, (n,).
    """

    start_period: int
    actual: Array
    counted: NDArray[np.bool_]
    mean: Array
    quantiles: Array
    scale: Array

    @property
    def judged(self) -> Array:
        """What came, NaN where it does not count."""
        return np.where(self.counted, self.actual, np.nan)


@dataclass(frozen=True)
class Backtest:
    """The reported windows, the oldest first, with the quantiles' levels."""

    levels: tuple[float, ...]
    windows: tuple[Window, ...]
