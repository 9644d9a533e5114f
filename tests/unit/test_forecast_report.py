"""The forecasts' report and the terminal's chart."""

import math
from datetime import datetime, timedelta
from xml.etree import ElementTree

import pytest

from forecasting.pipeline.series import Point
from infra.report import fan, forecasts

pytestmark = pytest.mark.unit

START = datetime(2024, 5, 1)
LEVELS = {"p10": 5.0, "p50": 10.0, "p90": 20.0}


def shown(*names: str) -> forecasts.Shown:
    days = [START + timedelta(days=day) for day in range(-30, 0)]
    return forecasts.Shown(
        name="tea",
        target="units_sold",
        predictor="NPTS",
        wape=0.25,
        naive=math.nan,
        history={(name,): {day: float(size) for day in days} for size, name in enumerate(names, start=1)},
        backtest=[Point((name,), day, LEVELS, 7.0, days[-7]) for name in names for day in days[-7:]],
        forecast=[Point((name,), START + timedelta(days=day), LEVELS) for name in names for day in range(7)],
    )


def test_the_largest_series_are_drawn_and_their_names_escaped() -> None:
    found = shown("a", "b", "c", "d", "<script>alert(1)</script>")
    assert forecasts.largest(found) == [("<script>alert(1)</script>",), ("d",), ("c",), ("b",)]
    text = forecasts.page([found])
    assert "<script" not in text
    assert text.count("<polygon") == 8  # four series, each for wide and narrow pages
    assert "WAPE 0.250 in the backtest, unknown for the seasonal naive forecast" in text


def test_a_drawing_has_history_backtest_fan_and_forecast_in_their_places() -> None:
    drawn = ElementTree.fromstring(forecasts.drawing(shown("a"), ("a",), 500, "x"))
    space = "{http://www.w3.org/2000/svg}"
    fan_points = drawn.find(f"{space}polygon").get("points").split()  # type: ignore[union-attr]
    assert len(fan_points) == 14
    ends = {
        path.get("class"): path.get("d").split("L")[-1].split()[0]  # type: ignore[union-attr]
        for path in drawn.iter(f"{space}path")
    }
    assert set(ends) == {"actual", "held", "net expected"}
    assert float(ends["actual"]) == float(ends["held"]) < float(ends["net expected"]) == 492


def test_a_series_without_history_or_quantiles_is_drawn() -> None:
    found = shown("a")
    alone = forecasts.Shown(
        "tea", "units", "ETS", 0.1, 0.2, {}, [], [Point(one.series, one.at, {"mean": 1.0}) for one in found.forecast]
    )
    assert "<svg" in forecasts.section(alone)


def test_the_terminals_chart_ends_with_the_forecast() -> None:
    actual = {START + timedelta(days=day): 8.0 for day in range(-200, 0)}
    expected = {START + timedelta(days=day): 4.0 for day in range(14)}
    lines = fan.columns(actual, expected, 80)
    assert max(map(len, lines)) <= 80
    assert lines[0].endswith("█")
    assert lines[fan.ROWS - 1].endswith("█" + "░" * 14)
    assert lines[-1].strip().endswith("forecast ░ from 2024-05-01 to 2024-05-14")
    assert fan.columns({}, expected, 30)[-1].strip().startswith("forecast")
