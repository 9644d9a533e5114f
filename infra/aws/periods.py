"""What was, by the periods of a forecast: rows come as the table has them, forecasts by week, month or hour. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

_LENGTHS = {"W": timedelta(days=7), "D": timedelta(days=1), "H": timedelta(hours=1)}


def by_period(
    rows: Iterable[tuple[datetime, float]], frequency: str, anchor: datetime, end: datetime
) -> dict[datetime, float]:
    """Sums by period, without holes: a period without a row sold nothing.

    Args:
        rows: Moment and value.
        frequency: As the API writes it.
        anchor: First moment of any period of the forecast: weeks begin on its day.
        end: First moment that is no longer wanted; what is before it and after the last row is 0.

    Returns:
        By first moment of the period, in order.

    Example:
        >>> days = [(datetime(2024, 1, day), 1.0) for day in (3, 4, 17)]
        >>> [(at.day, sold) for at, sold in by_period(days, "W", datetime(2024, 1, 29), datetime(2024, 1, 29)).items()]
        [(1, 2.0), (8, 0.0), (15, 1.0), (22, 0.0)]
    """
    sums: dict[datetime, float] = defaultdict(float)
    for at, value in rows:
        if at < end:
            sums[_start(at, frequency, anchor)] += value
    if not sums:
        return {}
    found, at = {}, min(sums)
    while at < end:
        found[at] = sums.get(at, 0.0)
        at = _next(at, frequency)
    return found


def _start(at: datetime, frequency: str, anchor: datetime) -> datetime:
    if frequency == "M":
        return datetime(at.year, at.month, 1)
    if frequency == "Y":
        return datetime(at.year, 1, 1)
    return anchor + (at - anchor) // _length(frequency) * _length(frequency)


def _next(at: datetime, frequency: str) -> datetime:
    if frequency == "M":
        return datetime(at.year + at.month // 12, at.month % 12 + 1, 1)
    return datetime(at.year + 1, 1, 1) if frequency == "Y" else at + _length(frequency)


def _length(frequency: str) -> timedelta:
    return _LENGTHS.get(frequency) or timedelta(minutes=int(frequency.removesuffix("min")))


def regular(
    found: Mapping[tuple[str, ...], Iterable[tuple[datetime, float]]], frequency: str, anchor: datetime, end: datetime
) -> dict[tuple[str, ...], dict[datetime, float]]:
    """The same of each series."""
    return {one: by_period(rows, frequency, anchor, end) for one, rows in found.items()}
