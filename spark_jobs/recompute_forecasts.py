"""Forecasts and backtests by the slow, obvious way: the export files row by row, by Python's own csv.

Shares nothing with `exports.py` but the contracts. `verify` compares the two.
"""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from lakehouse.runs import Run

Window = tuple[datetime, datetime] | None  # first and last moment of a backtest's window
Key = tuple[str, tuple[tuple[str, str], ...], datetime, Window]  # item, dimensions by name, time
Values = dict[str, float | None]  # by level, and the mean; the actual value of a backtest


def forecasts(run: Run, files: Iterable[bytes]) -> dict[Key, Values]:
    """What a forecast's export says of each series and time.

    Args:
        run: What made it.
        files: The bytes of its CSV files.
    """
    return {_key(run, row, row["date"], None): _values(run, row) for row in _rows(files)}


def backtests(run: Run, files: Iterable[bytes]) -> dict[Key, Values]:
    """What a backtest's export says of each series, window and time.

    Args:
        run: What made it.
        files: The bytes of its CSV files under `forecasted-values/`.
    """
    found = {}
    for row in _rows(files):
        window = _moment(row["backtestwindow_start_time"]), _moment(row["backtestwindow_end_time"])
        actual = _number(row["target_value"], run.is_log)
        found[_key(run, row, row["timestamp"], window)] = _values(run, row) | {"actual": actual}
    return found


def differences(
    run: Run, expected: Mapping[Key, Values], rows: Iterable[Mapping[str, Any]], table: str = "gold.sales_forecast"
) -> Iterator[str]:
    """What differs in the rows that a table has of a run, one line each.

    Numbers count as equal to 12 digits: two ways to compute exp(x) - 1 differ in the last.
    """
    stored = [(_stored_key(row), row) for row in rows]
    where = f"{table}: run {run.run_id} of {run.forecast_name}"
    counts = Counter(key for key, _ in stored)
    yield from (f"{where}: {count} rows for {key}" for key, count in counts.items() if count > 1)
    yield from (f"{where}: missing in the table: {key}" for key in expected.keys() - counts.keys())
    for key, row in stored:
        if key not in expected:
            yield f"{where}: only in the table: {key}"
            continue
        have = {float(level): value for level, value in row["quantiles"]}
        for level, want in expected[key].items():
            for name, value in _cells(row, level, have):
                if not _is_same(value, want):
                    yield f"{where}: {name} of {key} is {value}, the file says {want}"


def _cells(row: Mapping[str, Any], level: str, have: Mapping[float, float]) -> Iterator[tuple[str, float | None]]:
    """Where a row has a level: in the map, and the three usual ones in columns of their own."""
    if level in ("mean", "actual"):
        yield level, row[level]
        return
    yield level, have.get(float(level), math.nan)
    column = {0.1: "p10", 0.5: "p50", 0.9: "p90"}.get(float(level))
    if column:
        yield column, row[column]


def _rows(files: Iterable[bytes]) -> Iterator[dict[str, str]]:
    for body in files:
        for row in csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")):
            is_header = row.get("date") == "date" or row.get("timestamp") == "timestamp"  # within the file
            if not is_header:
                yield row


def _key(run: Run, row: Mapping[str, str], at: str, window: Window) -> Key:
    return row["item_id"], tuple((name, row[name]) for name in sorted(run.dimensions)), _moment(at), window


def _stored_key(row: Mapping[str, Any]) -> Key:
    window = (row["window_start_at"], row["window_end_at"]) if "window_start_at" in row else None
    return row["item_id"], tuple(sorted(row["dimensions"])), row["forecast_at"], window


def _values(run: Run, row: Mapping[str, str]) -> Values:
    columns = {level: level if level == "mean" else f"p{round(float(level) * 100)}" for level in run.quantiles}
    return {level: _number(row[column], run.is_log) for level, column in columns.items()}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)


def _number(text: str, is_log: bool) -> float | None:
    if text == "":
        return None
    return math.expm1(float(text)) if is_log else float(text)


def _is_same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-12)
