"""What QueryForecast and QueryWhatIfForecast answer: the values of one series out of a forecast's artefact."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from forecasting.data import artefact
from forecasting.data.artefact import Artefact
from forecasting.data.cells import shown
from lakehouse.errors import ContractError

OPEN = 16
"""Forecasts that are kept open; the service lets ten be queried."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")


class NotFoundError(ContractError):
    """The forecast has no such series."""


class QueryError(ContractError):
    """The filters or the dates are not as they must be."""


def answer(
    folder: Path, filters: Mapping[str, str], start: str | None = None, end: str | None = None
) -> dict[str, Any]:
    """One series, as the API returns it.

    Args:
        folder: Of the forecast's artefact.
        filters: The item and every dimension, by the names of the schema.
        start: First moment, `yyyy-MM-dd'T'HH:mm:ss`; None for the forecast's.
        end: Last moment, included; None for the forecast's.

    Returns:
        `{"Forecast": {"Predictions": {"p10": [{"Timestamp": …, "Value": …}, …], …}}}`, a list per forecast type.

    Raises:
        NotFoundError: No series has these values.
        QueryError: A filter is missing or unknown, a date is none, or none of the forecast lies between the dates.
    """
    changed = (folder / artefact.FORECAST).stat()
    forecast = _opened(folder, changed.st_mtime_ns, changed.st_ino)
    row = _row(forecast.keys, _wanted(forecast, filters))
    if row is None:
        told = ", ".join(f"{name}={shown(value)}" for name, value in filters.items())
        raise NotFoundError(f"no forecast of {told}", "a series of the forecast", "query one that was imported")
    first, last = _between(forecast.times, start, end)
    times = forecast.times[first:last]
    values = forecast.values[row, first:last].T.tolist()
    return {
        "Forecast": {
            "Predictions": {
                name: [{"Timestamp": time, "Value": value} for time, value in zip(times, column, strict=True)]
                for name, column in zip(forecast.names, values, strict=True)
            }
        }
    }


def forget() -> None:
    """Close all forecasts: the disk holds a deleted one for as long as it is open."""
    _opened.cache_clear()


@lru_cache(OPEN)
def _opened(folder: Path, _modified: int, _inode: int) -> Artefact:
    """The file's times are a part of the key: a folder whose forecast was made anew is opened anew."""
    return artefact.read(folder)


def _wanted(forecast: Artefact, filters: Mapping[str, str]) -> list[str]:
    given = dict(filters)
    if forecast.item_column not in given and "item_id" in given:  # what all domains but three call it
        given[forecast.item_column] = given.pop("item_id")
    names = forecast.keys.column_names
    if given.keys() != set(names):
        raise QueryError(
            f"filters on {', '.join(map(shown, sorted(filters))) or 'nothing'}",
            f"one on each of {', '.join(names)}",
            "name the item and every forecast dimension",
        )
    return [given[name] for name in names]


def _row(keys: pa.Table, wanted: Sequence[str]) -> int | None:
    """Halving, column by column: 17 looks into 100,000 series, where a dictionary of them would first be filled."""
    low, high = 0, len(keys)
    for column, value in zip(keys.columns, wanted, strict=True):
        texts = _Texts(column.chunk(0) if column.num_chunks else pa.array([], pa.string()))
        low, high = bisect_left(texts, value, low, high), bisect_right(texts, value, low, high)
    return low if low < high else None


class _Texts(Sequence[str]):
    """A column of strings as bisect wants it; Arrow sorts by bytes of UTF-8, which is the order of Python's strings."""

    def __init__(self, column: pa.Array) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, row: Any) -> Any:
        return self._column[row].as_py()


def _between(times: Sequence[str], start: str | None, end: str | None) -> tuple[int, int]:
    for date in (start, end):
        if date is not None and not _is_date(date):
            raise QueryError(f"the date {shown(date)}", "one like 2019-02-01T00:00:00", "write it so")
    first = 0 if start is None else bisect_left(times, start)
    last = len(times) if end is None else bisect_right(times, end)
    if first >= last:
        raise QueryError(
            f"the dates from {start or times[0]} to {end or times[-1]}",
            f"dates between {times[0]} and {times[-1]}",
            "query within the forecast",
        )
    return first, last


def _is_date(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and bool(datetime.fromisoformat(text))
    except ValueError:
        return False
