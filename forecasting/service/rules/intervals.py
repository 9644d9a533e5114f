"""Frequencies as the API writes them: a number and Y, M, W, D, H or min.

Apart from the engine's own, since the gateway checks requests without numpy.
"""

import re
from dataclasses import dataclass

from forecasting.service.faults import invalid

# The largest count of each unit, and its seconds; months and years as an average, for comparing alone.
UNITS = {
    "min": (59, 60),
    "H": (23, 3600),
    "D": (6, 86_400),
    "W": (4, 604_800),
    "M": (11, 2_629_746),
    "Y": (1, 31_556_952),
}
# As the engine reads it: no number begins with 0, and minutes have one.
_WRITTEN = re.compile(r"([1-9]\d?)?([HDWMY])|([1-9]\d?)(min)")


@dataclass(frozen=True)
class Interval:
    """One frequency; `1D` and `D` are equal."""

    count: int
    unit: str

    @property
    def seconds(self) -> int:
        return self.count * UNITS[self.unit][1]


def is_written_well(text: str) -> bool:
    """Whether a text has the form of a frequency, its count aside."""
    return _WRITTEN.fullmatch(text) is not None


def interval(text: str, member: str) -> Interval:
    """The frequency that a member holds.

    Example:
        >>> interval("2W", "ForecastFrequency")
        Interval(count=2, unit='W')

    Raises:
        ApiError: It is none, or its count reaches the next larger unit.
    """
    found = _WRITTEN.fullmatch(text)
    number, unit = (found[1] or found[3], found[2] or found[4]) if found else ("0", "D")
    count = int(number or 1)
    if not 1 <= count <= UNITS[unit][0]:
        allowed = ", ".join(f"1{unit}" if most == 1 else f"1-{most}{unit}" for unit, (most, _) in UNITS.items())
        raise invalid(f"Invalid {member}: {text}. Valid frequencies: {allowed}")
    return Interval(count, unit)
