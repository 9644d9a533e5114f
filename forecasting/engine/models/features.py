"""What the boosted model sees of a series at an origin: its recent levels, its seasons, the calendar and covariates.

Every number is made of what was known at the origin, or is known ahead; the origin is where a forecast would begin.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.engine import holiday
from forecasting.engine.frequency import Frequency
from forecasting.engine.models import almanac
from forecasting.engine.models.model import Array
from forecasting.engine.panel import Panel

Places = NDArray[np.int64]

BASES = {"min": 0, "H": 0, "D": 0, "W": 4, "M": 3, "Y": 1}  # the shortest window, where it is not a season
DOUBLINGS = 8  # of the shortest window
LEVEL = 8  # shortest windows that a series' level is the mean of
SHORTEST = (1, 3)
SEASONS = (1, 2, 4, 8, 16)  # newest values of the same season that are averaged; one and two are the values themselves
FEW_SEASONS = 8  # are looked at of a long cycle
LONG_CYCLE = 100
LEAST_LEVEL = 0.1  # of the mean demand: so far below it a level may fall


@dataclass(frozen=True)
class Recipe:
    """Which features there are; it stays the same from fitting to the last forecast.

    Args:
        horizon: Periods ahead.
        windows: Lengths that levels are means over.
        cycles: Lengths of the seasons.
        year: Periods in a year, 0 where the history is too short to look a year back.
        known: Covariates known ahead.
        past: Covariates known in the past only.
        static: Categories.
    """

    horizon: int
    windows: tuple[int, ...]
    cycles: tuple[int, ...]
    year: int
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @classmethod
    def of(cls, panel: Panel, horizon: int, context: int = 0) -> "Recipe":
        """What a panel's length allows for.

        Args:
            panel: To be fitted on.
            horizon: Periods ahead.
            context: Periods that may be looked back, 0 for all.
        """
        reach = min(panel.periods, context or panel.periods)
        frequency, shortest = panel.frequency, base(panel.frequency)
        windows = [shortest * 2**power for power in range(DOUBLINGS)]
        return cls(
            horizon,
            tuple(length for length in windows if length <= max(reach // 2, shortest)),
            tuple(length for length in frequency.cycles if length <= reach // 2),
            frequency.year if frequency.year > shortest and reach >= frequency.year + 4 * shortest else 0,
            tuple(panel.known),
            tuple(panel.past),
            tuple(panel.static),
        )


def base(frequency: Frequency) -> int:
    """The length of the shortest window that levels are means over."""
    return BASES[frequency.unit] or frequency.season


class Features:
    """The features of a panel's series at any origin.

    Args:
        panel: With covariates known ahead up to the last origin's horizon.
        recipe: Which ones.
    """

    def __init__(self, panel: Panel, recipe: Recipe) -> None:
        self._panel, self._recipe = panel, recipe
        self.recipe = recipe
        self._base = base(panel.frequency)
        values = np.nan_to_num(panel.target)
        self._sums = _sums(values)
        self._squares = _sums(values**2)
        self._sizes = _sums(np.abs(values)) if (values < 0).any() else self._sums
        self._some = _sums(values != 0)
        self._counts = _sums(~np.isnan(panel.target))
        self._known = {name: panel.known[name] for name in recipe.known}
        self._known_sums = {name: _sums(np.nan_to_num(values)) for name, values in self._known.items()}
        self._distances = {name: self._holidays(name) for name in recipe.known if name.startswith(holiday.PREFIX)}
        self._past_sums = {name: _sums(np.nan_to_num(panel.past[name])) for name in recipe.past}

    def levels(self, series: Places, origins: Places) -> Array:
        """The mean size of a series' values shortly before an origin, and not far below that of a demand.

        Where demands are rare the mean comes near to zero, and a value measured by it would be anything.

        Returns:
            (p,); a number without a meaning for a series that was always zero.
        """
        recent = self._mean(self._sizes, series, origins - LEVEL * self._base, origins)
        demands = self._some[series, origins]
        demand = np.where(demands > 0, self._sizes[series, origins] / np.maximum(demands, 1), 1.0)
        return np.where(np.isnan(recent), demand, np.maximum(recent, LEAST_LEVEL * demand))

    def at(self, series: Places, origins: Places) -> tuple[dict[str, Array], dict[str, Array]]:
        """All features at some origins.

        Args:
            series: Rows of the panel, (p,).
            origins: The column that a forecast begins with, for each of them, (p,).

        Returns:
            By name, those in units of the target and the others; each (p, horizon) or of a shape that stretches to it.
        """
        steps = np.arange(self._recipe.horizon)
        targets = origins[:, None] + steps
        in_units = self._levels(series, origins) | self._seasons(series, origins) | self._last_year(series, origins)
        others = {
            "share_4": self._mean(self._some, series, origins - 4 * self._base, origins)[:, None],
            "share_16": self._mean(self._some, series, origins - 16 * self._base, origins)[:, None],
            "age": self._counts[series, origins][:, None],
            "step": steps[None].astype(np.float64),
        }
        starts = self._panel.starts(int(targets.min()), int(np.ptp(targets)) + 1)
        for name, values in almanac.features(self._panel.frequency, starts).items():
            others[name] = values[targets - targets.min()]
        others |= self._covariates(series, origins, targets)
        for name in self._recipe.static:
            others[f"category {name}"] = self._panel.static[name][series][:, None].astype(np.float64)
        return in_units, others

    def _holidays(self, name: str) -> dict[str, Array]:
        code = name.removeprefix(holiday.PREFIX)
        columns = self._panel.known[name].shape[1]
        known = code in holiday.CODES
        return almanac.distances(self._panel.frequency, code, self._panel.first_period, columns) if known else {}

    def _mean(self, sums: Array, series: Places, start: Places, end: Places) -> Array:
        start, end = np.maximum(start, 0), np.maximum(end, 0)
        counts = self._counts[series, end] - self._counts[series, start]
        total = sums[series, end] - sums[series, start]
        return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)

    def _levels(self, series: Places, origins: Places) -> dict[str, Array]:
        found = {
            f"mean {length}": self._mean(self._sums, series, origins - length, origins)[:, None]
            for length in dict.fromkeys((*SHORTEST, *self._recipe.windows))
        }
        begin = origins - LEVEL * self._base
        mean = self._mean(self._sums, series, begin, origins)
        square = self._mean(self._squares, series, begin, origins)
        found["deviation"] = np.sqrt(np.maximum(square - mean**2, 0))[:, None]
        return found

    def _seasons(self, series: Places, origins: Places) -> dict[str, Array]:
        found, steps = {}, np.arange(self._recipe.horizon)
        targets = origins[:, None] + steps
        for length in self._recipe.cycles:
            nearest = steps // length + 1
            depth = max(SEASONS) if length < LONG_CYCLE else FEW_SEASONS
            places = targets[..., None] - (nearest[:, None] + np.arange(depth)) * length
            values = self._panel.target[series[:, None, None], np.maximum(places, 0)]
            values = np.where(places >= 0, values, np.nan)
            with warnings.catch_warnings():  # nothing observed: the mean of nothing is NaN, which trees understand
                warnings.simplefilter("ignore", RuntimeWarning)
                for count in SEASONS:
                    if count <= 2:
                        found[f"season {length}, {count} ago"] = values[..., count - 1]
                    elif count <= depth:
                        found[f"season {length}, mean of {count}"] = np.nanmean(values[..., :count], axis=-1)
                found[f"season {length}, least"] = np.nanmin(values[..., :FEW_SEASONS], axis=-1)
                found[f"season {length}, greatest"] = np.nanmax(values[..., :FEW_SEASONS], axis=-1)
        return found

    def _last_year(self, series: Places, origins: Places) -> dict[str, Array]:
        year = self._recipe.year
        if not year:
            return {}
        around = self._base // 2 if self._panel.frequency.unit == "D" else 1 if year > LONG_CYCLE else 0
        places = origins[:, None] + np.arange(self._recipe.horizon) - year
        there = (places - around >= 0) & (places + around < origins[:, None])
        places = np.where(there, places, around)
        then = self._mean(self._sums, series[:, None], places - around, places + around + 1)
        before = self._mean(self._sums, series, origins - year - 4 * self._base, origins - year)
        then = np.where(there, then, np.nan)
        return {"a year ago": then, "a year ago, rise": then - np.where(origins >= year, before, np.nan)[:, None]}

    def _covariates(self, series: Places, origins: Places, targets: Places) -> dict[str, Array]:
        found: dict[str, Array] = {}
        begin = np.maximum(origins - LEVEL * self._base, 0)
        for name, values in self._known.items():
            sums = self._known_sums[name]
            usual = (sums[series, origins] - sums[series, begin]) / np.maximum(origins - begin, 1)
            now = values[series[:, None], targets].astype(np.float64)
            found[f"known {name}"], found[f"known {name}, change"] = now, now - usual[:, None]
            for kind, distances in self._distances.get(name, {}).items():
                found[f"known {name}, {kind}"] = distances[targets]
        for name, sums in self._past_sums.items():
            last = self._panel.past[name][series, np.maximum(origins - 1, 0)]
            found[f"past {name}"] = last[:, None].astype(np.float64)
            usual = (sums[series, origins] - sums[series, begin]) / np.maximum(origins - begin, 1)
            found[f"past {name}, usual"] = usual[:, None]
        return found


def matrix(
    in_units: Mapping[str, Array], others: Mapping[str, Array], scale: Array, horizon: int
) -> NDArray[np.float32]:
    """The features as rows, those in units of the target by a scale and compressed.

    Args:
        in_units: See `Features.at`.
        others: The same.
        scale: (p,).
        horizon: Of the features.

    Returns:
        (p * horizon, features), float32.
    """
    shape = (len(scale), horizon)
    columns = [compress(values / scale[:, None]) for values in in_units.values()]
    columns += [*others.values(), np.log(scale)[:, None]]
    made = np.empty((*shape, len(columns)), dtype=np.float32)
    for place, values in enumerate(columns):
        made[..., place] = values
    return made.reshape(-1, len(columns))


def compress(values: Array) -> Array:
    """The logarithm of one and the size, with the sign: what is far away comes nearer, zero stays."""
    return np.sign(values) * np.log1p(np.abs(values))


def expand(values: Array) -> Array:
    """The inverse of `compress`."""
    return np.sign(values) * np.expm1(np.abs(values))


def _sums(values: NDArray[np.generic]) -> Array:
    """Running sums that begin with zero, (n, t + 1)."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums
