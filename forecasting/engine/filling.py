"""Filling of missing values: between two observations, after the last one, and ahead of the end of the data.

What lies before a series' first observation is never filled (frontfill none).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROLLING: dict[str, Callable[..., Any]] = {"median": np.median, "mean": np.mean, "min": np.min, "max": np.max}
ENTRIES = 64  # observations before the gap that the rolling statistics are made of
TARGET_METHODS = ("zero", "nan", "value", *ROLLING)
RELATED_METHODS = ("zero", "value", *ROLLING)
TARGET_KEYS = ("middlefill", "backfill")
RELATED_KEYS = ("middlefill", "backfill", "futurefill")


@dataclass(frozen=True)
class Fill:
    """How a kind of gap is filled: `zero`, `nan`, `value` (then `value` is it), or a rolling statistic."""

    method: str
    value: float = 0.0


NOTHING = Fill("nan")


@dataclass(frozen=True)
class Filling:
    """What an attribute's gaps are filled with.

    Args:
        middle: Between a series' first and last observation.
        back: From its last observation to the end of the target's data.
        future: After the end of the target's data.
    """

    middle: Fill = NOTHING
    back: Fill = NOTHING
    future: Fill = NOTHING

    @classmethod
    def of_target(cls, parameters: Mapping[str, str]) -> "Filling":
        """The target's, from the API's parameters; zero where nothing is said.

        Raises:
            ValueError: A parameter is not one of the target's.
        """
        if parameters.get("frontfill", "none") != "none":
            raise ValueError(f"Invalid frontfill '{parameters['frontfill']}': the only valid value is none")
        if "futurefill" in parameters:
            raise ValueError("Invalid parameter futurefill: the target has no future to fill")
        zero = dict.fromkeys(TARGET_KEYS, "zero")
        middle, back = (_fill(zero | dict(parameters), key, TARGET_METHODS) for key in TARGET_KEYS)
        return cls(middle, back)

    @classmethod
    def of_related(cls, parameters: Mapping[str, str]) -> "Filling":
        """A related series', from the API's parameters; nothing is filled of which nothing is said.

        Raises:
            ValueError: A parameter is not one of a related series'.
        """
        for key in ("aggregation", "frontfill"):
            if key in parameters:
                raise ValueError(f"Invalid parameter {key}: related time series do not accept it")
        found = (_fill(parameters, key, RELATED_METHODS) if key in parameters else NOTHING for key in RELATED_KEYS)
        return cls(*found)


def fill(grid: NDArray[np.float64], filling: Filling, *, end: int) -> NDArray[np.float64]:
    """Fill a grid's missing values.

    Args:
        grid: (n, t) or (n, t + h); NaN is missing.
        filling: With what.
        end: t, the columns of the target's data; from there on it is the future.

    Returns:
        A filled copy. A rolling statistic of nothing, and what `filling` says nothing of, stays NaN.
    """
    seen = ~np.isnan(grid)
    columns = np.arange(grid.shape[1])
    some = seen.any(axis=1)
    first = np.where(some, seen.argmax(axis=1), grid.shape[1])
    last = np.where(some, grid.shape[1] - 1 - seen[:, ::-1].argmax(axis=1), -1)
    begun = columns >= first[:, None]
    is_past = columns < end
    is_middle = ~seen & is_past & begun & (columns < last[:, None])
    is_back = ~seen & is_past & begun & (columns > last[:, None])
    filled = grid.copy()
    for gaps, how in ((is_middle, filling.middle), (is_back, filling.back), (~seen & ~is_past, filling.future)):
        if how.method in ROLLING:
            filled[gaps] = _rolling(grid, seen, gaps, how.method)
        elif how.method != "nan":
            filled[gaps] = how.value if how.method == "value" else 0.0
    return filled


def _rolling(
    grid: NDArray[np.float64], seen: NDArray[np.bool_], gaps: NDArray[np.bool_], method: str
) -> NDArray[np.float64]:
    """For each missing cell, row by row, the statistic of the last observations of its series before it."""
    rows, columns = np.nonzero(gaps)
    before = np.cumsum(seen, axis=1)
    starts = np.concatenate([[0], np.cumsum(before[:, -1])])[:-1] if grid.shape[1] else np.zeros(len(grid))
    observed = grid[seen]  # row by row
    ends, number = np.unique(starts[rows] + before[rows, columns], return_inverse=True)
    # ends are places in `observed`; of equal ones the row is the same, unless it has nothing before the gap
    counts = np.minimum(before[rows, columns], ENTRIES)
    statistics = np.full(len(ends), np.nan)
    most = np.zeros(len(ends), dtype=np.int64)
    np.maximum.at(most, number, counts)
    for count in np.unique(most[most > 0]):
        these = np.flatnonzero(most == count)
        windows = observed[ends[these, None].astype(np.int64) - count + np.arange(count)]
        statistics[these] = ROLLING[method](windows, axis=1)
    return np.where(counts > 0, statistics[number], np.nan)


def _fill(parameters: Mapping[str, str], key: str, methods: tuple[str, ...]) -> Fill:
    method = parameters[key]
    if method not in methods:
        raise ValueError(f"Invalid {key} '{method}': valid values are {', '.join(methods)}")
    if method != "value":
        return Fill(method)
    text = parameters.get(f"{key}_value", "")
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"Invalid {key}_value '{text}': a number must be given with {key} 'value'")
    return Fill(method, value)
