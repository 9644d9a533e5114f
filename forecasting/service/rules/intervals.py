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
_WRITTEN = re.compile(r"(\d{0,3})(min|[HDWMY])", re.ASCII)


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
    count = int(found[1] or 1) if found else 0
    if not found or not 1 <= count <= UNITS[found[2]][0]:
        allowed = ", ".join(f"1{unit}" if most == 1 else f"1-{most}{unit}" for unit, (most, _) in UNITS.items())
        raise invalid(f"Invalid {member}: {text}. Valid frequencies: {allowed}")
    return Interval(count, found[2])
