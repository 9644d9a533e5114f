"""The forecasts' report and the terminal's chart."""
# ruff: noqa: RUF001  (a dash is meant)

import dataclasses
import doctest
import math
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from forecasting.pipeline.series import Point
from infra.aws import periods
from infra.report import accuracy, fan, forecasts

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
        metrics={"AverageWeightedQuantileLoss": 0.31},
    )


def test_the_largest_series_are_drawn_and_their_names_escaped() -> None:
    found = shown("a", "b", "c", "d", "<script>alert(1)</script>")
    assert forecasts.largest(found) == [("<script>alert(1)</script>",), ("d",), ("c",), ("b",)]
    text = forecasts.page([found])
    assert "<script" not in text
    assert text.count("<polygon") == 8  # four series, each for wide and narrow pages
    assert "<td class=n>0.250</td><td class=n>–</td><td class=n>–</td><td class=n>0.310</td>" in text
    assert text.index("How good") < text.index("Forecast: tea")


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


@pytest.mark.parametrize("module", [accuracy, fan, periods])
def test_the_examples_are_true(module: Any) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_the_terminals_chart_has_the_newest_history_and_the_whole_fan() -> None:
    actual = {START + timedelta(days=day): 8.0 for day in range(-200, 0)}
    expected = {START + timedelta(days=day): (2.0, 4.0, 6.0) for day in range(14)}
    lines = fan.columns(actual, expected, ("p10", "p50", "p90"), 80)
    assert max(map(len, lines)) <= 80
    ahead = [
        line.partition("│")[2].rpartition("│")[2] if "┤" not in line else line.rpartition("│")[2] for line in lines
    ]
    assert "".join(row[:1] or " " for row in ahead[: fan.ROWS]) == "  ░░░▒▒▓▓▓"
    assert lines[0].endswith("█│")
    assert lines[fan.ROWS - 1].endswith("█│" + "▓" * 14)
    axis, moments, legend = lines[fan.ROWS :]
    assert axis.index("┴") + 1 == moments.index("2024-05-01")
    assert moments.split() == ["2024-03-08", "2024-05-01"]  # 54 days before
    assert legend.strip() == "█ what was, forecast ▓ p10 ▒ p50 ░ p90 from 2024-05-01 to 2024-05-14"


def test_the_terminals_chart_of_one_level_or_of_nothing_before() -> None:
    expected = {START: (4.0, 4.0, 4.0)}
    assert fan.columns({}, expected, ("mean", "mean", "mean"), 30)[-1].strip().startswith("█ what was, forecast ▓ mean")
    assert fan.columns({START: -1.0}, {START: (-3.0, -2.0, -1.0)}, ("p10", "p50", "p90"), 30)[0].startswith("      1 ┤")


def test_months_and_years_are_summed_by_the_calendar_and_minutes_by_their_length() -> None:
    rows = [(datetime(2024, 1, 31), 1.0), (datetime(2024, 2, 1), 2.0), (datetime(2024, 4, 5), 4.0)]
    months = periods.by_period(rows, "M", datetime(2024, 6, 1), datetime(2024, 6, 1))
    assert list(months.items()) == [(datetime(2024, month, 1), sold) for month, sold in enumerate((1, 2, 0, 4, 0), 1)]
    assert periods.by_period(rows, "Y", datetime(2025, 1, 1), datetime(2025, 1, 1)) == {datetime(2024, 1, 1): 7.0}
    at = datetime(2024, 1, 1, 10, 40)
    assert periods.by_period([(at, 1.0)], "15min", datetime(2024, 1, 1, 11), datetime(2024, 1, 1, 11)) == {
        datetime(2024, 1, 1, 10, 30): 1.0,
        datetime(2024, 1, 1, 10, 45): 0.0,
    }
    assert periods.by_period([(at, 1.0)], "D", at, at) == {}


def test_products_are_called_by_their_names_and_those_escaped() -> None:
    found = dataclasses.replace(shown("a"), names={"a": "<b>CUP"})
    assert found.label(("a", "x")) == "a <b>CUP · x"
    text = forecasts.section(found)
    assert "a &lt;b&gt;CUP" in text
    assert "<b>" not in text


def test_what_is_missing_is_said_in_a_line_with_or_without_others() -> None:
    text = forecasts.sections([], ["no forecast tea: <too short>"])
    assert "<p>no forecast tea: &lt;too short&gt;</p>" in text
    assert "WAPE" not in text
    assert forecasts.sections([]).strip() == ""
    assert "no forecast" in forecasts.sections([shown("a")], ["no forecast tea"])


def test_where_the_rows_lie_is_said_once_they_are_loaded() -> None:
    found = dataclasses.replace(
        shown("a"), rows={"gold.sales_forecast": 1234}, run_id="abc", made_at="2024-05-01T06:00:00Z"
    )
    text = forecasts.section(found)
    for words in ("gold.sales_forecast", "1,234 rows", "abc", "2024-05-01 06:00:00 UTC"):
        assert words in text
    assert "Where all of it lies" not in forecasts.section(shown("a"))
