"""Holidays over periods of every length, and the 66 countries of the API."""

from itertools import pairwise

import holidays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.engine.frequency import Boundary, Frequency
from forecasting.engine.holiday import CODES, ISO, covariates
from lakehouse.errors import ContractError

pytestmark = pytest.mark.unit


def slow(frequency: Frequency, code: str, first: int, count: int) -> list[int]:
    """Ask for each period's moments, one after the other."""
    edges = frequency.start(np.arange(first, first + count + 1)).astype("datetime64[h]")
    days = holidays.country_holidays(code, years=range(2018, 2027))
    found = []
    for start, end in pairwise(edges):
        if frequency.unit in ("min", "H"):
            found.append(int(start.astype("datetime64[D]").astype(object) in days))
        else:
            hours = np.arange(start, end)
            noons = hours[hours.astype(int) % 24 == 12].astype("datetime64[D]")
            found.append(sum(day.astype(object) in days for day in noons))
    return found


@settings(deadline=None)
@given(
    st.sampled_from(["H", "5H", "D", "3D", "W", "2W", "M", "3M", "Y"]), st.sampled_from(["US", "DE", "JP"]), st.data()
)
def test_a_covariate_counts_the_holidays_of_its_period(text: str, code: str, data: st.DataObject) -> None:
    frequency = Frequency.parse(text)
    first = int(frequency.period(np.array(["2020-01-01"], dtype="datetime64[s]"))[0])
    first += data.draw(st.integers(0, 300 if text not in ("M", "3M", "Y") else 3))
    made = covariates(frequency, [code], first, 12 if frequency.unit != "Y" else 3)[f"holiday_{code}"]
    assert made.tolist() == slow(frequency, code, first, len(made))


def test_a_day_that_begins_at_seven_has_the_holiday_of_its_noon() -> None:
    days = Frequency(1, "D", Boundary(hour=7))
    first = int(days.period(np.array(["2024-12-24T08:00:00"], dtype="datetime64[s]"))[0])
    assert covariates(days, ["US"], first, 3)["holiday_US"].tolist() == [0, 1, 0]


def test_every_country_of_the_api_has_a_calendar_and_uk_is_gb() -> None:
    year = int(Frequency.parse("Y").period(np.array(["2019-06-01"], dtype="datetime64[s]"))[0])
    made = covariates(Frequency.parse("Y"), CODES, year, 1)
    assert len(made) == len(CODES) == 66
    assert all(values[0] >= 3 for values in made.values())
    assert made["holiday_UK"][0] == len(holidays.country_holidays(ISO["UK"], years=2019))


def test_a_country_without_a_calendar_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ContractError, match="the country code 'XX' for holidays; expected one of AL, AR"):
        covariates(Frequency.parse("D"), ["XX"], 0, 3)
    monkeypatch.setitem(ISO, "US", "XX")
    with pytest.raises(ContractError, match="'US' for holidays; expected a calendar of the installed holidays package"):
        covariates(Frequency.parse("D"), ["US"], 0, 3)
