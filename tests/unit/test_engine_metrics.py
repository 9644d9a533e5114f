"""Every metric against a loop over the values, of an item, of a window and over windows."""

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.engine.metrics import ERRORS, Scores, score, seasonal_error, summary, usable

pytestmark = pytest.mark.unit

LEVELS = (0.1, 0.5, 0.9)


def slow_errors(pairs: list[tuple[float, float]], scale: float) -> dict[str, float]:
    """WAPE, RMSE, MASE and MAPE of pairs of actual and predicted values."""
    pairs = [(actual, predicted) for actual, predicted in pairs if not math.isnan(actual)]
    if not pairs:
        return dict.fromkeys(ERRORS, math.nan)
    errors = [abs(actual - predicted) for actual, predicted in pairs]
    weight = sum(abs(actual) for actual, _ in pairs)
    shares = [abs((actual - predicted) / actual) for actual, predicted in pairs if actual != 0]
    return {
        "WAPE": sum(errors) / weight if weight else sum(errors),
        "RMSE": math.sqrt(fmean(error**2 for error in errors)),
        "MASE": fmean(errors) / scale if scale > 0 else math.nan,
        "MAPE": fmean(shares) if shares else math.nan,
    }


def slow_loss(pairs: list[tuple[float, float]], level: float) -> float:
    """wQL of pairs of actual and predicted values."""
    pairs = [(actual, predicted) for actual, predicted in pairs if not math.isnan(actual)]
    if not pairs:
        return math.nan
    pinball = [level * max(y - q, 0) + (1 - level) * max(q - y, 0) for y, q in pairs]
    weight = sum(abs(actual) for actual, _ in pairs)
    return 2 * sum(pinball) / weight if weight else 2 * sum(pinball)


def slow_scale(history: list[float], season: int) -> float:
    steps = [abs(now - before) for now, before in zip(history[season:], history, strict=False)]
    steps = [step for step in steps if not math.isnan(step)]
    return fmean(steps) if steps else math.nan


def both(
    actual: np.ndarray, predicted: np.ndarray, levels: tuple[float, ...], scale: np.ndarray
) -> tuple[Scores, Scores]:
    """By item and of the window; what is predicted are the quantiles and at last the mean."""
    quantiles, mean = predicted[..., :-1], predicted[..., -1]
    items = score(actual, mean, quantiles, levels, scale=scale, by_item=True)
    return items, score(actual, mean, quantiles, levels, scale=scale)


VALUES = st.one_of(st.just(math.nan), st.just(0.0), st.integers(-20, 20).map(float))


@st.composite
def windows(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    items, horizon = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    actual = draw(st.lists(VALUES, min_size=items * horizon, max_size=items * horizon))
    history = draw(st.lists(VALUES, min_size=items * 6, max_size=items * 6))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    predicted = rng.normal(0, 10, (items, horizon, 4)).round(1)
    return np.reshape(actual, (items, horizon)), np.reshape(history, (items, 6)), predicted


@settings(deadline=None)
@given(windows(), st.integers(1, 7))
def test_all_metrics_are_those_of_a_slow_loop(made: tuple[np.ndarray, ...], season: int) -> None:
    actual, history, predicted = made
    scale = seasonal_error(history, season)
    items, window = both(actual, predicted, LEVELS, scale)
    by_type: dict[int, list[dict[str, float]]] = {}
    for i, row in enumerate(actual):
        assert scale[i] == pytest.approx(slow_scale(history[i].tolist(), season), nan_ok=True)
        for kind in range(4):
            pairs = list(zip(row, predicted[i, :, kind], strict=True))
            expected = slow_errors(pairs, scale[i])
            by_type.setdefault(kind, []).append(expected)
            for name in ERRORS:
                assert items.errors[i, kind, ERRORS.index(name)] == pytest.approx(expected[name], nan_ok=True)
            if kind < 3:
                assert items.losses[i, kind] == pytest.approx(slow_loss(pairs, LEVELS[kind]), nan_ok=True)
    for kind in range(4):
        pairs = list(zip(actual.ravel(), predicted[..., kind].ravel(), strict=True))
        expected = slow_errors(pairs, math.nan)
        defined = [one["MASE"] for one in by_type[kind] if not math.isnan(one["MASE"])]
        expected["MASE"] = fmean(defined) if defined else math.nan
        for name in ERRORS:
            assert window.errors[kind, ERRORS.index(name)] == pytest.approx(expected[name], nan_ok=True)
        if kind < 3:
            assert window.losses[kind] == pytest.approx(slow_loss(pairs, LEVELS[kind]), nan_ok=True)
    assert window.average == pytest.approx(fmean(window.losses), nan_ok=True)
    assert window.losses[1] == pytest.approx(window.errors[1, ERRORS.index("WAPE")], nan_ok=True)


def test_the_summary_is_the_mean_of_the_defined_windows() -> None:
    scores = [Scores((0.5,), np.array([[loss]]), np.full((1, 2, 4), loss)) for loss in (1.0, math.nan, 4.0)]
    found = summary(scores)
    assert found.losses.tolist() == [[2.5]]
    assert (found.errors == 2.5).all()
    assert np.isnan(summary(scores[1:2]).average).all()


def test_an_optimization_metric_is_one_of_the_mean_or_the_average_loss() -> None:
    errors = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
    scores = Scores((0.5,), np.array([9.0]), errors)
    metrics = ["AverageWeightedQuantileLoss", "WAPE", "RMSE", "MASE", "MAPE"]
    assert [float(scores.optimized(metric)) for metric in metrics] == [9.0, 5.0, 6.0, 7.0, 8.0]
    assert np.isnan(Scores((), np.empty(0), errors[1:]).average)


def test_without_quantiles_there_are_the_errors_of_the_mean() -> None:
    items, window = both(np.array([[2.0]]), np.array([[[1.0]]]), (), np.array([1.0]))
    assert items.losses.shape == (1, 0)
    assert window.of_mean("WAPE") == 0.5


def test_an_item_with_a_missing_value_is_left_out_of_the_window() -> None:
    nan = math.nan
    actual = np.array([[1.0, 2.0], [nan, 4.0], [nan, nan]])
    assert np.array_equal(usable(actual), np.array([[1.0, 2.0], [nan, nan], [nan, nan]]), equal_nan=True)
    assert np.array_equal(usable(actual[1:]), actual[1:], equal_nan=True)  # otherwise no item would be left


def test_values_near_the_greatest_number_give_finite_weighted_errors() -> None:
    actual = np.full((1, 3), 1e150)
    _, window = both(actual, np.stack([actual / 2, actual / 2], axis=-1), (0.5,), np.array([1e150]))
    assert np.isfinite(window.losses).all()
    assert np.isfinite(window.errors).all()
