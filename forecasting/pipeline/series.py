"""Series of a forecast for people: exports as rows, sums over items, and the seasonal naive yardstick. Pure."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

SEASONS = {"H": 24, "30min": 48, "15min": 96, "10min": 144, "5min": 288, "1min": 1440, "D": 7, "W": 52, "M": 12, "Y": 1}


@dataclass(frozen=True)
class Point:
    """What is expected of a series at a moment.

    Args:
        series: Item and dimensions.
        at: The moment.
        values: By quantile, `p50`, or `mean`.
        actual: What it was, in a backtest; NaN in a forecast.
        window: When its backtest began; None in a forecast.
    """

    series: tuple[str, ...]
    at: datetime
    values: Mapping[str, float]
    actual: float = math.nan
    window: datetime | None = None


def points(text: str, dimensions: int = 0, *, is_log: bool = False) -> list[Point]:
    """The rows of an export of a forecast or of a backtest.

    Args:
        text: A CSV file with its header.
        dimensions: How many columns follow the item's and make the series with it.
        is_log: Whether values are log(1 + x).
    """
    rows = csv.DictReader(io.StringIO(text, newline=""))
    heads = list(rows.fieldnames or [])
    levels = [head for head in heads if head == "mean" or (head[:1] == "p" and head[1:].isdigit())]
    moment = next((head for head in ("date", "timestamp") if head in heads), "")
    series = [head for head in heads if head not in (*levels, *_OTHERS)][: dimensions + 1]

    def value(cell: str) -> float:
        number = float(cell) if cell else math.nan
        return math.expm1(number) if is_log else number

    return [
        Point(
            tuple(row[head] for head in series),
            _moment(row[moment]),
            {level: value(row[level]) for level in levels},
            value(row.get("target_value") or ""),
            _moment(row["backtestwindow_start_time"]) if "backtestwindow_start_time" in heads else None,
        )
        for row in rows
    ]


def middle(levels: Iterable[str]) -> str:
    """The level that stands for the forecast: p50, else the mean, else the quantile in the middle.

    Example:
        >>> middle(["p10", "p50"]), middle(["p10", "p90", "mean"])
        ('p50', 'mean')
    """
    found = sorted(levels)
    return next((one for one in ("p50", "mean") if one in found), found[len(found) // 2])


def since(backtest: Sequence[Point], start: str) -> list[Point]:
    """The points of the backtest windows that begin at a moment or later; all of them for ""."""
    return [one for one in backtest if not start or (one.window is not None and one.window >= _moment(start))]


def totals(found: Sequence[Point], level: str) -> dict[datetime, float]:
    """Sums over all series by moment."""
    sums: dict[datetime, float] = defaultdict(float)
    for point in found:
        sums[point.at] += point.values[level]
    return dict(sorted(sums.items()))


def wape(pairs: Iterable[tuple[float, float]]) -> float:
    """Sum of absolute errors over the sum of absolute actuals; NaN where that is 0.

    Args:
        pairs: Actual and forecast; without an actual it does not count.

    Example:
        >>> wape([(10.0, 8.0), (-10.0, -10.0), (float("nan"), 1.0)])
        0.1
    """
    kept = [(actual, forecast) for actual, forecast in pairs if not math.isnan(actual)]
    whole = sum(abs(actual) for actual, _ in kept)
    return sum(abs(actual - forecast) for actual, forecast in kept) / whole if whole else math.nan


def naive_wape(
    backtest: Sequence[Point], history: Mapping[tuple[str, ...], Mapping[datetime, float]], season: int
) -> float:
    """WAPE of a forecast that repeats the season before a backtest's window, on the same points.

    Args:
        backtest: Points with actuals; each series' moments in a window follow each other by one period.
        history: Actual values by series and moment; where there is none it was 0.
        season: Periods.
    """
    windows: dict[tuple[object, ...], list[Point]] = defaultdict(list)
    for point in backtest:
        windows[point.series, point.window].append(point)
    pairs = []
    for group in windows.values():
        ordered = sorted(group, key=lambda point: point.at)
        if len(ordered) < 2:
            continue
        period = ordered[1].at - ordered[0].at
        known = history.get(ordered[0].series, {})
        for step, point in enumerate(ordered):
            seasons = step // season + 1
            pairs.append((point.actual, known.get(point.at - season * seasons * period, 0.0)))
    return wape(pairs)


_OTHERS = (
    "date", "timestamp", "target_value", "backtestwindow_start_time", "backtestwindow_end_time", "backtest_window",
    "predictor_arn", "algorithm",
)  # fmt: skip


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "")).replace(tzinfo=None)
