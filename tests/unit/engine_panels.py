"""Panels for the engine's tests: a small shop with a weekly season, promotions and categories."""

import numpy as np
import pyarrow as pa

from forecasting.engine.frequency import Frequency
from forecasting.engine.panel import Panel

CATEGORIES = ("food", "toys")


def shop(series: int = 12, periods: int = 200, horizon: int = 7, seed: int = 1, frequency: str = "D") -> Panel:
    """Counts with a season of seven periods, a promotion that is known ahead and weather that is not.

    Args:
        series: How many; they begin at different times.
        periods: Of the history.
        horizon: Further periods of what is known ahead.
        seed: Of the random numbers.
        frequency: Of the periods.
    """
    rng = np.random.default_rng(seed)
    columns = np.arange(periods + horizon)
    promotion = (rng.random((series, periods + horizon)) < 0.15).astype(np.float32)
    weather = rng.normal(size=(series, periods)).astype(np.float32)
    level = rng.uniform(2, 40, (series, 1))
    season = 1 + 0.5 * np.sin(2 * np.pi * columns / 7)
    expected = (level * season * (1 + 1.5 * promotion))[:, :periods]
    target = rng.poisson(expected).astype(np.float64)
    for row in range(0, series, 4):
        target[row, : rng.integers(0, periods // 4)] = np.nan
    return Panel(
        pa.table({"item_id": [f"item {number}" for number in range(series)]}),
        Frequency.parse(frequency),
        first_period=19_000,
        target=target,
        known={"promotion": promotion},
        past={"weather": weather},
        static={"category": (np.arange(series) % 2).astype(np.int32)},
        categories={"category": CATEGORIES},
    )


def bare(target: np.ndarray, frequency: str = "D", first_period: int = 0) -> Panel:
    """A panel of a target alone."""
    keys = pa.table({"item_id": [f"item {number}" for number in range(len(target))]})
    return Panel(keys, Frequency.parse(frequency), first_period, np.asarray(target, dtype=np.float64))
