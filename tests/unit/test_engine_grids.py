"""Aggregation and filling, each against a slow loop over rows and cells."""

import math
from statistics import fmean, median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.engine.aggregation import METHODS, aggregate, codes
from forecasting.engine.filling import ENTRIES, Fill, Filling, fill

pytestmark = pytest.mark.unit

REDUCE = {"sum": sum, "avg": fmean, "first": lambda values: values[0], "min": min, "max": max}
ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.one_of(st.just(math.nan), st.integers(-9, 9))))


@settings(deadline=None)
@given(ROWS, st.sampled_from(METHODS))
def test_a_grid_is_that_of_a_slow_loop(rows: list[tuple[int, int, float]], method: str) -> None:
    series, periods, values = (np.array([row[i] for row in rows], kind) for i, kind in enumerate((int, int, float)))
    grid = aggregate(series, periods, values, shape=(4, 5), method=method)
    for row in range(4):
        for column in range(5):
            there = [float(v) for s, p, v in rows if (s, p) == (row, column) and not math.isnan(v)]
            expected = REDUCE[method](there) if there else math.nan
            assert grid[row, column] == pytest.approx(expected, nan_ok=True)


def test_an_unknown_aggregation_is_refused() -> None:
    nothing = np.array([], dtype=np.int64)
    with pytest.raises(ValueError, match="'last': valid values are sum, avg, first, min, max"):
        aggregate(nothing, nothing, np.array([]), shape=(1, 1), method="last")


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=20))
def test_combinations_are_numbered_in_their_order(rows: list[tuple[int, int, int]]) -> None:
    numbers, first = codes([np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)])
    expected = sorted(set(rows))
    assert [expected[number] for number in numbers] == rows
    assert [rows[place] for place in first] == expected
    assert [rows.index(one) for one in expected] == first.tolist()


GRIDS = st.integers(1, 12).flatmap(
    lambda width: st.lists(
        st.lists(st.one_of(st.just(math.nan), st.integers(-9, 9)), min_size=width, max_size=width),
        min_size=1,
        max_size=4,
    )
)
FILLS = st.sampled_from(
    [Fill("nan"), Fill("zero"), Fill("value", 2.5), Fill("median"), Fill("mean"), Fill("min"), Fill("max")]
)
STATISTIC = {"median": median, "mean": fmean, "min": min, "max": max}


def slow_fill(row: list[float], filling: Filling, end: int) -> list[float]:
    """Go through the cells of one series and look back from each gap."""
    there = [place for place, value in enumerate(row) if not math.isnan(value)]
    found = []
    for place, value in enumerate(row):
        if not math.isnan(value):
            found.append(value)
            continue
        if place >= end:
            how = filling.future
        elif not there or place < there[0]:
            how = Fill("nan")
        else:
            how = filling.middle if place < there[-1] else filling.back
        before = [row[other] for other in there if other < place][-ENTRIES:]
        if how.method in STATISTIC:
            found.append(STATISTIC[how.method](before) if before else math.nan)
        else:
            found.append({"nan": math.nan, "zero": 0.0, "value": how.value}[how.method])
    return found


@settings(deadline=None)
@given(GRIDS, st.builds(Filling, FILLS, FILLS, FILLS), st.integers(0, 12))
def test_filling_is_that_of_a_slow_loop(rows: list[list[float]], filling: Filling, end: int) -> None:
    grid = np.array(rows, dtype=np.float64)
    end = min(end, grid.shape[1])
    filled = fill(grid, filling, end=end)
    expected = [slow_fill([float(value) for value in row], filling, end) for row in rows]
    assert np.allclose(filled, np.array(expected), equal_nan=True)
    assert np.array_equal(grid, np.array(rows, dtype=np.float64), equal_nan=True)


@pytest.mark.parametrize("method", STATISTIC)
def test_a_rolling_statistic_looks_64_observations_back(method: str) -> None:
    rng = np.random.default_rng(3)
    row = rng.normal(size=200)
    row[rng.random(200) < 0.3] = np.nan
    filling = Filling(Fill(method), Fill(method), Fill(method))
    assert (np.cumsum(~np.isnan(row)) > ENTRIES).any()
    assert np.allclose(fill(row[None], filling, end=150)[0], slow_fill(row.tolist(), filling, 150), equal_nan=True)


def test_the_target_is_filled_with_zeros_unless_told_otherwise() -> None:
    assert Filling.of_target({}) == Filling(Fill("zero"), Fill("zero"))
    told = {"aggregation": "sum", "frontfill": "none", "middlefill": "nan", "backfill": "value", "backfill_value": "2"}
    assert Filling.of_target(told) == Filling(Fill("nan"), Fill("value", 2.0))


def test_related_series_are_not_filled_unless_told() -> None:
    assert Filling.of_related({}) == Filling()
    assert Filling.of_related({"futurefill": "max"}).future == Fill("max")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"middlefill": "last"},
            "Invalid middlefill 'last': valid values are zero, nan, value, median, mean, min, max",
        ),
        ({"backfill": "value"}, "Invalid backfill_value ''"),
        ({"backfill": "value", "backfill_value": "inf"}, "Invalid backfill_value 'inf'"),
        ({"frontfill": "zero"}, "the only valid value is none"),
        ({"futurefill": "zero"}, "no future to fill"),
    ],
)
def test_wrong_fillings_of_the_target_are_refused(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Filling.of_target(parameters)


@pytest.mark.parametrize("parameters", [{"aggregation": "sum"}, {"frontfill": "none"}, {"backfill": "nan"}])
def test_wrong_fillings_of_related_series_are_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"do not accept it|valid values are zero, value"):
        Filling.of_related(parameters)
