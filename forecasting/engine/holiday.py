"""National holidays as covariates that are known ahead, one for each country, for periods of any frequency.

The calendars are those of the `holidays` package, a country's own ones without those of its regions.
"""

import warnings
from collections.abc import Sequence

import holidays
import numpy as np
from numpy.typing import NDArray

from forecasting.engine.frequency import Frequency
from lakehouse.errors import ContractError

# fmt: off
CODES = (
    "AL", "AR", "AT", "AU", "BA", "BE", "BG", "BO", "BR", "BY", "CA", "CL", "CO", "CR", "HR", "CZ", "DK", "EC", "EE",
    "ET", "FI", "FR", "DE", "GR", "HU", "IS", "IN", "IE", "IT", "JP", "KZ", "KR", "LV", "LI", "LT", "LU", "MK", "MT",
    "MX", "MD", "ME", "NL", "NZ", "NI", "NG", "NO", "PA", "PY", "PE", "PL", "PT", "RO", "RU", "RS", "SK", "SI", "ZA",
    "ES", "SE", "CH", "UA", "AE", "US", "UK", "UY", "VE",
)
# fmt: on
ISO = {"UK": "GB"}  # the API's code for the United Kingdom is not that of ISO 3166
PREFIX = "holiday_"
NOON = np.timedelta64(12, "h")


def covariates(frequency: Frequency, codes: Sequence[str], first: int, count: int) -> dict[str, NDArray[np.float32]]:
    """Holidays of countries over a range of periods.

    Args:
        frequency: Of the periods.
        codes: Country codes as the API has them.
        first: Number of the first period.
        count: How many periods.

    Returns:
        For each country `holiday_<code>`, (count,): up to hours, 1 on a holiday; from days on, how many holidays
        the period has (a day belongs to the period that holds its noon).

    Raises:
        ContractError: There is no calendar for a code.
    """
    periods = np.arange(first, first + count, dtype=np.int64)
    edges = frequency.start(np.append(periods, first + count))
    return {f"{PREFIX}{code}": _covariate(frequency, periods, edges, code) for code in dict.fromkeys(codes)}


def _covariate(
    frequency: Frequency, periods: NDArray[np.int64], edges: NDArray[np.datetime64], code: str
) -> NDArray[np.float32]:
    days = _days(code, edges[0], edges[-1])
    if frequency.unit in ("min", "H"):
        return np.isin(edges[:-1].astype("datetime64[D]"), days).astype(np.float32)
    number = frequency.period(days + NOON) - periods[0]
    inside = number[(number >= 0) & (number < len(periods))]
    return np.bincount(inside, minlength=len(periods)).astype(np.float32)


def _days(code: str, start: np.datetime64, end: np.datetime64) -> NDArray[np.datetime64]:
    if code not in CODES:
        raise ContractError(f"the country code '{code}' for holidays", f"one of {', '.join(CODES)}")
    years = range(int(str(start.astype("datetime64[Y]"))), int(str(end.astype("datetime64[Y]"))) + 1)
    with warnings.catch_warnings():  # a few calendars know some of their holidays for a range of years only
        warnings.simplefilter("ignore", UserWarning)
        try:
            found = holidays.country_holidays(ISO.get(code, code), years=years)
        except NotImplementedError as fault:
            raise ContractError(
                f"the country code '{code}' for holidays", "a calendar of the installed holidays package"
            ) from fault
    return np.array(sorted(found), dtype="datetime64[D]")
