"""Numbers of the calendar for periods: hour, weekday, day of the month and of the year, and how far holidays are.

They are known for any period, past or to come.
"""

import numpy as np
from numpy.typing import NDArray

from forecasting.engine import holiday
from forecasting.engine.frequency import Frequency

Array = NDArray[np.float64]
FARTHEST = 15  # days to a holiday; beyond it does not matter how many
DAY = {"min": 1_440, "H": 24, "D": 1}


def features(frequency: Frequency, starts: NDArray[np.datetime64]) -> dict[str, Array]:
    """Numbers for periods, each (p,).

    Args:
        frequency: Of the periods.
        starts: Their first moments.
    """
    days = starts.astype("datetime64[D]")
    months = starts.astype("datetime64[M]")
    seconds = (starts.astype("datetime64[s]") - days).astype(np.int64)
    of_year = (days - starts.astype("datetime64[Y]")).astype(np.int64)
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    found = {
        "min": {"time of day": seconds / 60, "weekday": weekday},
        "H": {"time of day": seconds / 60, "weekday": weekday},
        "D": {
            "weekday": weekday,
            "day of month": (days - months.astype("datetime64[D]")).astype(np.int64),
            "day of year": of_year,
        },
        "W": {"week of year": of_year // 7},
        "M": {"month": months.astype(np.int64) % 12},
        "Y": {},
    }
    return {name: np.asarray(values, dtype=np.float64) for name, values in found[frequency.unit].items()}


def distances(frequency: Frequency, code: str, first: int, count: int) -> dict[str, Array]:
    """How many periods ago a country's last holiday was and how many ahead its next one is, up to FARTHEST days.

    A calendar knows what comes after the end of a panel, so the days before Christmas are seen when Christmas is not.

    Args:
        frequency: Of the periods.
        code: Of the country.
        first: Number of the first period.
        count: How many periods.

    Returns:
        `since` and `until`, (count,); nothing for periods longer than a day.
    """
    if frequency.unit not in DAY:
        return {}
    farthest = FARTHEST * DAY[frequency.unit] // frequency.count
    whole = holiday.covariates(frequency, [code], first - farthest, count + 2 * farthest)
    is_holiday = whole[f"{holiday.PREFIX}{code}"] > 0
    places = np.arange(len(is_holiday))
    last = np.maximum.accumulate(np.where(is_holiday, places, -farthest))
    coming = np.minimum.accumulate(np.where(is_holiday, places, len(places) + farthest)[::-1])[::-1]
    found = {"since": places - last, "until": coming - places}
    inside = slice(farthest, farthest + count)
    return {name: np.minimum(values[inside], farthest).astype(np.float64) for name, values in found.items()}
