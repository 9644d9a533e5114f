"""gold.forecast_accuracy by the slow, obvious way: one forecast after the other, one row of gold after the other.

Shares nothing with `transforms/forecast_accuracy.py` but the contracts. `verify` compares the two.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from lakehouse.tables import GOLD_FORECAST_ACCURACY

Row = Mapping[str, Any]
ONE_DAY = datetime.timedelta(days=1)


def accuracy(forecasts: Iterable[Row], sales: Mapping[str, Sequence[Row]]) -> list[dict[str, Any]]:
    """What gold.forecast_accuracy should hold.

    Args:
        forecasts: The rows of gold.sales_forecast.
        sales: By full name, the rows of the tables they were made from.

    Returns:
        One row per forecast that has a source table, maps as lists of pairs.
    """
    by_day = {name: _by_day(rows) for name, rows in sales.items()}
    held = (forecast for forecast in forecasts if forecast["source_table"])
    return [_row(forecast, by_day.get(forecast["source_table"], {})) for forecast in held]


def _by_day(rows: Iterable[Row]) -> dict[datetime.date, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        found[row["sales_date"]].append(row)
    return found


def _row(forecast: Row, sales: Mapping[datetime.date, list[Row]]) -> dict[str, Any]:
    days = _days(forecast["forecast_date"], forecast["frequency"])
    actual = _actual(forecast, days, sales)
    point = forecast["mean"] if forecast["p50"] is None else forecast["p50"]
    is_known = actual is not None
    made = {
        "through_date": days[-1] if days else None,
        "forecast": point,
        "actual": actual,
        "absolute_error": None if actual is None or point is None else abs(actual - point),
        "p10_loss": _loss(0.1, actual, forecast["p10"]),
        "p50_loss": _loss(0.5, actual, forecast["p50"]),
        "p90_loss": _loss(0.9, actual, forecast["p90"]),
        "losses": [(level, _loss(float(level), actual, value)) for level, value in forecast["quantiles"]]
        if is_known
        else None,
    }
    return {name: made[name] if name in made else forecast[name] for name in GOLD_FORECAST_ACCURACY.names}


def _days(first: datetime.date, frequency: str) -> list[datetime.date]:
    """The days of a period; none for a period of less than a day."""
    unit = frequency.lstrip("0123456789")
    count = int(frequency.removesuffix(unit) or 1)
    if unit in ("H", "min"):
        return []
    if unit in ("D", "W"):
        return [first + ONE_DAY * number for number in range(count * {"D": 1, "W": 7}[unit])]
    months = count * {"M": 1, "Y": 12}[unit]
    days, ends = [], False
    day = first
    while not ends:
        days.append(day)
        day += ONE_DAY
        passed = (day.year - first.year) * 12 + day.month - first.month
        ends = passed > months or (passed == months and day.day >= first.day)
    return days


def _actual(forecast: Row, days: Sequence[datetime.date], sales: Mapping[datetime.date, list[Row]]) -> float | None:
    if not days or not any(day >= days[-1] for day in sales):
        return None
    sold = Decimal(0)
    for day in days:
        for row in sales.get(day, ()):
            is_same = (
                row[forecast["item_column"]] is not None and str(row[forecast["item_column"]]) == forecast["item_id"]
            )
            for name, value in forecast["dimensions"]:
                is_same = is_same and row[name] is not None and str(row[name]) == value
            if is_same:
                if row[forecast["target_column"]] is None:
                    return None
                sold += row[forecast["target_column"]]
    return float(sold)


def _loss(level: float, actual: float | None, value: float | None) -> float | None:
    if actual is None or value is None:
        return None
    return level * (actual - value) if actual >= value else (1 - level) * (value - actual)
