"""The report's part on forecasts: for the largest series what was, what the backtest said and the quantiles to come.

Pure: from points to HTML; the same parts stand in a page of their own and in the demo's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from pathlib import Path

from forecasting.pipeline import series
from forecasting.pipeline.series import Point
from infra.report import markup, svg
from infra.report.words import short

SERIES, PERIODS = 4, 70
_STYLE = """\
.actual { stroke: var(--ink); stroke-width: 1.4; } .expected { stroke: var(--net); stroke-width: 2; }
.held { stroke: var(--returned); stroke-width: 1.6; stroke-dasharray: 4 3; } .fan { fill: var(--gross); opacity: 0.55; }
.legend i.actual { background: var(--ink); } .legend i.held { background: var(--returned); }
.legend i.fan { background: var(--gross); }
"""


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
    """

    name: str
    target: str
    predictor: str
    wape: float
    naive: float
    history: Mapping[tuple[str, ...], Mapping[datetime, float]]
    backtest: Sequence[Point]
    forecast: Sequence[Point]


def page(forecasts: Sequence[Shown]) -> str:
    """A page of their own, which needs nothing else."""
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8") + _STYLE
    names = escape(", ".join(one.name for one in forecasts))
    body = "\n".join(section(one) for one in forecasts)
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
{body}
</main>
</body>
</html>
"""


def section(shown: Shown) -> str:
    """The largest series of a forecast, each in a drawing, and how good it was."""
    levels = _levels(shown)
    legend = markup.legend(
        [("actual", "what was"), ("held", "backtest"), ("line", levels[1]), ("fan", f"{levels[0]} to {levels[2]}")]
    )
    drawn = "".join(_both(shown, one, f"{shown.name}-{number}") for number, one in enumerate(largest(shown)))
    said = f"{escape(shown.target)} by {escape(shown.predictor)}: WAPE {_figure(shown.wape)} in the backtest, "
    said += f"{_figure(shown.naive)} for the seasonal naive forecast of the same days."
    return markup.section(escape(shown.name), said, f'{legend}<div class="pair">{drawn}</div>')


def largest(shown: Shown) -> list[tuple[str, ...]]:
    """The series with the most of the target, those that are forecast."""
    known = {point.series for point in shown.forecast}
    sizes = {one: sum(map(abs, shown.history.get(one, {}).values())) for one in known}
    return sorted(known, key=lambda one: (-sizes[one], one))[:SERIES]


def drawing(shown: Shown, one: tuple[str, ...], width: int, name: str) -> str:
    """One series: its newest history, its backtest, and the fan of its quantiles."""
    low, middle, high = _levels(shown)
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
    label = " · ".join(one)
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
        svg.text(f"{begin:%Y-%m-%d}", left, height - 8, _class="tick"),
        svg.text(f"{forecast[-1].at:%Y-%m-%d}", width - right, height - 8, _class="tick", text_anchor="end"),
    ]
    return svg.picture(name, width, height, parts, title=f"{shown.target} of {label}: history, backtest and forecast")


def _both(shown: Shown, one: tuple[str, ...], name: str) -> str:
    return markup.both(lambda width, unique: drawing(shown, one, width, unique), name, markup.HALF)


def _levels(shown: Shown) -> tuple[str, str, str]:
    """The lowest quantile, the one in the middle, and the highest."""
    found = sorted(shown.forecast[0].values)
    quantiles = [level for level in found if level != "mean"] or found
    return quantiles[0], series.middle(found), quantiles[-1]


def _figure(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.3f}"
