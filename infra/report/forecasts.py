"""The report's part on forecasts: for the largest series what was, what the backtest said and the quantiles to come.

Pure: from points to HTML; the same parts stand in a page of their own and in the demo's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from pathlib import Path

from forecasting.pipeline import series
from forecasting.pipeline.series import Point
from infra.report import accuracy, markup, svg
from infra.report.words import short

SERIES, PERIODS = 4, 70
_YEARS = timedelta(days=366)
_LETTER = 7.0  # about how wide a letter is


@dataclass(frozen=True)
class Shown:
    """A forecast as the report shows it.

    Args:
        name: Of its definition.
        target: What is forecast.
        predictor: What made it.
        wape: Of the backtest.
        naive: WAPE of the seasonal naive forecast on the same points.
        history: What was, by series and moment.
        backtest: Points with actuals.
        forecast: Points to come.
        metrics: Of the backtest, as the API names them.
        run_id: The run's.
        made_at: When, UTC, ISO 8601 with a Z.
        rows: By full name, rows of the run that the driver loaded into each table; empty where nobody was to load it.
        seconds: From the start of the execution to its end.
        is_new: Whether it was made now, rather than before from the same input.
        names: What items are called, where the item itself is a number.
    """

    name: str
    target: str
    predictor: str
    wape: float
    naive: float
    history: Mapping[tuple[str, ...], Mapping[datetime, float]]
    backtest: Sequence[Point]
    forecast: Sequence[Point]
    metrics: Mapping[str, float] = field(default_factory=dict)
    run_id: str = ""
    made_at: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    is_new: bool = True
    names: Mapping[str, str] = field(default_factory=dict)

    def label(self, one: tuple[str, ...]) -> str:
        """A series in words."""
        item, *dimensions = one
        named = " ".join(filter(None, (item, self.names.get(item))))
        return " · ".join([named, *dimensions])

    @property
    def accuracy(self) -> tuple[str, ...]:
        """The cells under accuracy.HEADS."""
        return accuracy.row(self.name, self.predictor, self.wape, self.naive, self.metrics, self.seconds)

    @property
    def levels(self) -> tuple[str, str, str]:
        """The lowest quantile, the one in the middle, and the highest."""
        found = sorted(self.forecast[0].values)
        quantiles = [level for level in found if level != "mean"] or found
        return quantiles[0], series.middle(found), quantiles[-1]


def page(forecasts: Sequence[Shown]) -> str:
    """A page of their own, which needs nothing else."""
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    names = escape(", ".join(one.name for one in forecasts))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Forecasts: {names}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header><h1>Forecasts</h1><p>{names}</p></header>
{sections(forecasts)}
</main>
</body>
</html>
"""


def sections(forecasts: Sequence[Shown], missing: Sequence[str] = ()) -> str:
    """How good all of them are, then each.

    Args:
        forecasts: Those that are there.
        missing: Why others are not, a line each.
    """
    rows = [one.accuracy for one in forecasts]
    table = markup.table(accuracy.HEADS, rows, numbers=len(accuracy.HEADS) - 2) if rows else ""
    lines = "".join(f"<p>{escape(line)}</p>" for line in missing)
    about = "Errors of the backtest, days that the predictor did not know, beside the forecast that repeats the week "
    about += "before. WAPE: absolute errors as a share of all that was sold; wQL: the same for the quantiles; MASE: "
    about += "below 1 is better than the naive forecast. Less is better."
    body = f"{table}{lines}"
    head = markup.section("How good the forecasts are", about if rows else "", body) if body else ""
    return "\n".join([head, *map(section, forecasts)])


def section(shown: Shown) -> str:
    """The largest series of a forecast, each in a drawing and in figures."""
    low, middle, high = shown.levels
    band = [("fan", f"{low} to {high}")] if low != high else []
    legend = markup.legend([("actual", "what was"), ("held", "backtest"), ("line", middle), *band])
    best = largest(shown)
    drawn = "".join(_both(shown, one, f"{shown.name}-{number}") for number, one in enumerate(best))
    count = len({point.series for point in shown.forecast})
    said = f"{escape(shown.target)} by {escape(shown.predictor)}, the largest {len(best)} of {count} series."
    title = f"Forecast: {escape(shown.name.replace('_', ' '))}"
    body = f'{legend}<div class="pair series">{drawn}</div>{_figures(shown, best)}{_tables(shown)}'
    return markup.section(title, said, body)


