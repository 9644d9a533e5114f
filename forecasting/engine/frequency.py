"""Forecast frequencies: which period holds a moment, when a period starts, how many periods make a season.

Moments are naive, as in the data: no time zone is known here, and no data either.
"""

import math
import re
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

GREATEST = {"min": 59, "H": 23, "D": 6, "W": 4, "M": 11, "Y": 1}
VALID = "an integer followed by min (1-59), H (1-23), D (1-6), W (1-4), M (1-11) or Y (1), for example 15min, D or 2W"

SECONDS = {"min": 60, "H": 3_600, "D": 86_400, "W": 604_800}
MONTHS = {"M": 1, "Y": 12}
# Periods are counted from 1970-01-01T00:00, weeks from the first Monday after it; a boundary moves the origin.
FIRST_MONDAY = 4 * SECONDS["D"]

BOUNDARY_RANGES = {"month": (1, 12), "day_of_month": (1, 28), "day_of_week": (0, 6), "hour": (0, 23)}
BOUNDARIES = {
    "min": (),
    "H": (),
    "D": ("hour",),
    "W": ("day_of_week", "hour"),
    "M": ("month", "day_of_month", "hour"),
    "Y": ("month", "day_of_month", "hour"),
}
# Lengths after which the calendar repeats itself: hour, day and week in minutes; day and week in hours; and so on
REPEATS = {"min": (60, 1_440, 10_080), "H": (24, 168), "D": (7,), "W": (52,), "M": (12,), "Y": ()}
YEAR = {"min": 524_160, "H": 8_736, "D": 364, "W": 52, "M": 12, "Y": 1}  # whole weeks where there are weeks


@dataclass(frozen=True)
class Boundary:
    """Where a period begins: TimeAlignmentBoundary.

    Args:
        month: First month of a year (or of a group of months), 1 to 12.
        day_of_month: First day of a month or year, 1 to 28.
        day_of_week: First day of a week, 0 for Monday.
        hour: First hour of a day, 0 to 23.

    Raises:
        ValueError: A value is out of its range.
    """

    month: int | None = None
    day_of_month: int | None = None
    day_of_week: int | None = None
    hour: int | None = None

    def __post_init__(self) -> None:
        for name, (least, greatest) in BOUNDARY_RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= greatest:
                raise ValueError(f"Invalid time alignment boundary: {name} is {value}, not {least} to {greatest}")

    @property
    def given(self) -> tuple[str, ...]:
        """The names that are set."""
        return tuple(one.name for one in fields(self) if getattr(self, one.name) is not None)


@dataclass(frozen=True)
class Frequency:
    """Periods of `count` units.

    Args:
        count: How many units.
        unit: min, H, D, W, M or Y.
        boundary: Where the first of the units begins.

    Raises:
        ValueError: There is no such frequency, or the boundary does not suit the unit.
    """

    count: int
    unit: str
    boundary: Boundary = Boundary()

    def __post_init__(self) -> None:
        if not 1 <= self.count <= GREATEST.get(self.unit, 0):
            raise ValueError(f"Invalid frequency '{self.count}{self.unit}': valid intervals are {VALID}")
        wrong = set(self.boundary.given) - set(BOUNDARIES[self.unit])
        if wrong:
            raise ValueError(
                f"Invalid time alignment boundary for the frequency {self.text}: {', '.join(sorted(wrong))}; "
                f"valid keys are {', '.join(BOUNDARIES[self.unit]) or 'none'}"
            )

    @classmethod
    def parse(cls, text: str, boundary: Boundary = Boundary()) -> "Frequency":
        """Read a frequency as the API writes it.

        Raises:
            ValueError: It is none.

        Example:
            >>> Frequency.parse("15min").season, Frequency.parse("2W").text
            (4, '2W')
        """
        found = re.fullmatch(r"([1-9][0-9]?)?(min|[HDWMY])", text)
        if found is None or (found[1] is None and found[2] == "min"):
            raise ValueError(f"Invalid frequency '{text}': valid intervals are {VALID}")
        return cls(int(found[1] or 1), found[2], boundary)

    @property
    def text(self) -> str:
        """As the API writes it."""
        return self.unit if self.count == 1 and self.unit != "min" else f"{self.count}{self.unit}"

    @property
    def season(self) -> int:
        """Periods in a season: a year of months or weeks, a week of days, a day of hours, an hour of minutes.

        Where a season is no whole number of periods, it is the number after which the calendar first repeats itself
        (2D: 7, 5H: 24), and for weeks, which repeat in no number of years, the nearest (3W: 17).

        Example:
            >>> {text: Frequency.parse(text).season for text in ("D", "2D", "6H", "5H", "30min", "2W", "3W", "3M", "Y")}
            {'D': 7, '2D': 7, '6H': 4, '5H': 24, '30min': 2, '2W': 26, '3W': 17, '3M': 4, 'Y': 1}
        """
        return self._repeat(REPEATS[self.unit][0]) if REPEATS[self.unit] else 1

    @property
    def cycles(self) -> tuple[int, ...]:
        """All cycles of the calendar that are longer than one period, the season first, in periods."""
        lengths = {self._repeat(length) for length in REPEATS[self.unit]} | {self.season}
        return tuple(length for length in sorted(lengths) if length > 1)

    @property
    def year(self) -> int:
        """Periods in a year, of whole weeks for periods of less than a month."""
        return max(1, round(YEAR[self.unit] / self.count))

    def period(self, times: NDArray[np.datetime64]) -> NDArray[np.int64]:
        """The number of the period that holds each moment.

        Args:
            times: Any shape, datetime64[s] or coarser.
        """
        moments = times.astype("datetime64[s]")
        if self.unit in SECONDS:
            seconds = moments.astype(np.int64) - self._origin
            return np.floor_divide(seconds, self.count * SECONDS[self.unit])
        days = (moments - np.timedelta64((self.boundary.hour or 0) * SECONDS["H"], "s")).astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        day_of_month = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
        number = months.astype(np.int64) - (day_of_month < (self.boundary.day_of_month or 1)) - self._first_month
        return np.floor_divide(number, self.count * MONTHS[self.unit])

    def start(self, periods: NDArray[np.int64]) -> NDArray[np.datetime64]:
        """The first moment of each period, datetime64[s]."""
        if self.unit in SECONDS:
            return (periods * (self.count * SECONDS[self.unit]) + self._origin).astype("datetime64[s]")
        months = (periods * (self.count * MONTHS[self.unit]) + self._first_month).astype("datetime64[M]")
        days = months.astype("datetime64[D]") + np.timedelta64((self.boundary.day_of_month or 1) - 1, "D")
        seconds = days.astype("datetime64[s]").astype(np.int64) + (self.boundary.hour or 0) * SECONDS["H"]
        return seconds.astype("datetime64[s]")

    @property
    def _origin(self) -> int:
        first = FIRST_MONDAY + (self.boundary.day_of_week or 0) * SECONDS["D"] if self.unit == "W" else 0
        return first + (self.boundary.hour or 0) * SECONDS["H"]

    @property
    def _first_month(self) -> int:
        return (self.boundary.month or 1) - 1

    def _repeat(self, length: int) -> int:
        if self.unit == "W":
            return round(length / self.count)
        return math.lcm(length, self.count) // self.count
