"""gold.sales_forecast by the slow, obvious way: the export files row by row, by Python's own csv.

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

Key = tuple[str, tuple[tuple[str, str], ...], datetime]  # item, dimensions by name, time
Values = dict[str, float | None]  # by level, and the mean


def forecasts(run: Run, files: Iterable[bytes]) -> dict[Key, Values]:
    """What an export says of each series and time.

    Args:
        run: What made it.
        files: The bytes of its CSV files.
    """
    found = {}
    for body in files:
        for row in csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")):
            if row["date"] == "date":
                continue
            at = datetime.fromisoformat(row["date"].removesuffix("Z")).replace(tzinfo=UTC)
            dimensions = tuple((name, row[name]) for name in sorted(run.dimensions))
            levels = {level: level if level == "mean" else f"p{round(float(level) * 100)}" for level in run.quantiles}
            found[row["item_id"], dimensions, at] = {
                level: _number(row[column], run.is_log) for level, column in levels.items()
            }
    return found


def differences(run: Run, expected: Mapping[Key, Values], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What differs in the rows that gold.sales_forecast has of a run, one line each.

    Numbers count as equal to 12 digits: two ways to compute exp(x) - 1 differ in the last.
    """
    stored = [((row["item_id"], tuple(sorted(row["dimensions"])), row["forecast_at"]), row) for row in rows]
    where = f"gold.sales_forecast: run {run.run_id} of {run.forecast_name}"
    counts = Counter(key for key, _ in stored)
    yield from (f"{where}: {count} rows for {key}" for key, count in counts.items() if count > 1)
    yield from (f"{where}: missing in the table: {key}" for key in expected.keys() - counts.keys())
    for key, row in stored:
        if key not in expected:
            yield f"{where}: only in the table: {key}"
            continue
        have = {float(level): value for level, value in row["quantiles"]}
        for level, want in expected[key].items():
            value = row["mean"] if level == "mean" else have.get(float(level), math.nan)
            if not _is_same(value, want):
                yield f"{where}: {level} of {key} is {value}, the file says {want}"


def _number(text: str, is_log: bool) -> float | None:
    if text == "":
        return None
    return math.expm1(float(text)) if is_log else float(text)


def _is_same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-12)