def _figures(shown: Shown, best: Sequence[tuple[str, ...]]) -> str:
    """What is expected of the largest series, period by period."""
    levels = list(dict.fromkeys(shown.levels))
    heads = ["series", "period", *levels]
    is_day = all(point.at.time() == point.at.min.time() for point in shown.forecast)
    rows = [
        [shown.label(one), f"{point.at:%Y-%m-%d}" if is_day else f"{point.at:%Y-%m-%d %H:%M}",
         *(f"{point.values[level]:,.1f}" for level in levels)]
        for one in best
        for point in sorted((point for point in shown.forecast if point.series == one), key=lambda point: point.at)
    ]  # fmt: skip
    table = markup.table(heads, rows, numbers=len(levels))
    return f'<details class="series"><summary>The figures of these series</summary>{table}</details>'


def _tables(shown: Shown) -> str:
    """Where all of it lies."""
    if not shown.rows:
        return ""
    rows = [(table, f"{count:,} rows") for table, count in shown.rows.items()]
    table = markup.pairs([*rows, ("run", shown.run_id), ("made", shown.made_at.replace("T", " ").replace("Z", " UTC"))])
    return f"<details><summary>Where all of it lies</summary>{table}</details>"


def largest(shown: Shown) -> list[tuple[str, ...]]:
    """The series with the most of the target, those that are forecast."""
    known = {point.series for point in shown.forecast}
    sizes = {one: sum(map(abs, shown.history.get(one, {}).values())) for one in known}
    return sorted(known, key=lambda one: (-sizes[one], one))[:SERIES]


def drawing(shown: Shown, one: tuple[str, ...], width: int, name: str) -> str:
    """One series: its newest history, its backtest, and the fan of its quantiles."""
    low, middle, high = shown.levels
    forecast = sorted((point for point in shown.forecast if point.series == one), key=lambda point: point.at)
    backtest = sorted((point for point in shown.backtest if point.series == one), key=lambda point: point.at)
    period = forecast[1].at - forecast[0].at if len(forecast) > 1 else timedelta(days=1)
    begin = forecast[0].at - PERIODS * period
    history = [(at, value) for at, value in sorted(shown.history.get(one, {}).items()) if begin <= at < forecast[0].at]
    backtest = [point for point in backtest if point.at >= begin]
    values = [value for _, value in history] + [point.values[level] for point in forecast for level in (low, high)]
    values += [point.values[middle] for point in backtest]
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    height, left, right, top, bottom = 220, 46, 8, 24, 26
    x = svg.Scale(begin.timestamp(), forecast[-1].at.timestamp(), left, width - right)
    y = svg.Scale(min(*finite, 0.0), max(*finite, 1e-9), height - bottom, top)

    def line(points: Sequence[tuple[datetime, float]], kind: str) -> str:
        places = [(x(at.timestamp()), y(value)) for at, value in points if math.isfinite(value)]
        return svg.path(places, _class=kind) if len(places) > 1 else ""

    upper = [(point.at, point.values[high]) for point in forecast]
    lower = [(point.at, point.values[low]) for point in reversed(forecast)]
    edge = " ".join(f"{x(at.timestamp()):.1f},{y(value):.1f}" for at, value in [*upper, *lower] if math.isfinite(value))
    label = shown.label(one)
    parts = [svg.text(label, left, 14, _class="name")]
    for tick in svg.ticks(y.low, y.high, 4):
        parts += [
            svg.line(left, y(tick), width - right, y(tick), _class="grid"),
            svg.text(short(tick), left - 7, y(tick) + 4, _class="tick", text_anchor="end"),
        ]
    parts += [
        svg.element("polygon", points=edge, _class="fan"),
        line(history, "actual"),
        line([(point.at, point.values[middle]) for point in backtest], "held"),
        line([(point.at, point.values[middle]) for point in forecast], "net expected"),
        *_moments(x, height - 8, begin, [point.at for point in forecast]),
    ]
    return svg.picture(name, width, height, parts, title=f"{shown.target} of {label}: history, backtest and forecast")


def _moments(x: svg.Scale, height: float, begin: datetime, ahead: Sequence[datetime]) -> list[str]:
    """Where the drawing and the forecast begin and end; the forecast's begin only where there is room."""
    first, last = (f"{at:%b %Y}" if ahead[-1] - begin > _YEARS else f"{at.day} {at:%b}" for at in (ahead[0], ahead[-1]))
    parts = [
        svg.text(f"{begin.day} {begin:%b %Y}", x.start, height, _class="tick"),
        svg.text(last, x.end, height, _class="tick", text_anchor="end"),
    ]
    if x.end - x(ahead[0].timestamp()) > _LETTER * len(last):
        parts.append(svg.text(first, x(ahead[0].timestamp()), height, _class="tick", text_anchor="end"))
    return parts


def _both(shown: Shown, one: tuple[str, ...], name: str) -> str:
    return markup.both(lambda width, unique: drawing(shown, one, width, unique), name, markup.HALF)
