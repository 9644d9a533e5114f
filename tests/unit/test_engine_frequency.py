"""Periods of every frequency and boundary, against a slow loop over datetimes."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.engine.frequency import BOUNDARIES, BOUNDARY_RANGES, GREATEST, Boundary, Frequency

pytestmark = pytest.mark.unit

STEP = {"min": timedelta(minutes=1), "H": timedelta(hours=1), "D": timedelta(days=1), "W": timedelta(weeks=1)}


def slow_start(moment: datetime, frequency: Frequency) -> datetime:
    """Walk back from a moment to the start of a single unit, then to that of a group of them."""
    unit, at = frequency.unit, frequency.boundary
    start = moment.replace(second=0, microsecond=0)
    if unit != "min":
        start = start.replace(minute=0)
    if unit in ("D", "W", "M", "Y"):
        while start.hour != (at.hour or 0):
            start -= timedelta(hours=1)
    if unit == "W":
        while start.weekday() != (at.day_of_week or 0):
            start -= timedelta(days=1)
    if unit in ("M", "Y"):
        while start.day != (at.day_of_month or 1):
            start -= timedelta(days=1)
    if unit == "Y":
        while start.month != (at.month or 1):
            start = months_later(start, -1)
    number = slow_number(start, frequency)
    for _ in range(number % frequency.count):
        start = months_later(start, -1 if unit == "M" else -12) if unit in ("M", "Y") else start - STEP[unit]
    return start


def slow_number(start: datetime, frequency: Frequency) -> int:
    """How many single units lie between the origin and the start of one."""
    at = frequency.boundary
    if frequency.unit in ("M", "Y"):
        months = (start.year - 1970) * 12 + start.month - (at.month or 1)
        return months if frequency.unit == "M" else months // 12
    origin = datetime(1970, 1, 1, at.hour or 0)
    if frequency.unit == "W":
        while origin.weekday() != 0:
            origin += timedelta(days=1)
        origin += timedelta(days=at.day_of_week or 0)
    return (start - origin) // STEP[frequency.unit]


def months_later(moment: datetime, months: int) -> datetime:
    number = moment.year * 12 + moment.month - 1 + months
    return moment.replace(year=number // 12, month=number % 12 + 1)


@st.composite
def frequencies(draw: st.DrawFn) -> Frequency:
    unit = draw(st.sampled_from(sorted(GREATEST)))
    given = {name: draw(st.none() | st.integers(*BOUNDARY_RANGES[name])) for name in BOUNDARIES[unit]}
    return Frequency(draw(st.integers(1, GREATEST[unit])), unit, Boundary(**given))


MOMENTS = st.datetimes(datetime(1960, 1, 1), datetime(2060, 1, 1)).map(lambda moment: moment.replace(microsecond=0))


@settings(deadline=None)
@given(frequencies(), MOMENTS)
def test_a_period_is_that_of_a_slow_loop(frequency: Frequency, moment: datetime) -> None:
    times = np.array([moment], dtype="datetime64[s]")
    number = frequency.period(times)
    start = slow_start(moment, frequency)
    assert frequency.start(number)[0].astype(datetime) == start
    assert number[0] == slow_number(start, frequency) // frequency.count


@settings(deadline=None)
@given(frequencies(), st.lists(MOMENTS, min_size=1, max_size=9))
def test_periods_leave_no_gap_and_hold_their_moments(frequency: Frequency, moments: list[datetime]) -> None:
    times = np.array(moments, dtype="datetime64[s]")
    number = frequency.period(times)
    assert (frequency.start(number) <= times).all()
    assert (times < frequency.start(number + 1)).all()
    assert (frequency.period(frequency.start(number)) == number).all()
    assert (frequency.period(frequency.start(number + 1) - np.timedelta64(1, "s")) == number).all()


@pytest.mark.parametrize("text", ["1min", "59min", "H", "23H", "D", "6D", "W", "4W", "M", "11M", "Y"])
def test_a_frequency_is_written_as_it_was_read(text: str) -> None:
    assert Frequency.parse(text).text == text
    assert Frequency.parse("1D").text == "D"


@pytest.mark.parametrize(
    "text", ["", "min", "0D", "60min", "24H", "7D", "5W", "12M", "2Y", "2", "d", "1.5H", "15 min", "D\n"]
)
def test_other_texts_are_refused_with_what_is_valid(text: str) -> None:
    with pytest.raises(ValueError, match="valid intervals are an integer followed by"):
        Frequency.parse(text)


def test_a_boundary_suits_the_unit() -> None:
    with pytest.raises(ValueError, match="day_of_week; valid keys are month, day_of_month, hour"):
        Frequency(1, "M", Boundary(day_of_week=1))
    with pytest.raises(ValueError, match="valid keys are none"):
        Frequency(1, "H", Boundary(hour=1))
    with pytest.raises(ValueError, match="day_of_month is 29, not 1 to 28"):
        Boundary(day_of_month=29)


def test_quarters_may_begin_on_the_fifteenth_of_february() -> None:
    quarters = Frequency.parse("3M", Boundary(month=2, day_of_month=15))
    days = np.array(["2024-02-14", "2024-02-15", "2024-05-14", "2024-05-15"], dtype="datetime64[s]")
    starts = quarters.start(quarters.period(days)).astype("datetime64[D]").astype(str)
    assert starts.tolist() == ["2023-11-15", "2024-02-15", "2024-02-15", "2024-05-15"]


@pytest.mark.parametrize(
    ("text", "season", "cycles", "year"),
    [
        ("1min", 60, (60, 1_440, 10_080), 524_160),
        ("5min", 12, (12, 288, 2_016), 104_832),
        ("10min", 6, (6, 144, 1_008), 52_416),
        ("15min", 4, (4, 96, 672), 34_944),
        ("30min", 2, (2, 48, 336), 17_472),
        ("7min", 60, (60, 1_440), 74_880),
        ("H", 24, (24, 168), 8_736),
        ("6H", 4, (4, 28), 1_456),
        ("D", 7, (7,), 364),
        ("2D", 7, (7,), 182),
        ("W", 52, (52,), 52),
        ("2W", 26, (26,), 26),
        ("M", 12, (12,), 12),
        ("3M", 4, (4,), 4),
        ("8M", 3, (3,), 2),
        ("6M", 2, (2,), 2),
        ("Y", 1, (), 1),
    ],
)
def test_seasons_follow_the_calendar(text: str, season: int, cycles: tuple[int, ...], year: int) -> None:
    frequency = Frequency.parse(text)
    assert (frequency.season, frequency.cycles, frequency.year) == (season, cycles, year)
