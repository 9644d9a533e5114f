"""NPTS against a loop over past moments: kernels, seasons, contexts, covariates, closed days, parameters."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.engine.frequency import Frequency
from forecasting.engine.models.closing import closed
from forecasting.engine.models.kernels import Pool, decay
from forecasting.engine.models.likeness import OTHER, classes
from forecasting.engine.models.npts import DAY_OF_MONTH, NOT_SEASONAL, Kernel, Npts, kernel_of
from forecasting.engine.panel import Panel
from lakehouse.errors import ContractError

pytestmark = pytest.mark.unit

LEVELS = (0.1, 0.5, 0.93)
NAN = math.nan


def slow(weighted: list[tuple[float, float]], level: float) -> float:
    """The smallest value up to which the weights reach a level; None of the weights may be close to deciding."""
    total = sum(weight for _, weight in weighted)
    reached = 0.0
    for value, weight in sorted(weighted):
        reached += weight
        if weight > 0 and reached >= level * total - 1e-12 * total:
            return value
    return NAN


def panel(target: np.ndarray, frequency: str = "D", first: int = 0, **known: np.ndarray) -> Panel:
    keys = pa.table({"item_id": [str(number) for number in range(len(target))]})
    covariates = {name: values.astype(np.float32) for name, values in known.items()}
    return Panel(keys, Frequency.parse(frequency), first, np.asarray(target, dtype=np.float64), covariates)


def demand(seed: int, shape: tuple[int, int], missing: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    made = rng.integers(0, 30, shape).astype(float)
    made[rng.random(shape) < missing] = NAN
    return made


VALUES = st.lists(st.tuples(st.one_of(st.just(NAN), st.integers(-5, 5).map(float)), st.integers(0, 9)), min_size=1)


@settings(deadline=None)
@given(VALUES, st.floats(0.01, 0.99))
def test_a_weighted_quantile_is_that_of_a_slow_loop(values: list[tuple[float, int]], level: float) -> None:
    laid, weights = (np.array([column], dtype=float) for column in zip(*values, strict=True))
    quantiles, mean = Pool(laid).quantiles(weights, [level])
    there = [(value, float(weight)) for value, weight in values if not math.isnan(value)]
    total = sum(weight for _, weight in there)
    assert quantiles[0, 0] == pytest.approx(slow(there, level) if total else NAN, nan_ok=True)
    expected = sum(value * weight for value, weight in there) / total if total else NAN
    assert mean[0] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("rate", [0.0, 0.05])
@pytest.mark.parametrize("context", [0, 20])
@pytest.mark.parametrize(
    ("frequency", "cycle"), [("D", 7), ("D", NOT_SEASONAL), ("H", 24), ("M", 12), ("W", DAY_OF_MONTH)]
)
def test_a_forecast_is_the_distribution_of_a_loop_over_past_moments(
    frequency: str, cycle: int, context: int, rate: float
) -> None:
    made = panel(demand(1, (4, 61)), frequency, first=5)
    horizon = 9
    found = Npts({"one": Kernel(cycle, False, context, rate)}, horizon).forecast(made, LEVELS, ["one"])["one"]
    days = made.starts(0, made.periods + horizon).astype("datetime64[D]").astype(str)

    def season(column: int) -> int:
        return int(days[column][-2:]) if cycle == DAY_OF_MONTH else (column + 5) % cycle

    begin = made.periods - context if context else 0
    for row, values in enumerate(made.target):
        for step in range(horizon):
            now = made.periods + step
            moments = [t for t in range(begin, made.periods) if not math.isnan(values[t])]
            same = [t for t in moments if season(t) == season(now)]
            same = same or [t for t in range(made.periods) if not math.isnan(values[t])]
            weighted = [(values[t], math.exp(-rate * (now - t))) for t in same]
            for place, level in enumerate(LEVELS):
                assert found.quantiles[row, step, place] == slow(weighted, level)
            mean = sum(value * weight for value, weight in weighted) / sum(weight for _, weight in weighted)
            assert found.mean[row, step] == pytest.approx(mean)


def test_moments_with_other_covariates_and_of_another_season_count_less() -> None:
    rng = np.random.default_rng(2)
    promotion = (rng.random((3, 66)) < 0.3).astype(float)
    made = panel(demand(3, (3, 60)), promotion=promotion)
    found = Npts({"one": Kernel(7, True, 0, 0.02)}, 6).forecast(made, LEVELS, ["one"])["one"]
    for row, values in enumerate(made.target):
        for step in range(6):
            now = 60 + step
            weighted = [
                (
                    values[t],
                    math.exp(-0.02 * (now - t))
                    * (1 if t % 7 == now % 7 else OTHER)
                    * (1 if promotion[row, t] == promotion[row, now] else OTHER),
                )
                for t in range(60)
                if not math.isnan(values[t])
            ]
            expected = [slow(weighted, level) for level in LEVELS]
            assert found.quantiles[row, step].tolist() == expected


def test_few_values_are_classes_and_many_are_low_usual_and_high() -> None:
    few = np.array([[0, 1, NAN, 1], [2, 0, 0, 1]], dtype=np.float32)
    found = classes(few, 3)
    assert len({int(found[0, 1]), int(found[0, 0]), int(found[1, 0]), int(found[0, 2])}) == 4
    assert found[0, 1] == found[0, 3] == found[1, 3]
    prices = np.array([[9.0, 10.0, 10.5, 10.2, 5.0, 10.1, 16.0]], dtype=np.float32)
    assert np.sign(classes(prices, 6)).tolist() == [[0, 0, 0, 0, -1, 0, 1]]
    same = np.broadcast_to(few[:1], (5, 4))
    assert classes(same, 3).strides[0] == 0


def test_a_day_on_which_everything_stood_still_is_no_example_of_demand() -> None:
    rng = np.random.default_rng(4)
    target = rng.integers(1, 9, (20, 70)).astype(float)
    target[:, 5::7] = 0  # closed on this weekday, always
    target[:, [30, 31]] = 0
    target[0, :9] = NAN
    assert np.flatnonzero(closed(target, 7)).tolist() == [30, 31]
    assert not closed(target[:1], 7).any()
    kernel = Kernel(NOT_SEASONAL, False, 2, 0.0)
    found = Npts({"one": kernel}, 1).forecast(panel(target[:, :32]), [0.5], ["one"])["one"]
    assert (found.mean[:, 0] > 0).all()


def test_a_series_last_seen_long_ago_keeps_its_weights() -> None:
    target = np.full((1, 50_000), NAN)
    target[0, :3] = [1, 2, 3]
    found = Npts({"one": Kernel(NOT_SEASONAL, False, 0, 1.0)}, 2).forecast(panel(target), [0.5], ["one"])["one"]
    weights = np.exp([-2.0, -1.0, 0.0])
    assert found.mean[0] == pytest.approx(np.average([1, 2, 3], weights=weights))
    ages = np.arange(3.0, 0, -1)
    assert decay(ages, np.zeros((1, 3), dtype=bool), 1.0).shape == (1, 3)


def test_chunks_of_series_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    made = panel(demand(5, (7, 40)), promotion=demand(6, (7, 43), 0) % 2)
    kernels = {"plain": Kernel(7, False, 0, 0.1), "matched": Kernel(7, True, 0, 0.1)}
    model = Npts(kernels, 3)
    whole = model.forecast(made, LEVELS, model.names)
    monkeypatch.setattr("forecasting.engine.models.npts.CELLS", 80)
    parts = model.forecast(made, LEVELS, model.names)
    for name in kernels:
        assert np.array_equal(whole[name].quantiles, parts[name].quantiles)
        assert np.array_equal(whole[name].mean, parts[name].mean)


def test_a_saved_model_forecasts_the_same(tmp_path: Path) -> None:
    made = panel(demand(7, (3, 40)))
    model = Npts({"a": Kernel(7, False, 30, 0.1), "b": Kernel(1, False, 0, 0.0)}, 4)
    model.save(tmp_path)
    loaded = Npts.load(tmp_path)
    assert loaded.names == ("a", "b")
    assert list(loaded.forecast(made, LEVELS, ["b"])) == ["b"]
    for name in model.names:
        before, after = (one.forecast(made, LEVELS, [name])[name] for one in (model, loaded))
        assert np.array_equal(before.quantiles, after.quantiles)


def test_an_unobserved_series_has_no_forecast_and_only_a_negative_one_falls_below_zero() -> None:
    target = np.array([[NAN, NAN, NAN], [-3.0, 1.0, 2.0], [1.0, 1.0, 1.0]])
    found = Npts({"a": Kernel(1, False, 0, 0.0)}, 2).forecast(panel(target), LEVELS, ["a"])["a"]
    assert np.isnan(found.mean[0]).all()
    assert np.isnan(found.quantiles[0]).all()
    assert found.quantiles[1, 0, 0] == -3
    assert (found.quantiles[2] == 1).all()


KNOWN = {"price": np.ones((1, 9))}


@pytest.mark.parametrize(
    ("parameters", "frequency", "known", "kernel"),
    [
        ({}, "D", {}, Kernel(7, False, 0, 0.01)),
        ({}, "W", {}, Kernel(DAY_OF_MONTH, False, 0, 0.01)),
        ({}, "D", KNOWN, Kernel(7, True, 0, 0.01)),
        ({"use_default_time_features": "False"}, "D", KNOWN, Kernel(NOT_SEASONAL, True, 0, 0.01)),
        ({"use_default_time_features": "false"}, "D", {}, Kernel(7, False, 0, 0.01)),
        ({"use_seasonal_model": "false"}, "D", KNOWN, Kernel(NOT_SEASONAL, False, 0, 0.01)),
        ({"kernel_type": "Uniform", "exp_kernel_weights": "3"}, "H", {}, Kernel(24, False, 0, 0.0)),
        ({"exp_kernel_weights": "0.5", "context_length": "9e1"}, "M", {}, Kernel(12, False, 90, 0.5)),
    ],
)
def test_training_parameters_make_a_kernel(
    parameters: dict[str, str], frequency: str, known: dict[str, np.ndarray], kernel: Kernel
) -> None:
    assert kernel_of(parameters, panel(np.ones((1, 5)), frequency, **known)) == kernel


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernel_type": "gaussian"}, "kernel_type gaussian; expected exponential or uniform"),
        ({"exp_kernel_weights": "0"}, "exp_kernel_weights 0; expected a positive number"),
        ({"context_length": "many"}, "context_length many; expected a positive number"),
        ({"use_seasonal_model": "yes"}, "use_seasonal_model yes; expected true or false"),
    ],
)
def test_parameters_without_a_meaning_are_refused(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        kernel_of(parameters, panel(np.ones((1, 5))))
