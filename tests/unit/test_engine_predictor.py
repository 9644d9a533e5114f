"""Training and forecasting as a whole: nothing looks ahead, the same comes out twice, odd histories do no harm."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from forecasting.engine import contenders, metrics, predictor
from forecasting.engine.contenders import ALGORITHMS, ARIMA, AUTOML
from forecasting.engine.models import boosted, statistical
from forecasting.engine.models.naive import NAME as NAIVE
from forecasting.engine.panel import Panel
from forecasting.engine.predictor import Forecast, Trained, Training, train
from lakehouse.errors import ContractError
from tests.unit.engine_panels import bare, shop

pytestmark = pytest.mark.unit

LEVELS = (0.1, 0.5, 0.9)
HORIZON = 7
HERE = [name for name in ALGORITHMS if name != "Prophet"]  # which is an extra


def quietly(_: float) -> None:
    pass


def trained(panel: Panel, **given: object) -> Trained:
    return train(panel, Training(**{"horizon": HORIZON, "windows": 2, **given}), quietly)  # type: ignore[arg-type]


def forecast(one: Trained, panel: Panel, levels: tuple[float, ...] = LEVELS) -> Forecast:
    return one.forecast(panel, levels, quietly)


def is_same(one: Forecast, other: Forecast) -> bool:
    return np.array_equal(one.quantiles, other.quantiles) and np.array_equal(one.mean, other.mean)


def with_noise(panel: Panel, start: int) -> Panel:
    """The panel with anything at all in the place of the target and of past covariates from a column on."""
    rng = np.random.default_rng(99)
    target, past = panel.target.copy(), {name: values.copy() for name, values in panel.past.items()}
    target[:, start:] = rng.normal(0, 10_000, target[:, start:].shape)
    for values in past.values():
        values[:, start:] = rng.normal(0, 99, values[:, start:].shape)
    return replace(panel, target=target, past=past)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Fewer trees, models of each series' own for five series at most, approximate ARIMA: no test depends on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boosted, "TREES", 20)
        patch.setattr(contenders, "FEW_SERIES", 5)
        patch.setattr(statistical, "LONG_SEASON", 1)
        yield


@pytest.fixture(scope="module")
def panel() -> Panel:
    return shop(series=6)


@pytest.fixture(scope="module")
def auto(panel: Panel) -> Trained:
    return trained(panel)


# nothing looks ahead


@pytest.mark.parametrize("algorithm", [None, *HERE])
def test_noise_after_its_start_changes_no_forecast_of_a_window(algorithm: str | None) -> None:
    """Neither what the models learn, nor how they are weighted, nor what is filled or scaled knows what comes."""
    panel = shop(series=2 if algorithm == ARIMA else 6, periods=90)
    for window in trained(panel, algorithm=algorithm).backtest.windows:
        start = window.start_period - panel.first_period
        again = trained(with_noise(panel, start), algorithm=algorithm).backtest.windows
        [same] = [one for one in again if one.start_period == window.start_period]
        assert np.array_equal(same.mean, window.mean)
        assert np.array_equal(same.quantiles, window.quantiles)


def test_a_forecast_is_that_of_a_history_cut_off_at_its_start(panel: Panel) -> None:
    start = panel.periods - HORIZON
    cut, noisy = panel.until(start, HORIZON), with_noise(panel, start).until(start, HORIZON)
    assert is_same(forecast(trained(cut), cut), forecast(trained(noisy), noisy))


def test_windows_lie_before_the_end_by_the_offset_one_horizon_apart(panel: Panel) -> None:
    found = trained(panel, algorithm="NPTS", windows=3, offset=20).backtest.windows
    starts = [window.start_period - panel.first_period for window in found]
    assert starts == [panel.periods - 20 - 2 * HORIZON, panel.periods - 20 - HORIZON, panel.periods - 20]
    for window, start in zip(found, starts, strict=True):
        assert np.array_equal(window.actual, panel.target[:, start : start + HORIZON], equal_nan=True)


# what comes out


def test_the_same_seed_gives_the_same_numbers(panel: Panel, auto: Trained) -> None:
    again = trained(panel)
    assert again.mixture.weights == auto.mixture.weights
    assert is_same(forecast(again, panel), forecast(auto, panel))


def test_a_saved_predictor_forecasts_the_same(panel: Panel, auto: Trained, tmp_path: Path) -> None:
    auto.save(tmp_path / "predictor")
    loaded = Trained.load(tmp_path / "predictor")
    assert is_same(forecast(loaded, panel), forecast(auto, panel))
    assert loaded.evaluation.to_json() == auto.evaluation.to_json()
    assert loaded.note == auto.note
    assert loaded.backtest.windows == ()


def test_quantiles_come_in_the_order_asked_for_and_do_not_cross(panel: Panel, auto: Trained) -> None:
    found = forecast(auto, panel, (0.9, 0.5, 0.01, 0.99))
    assert np.array_equal(found.quantiles[..., 1], forecast(auto, panel, (0.5,)).quantiles[..., 0])
    rising = found.quantiles[..., [2, 1, 0, 3]]
    assert (np.diff(rising, axis=-1) >= 0).all()
    assert (found.quantiles >= 0).all()
    assert found.start_period == panel.end


def test_it_is_better_than_repeating_the_last_season() -> None:
    panel = shop(series=60, periods=300)
    start = panel.periods - HORIZON
    known = panel.until(start, HORIZON)
    found = forecast(trained(known), known)
    came, season = panel.target[:, start:], panel.target[:, start - 7 : start]
    scale = np.ones(panel.series)
    ours = metrics.score(came, found.mean, found.quantiles, LEVELS, scale=scale).average
    theirs = metrics.score(came, season, np.repeat(season[..., None], 3, axis=-1), LEVELS, scale=scale).average
    assert ours < 0.7 * theirs


def test_the_evaluation_is_that_of_the_windows_shown(auto: Trained) -> None:
    assert auto.evaluation.chosen.algorithm == "AutoPredictor"
    for window, told in zip(auto.backtest.windows, auto.evaluation.chosen.windows, strict=True):
        again = metrics.score(window.judged, window.mean, window.quantiles, LEVELS, scale=window.scale)
        assert np.array_equal(told.scores.losses, again.losses)
        assert np.array_equal(told.scores.errors, again.errors, equal_nan=True)
    summary = auto.evaluation.chosen.summary
    assert summary is not None
    assert summary.average == pytest.approx(fmean(float(one.scores.average) for one in auto.evaluation.chosen.windows))


def test_every_candidate_stands_beside_the_yardstick(auto: Trained) -> None:
    names = [result.algorithm for result in auto.evaluation.results]
    assert names[0] == "AutoPredictor"
    assert {NAIVE, "boosted", "NPTS, season 7, half-life 56"} < set(names)
    assert set(auto.mixture.weights) < set(names)
    assert sum(auto.mixture.weights.values()) == pytest.approx(1)


def test_few_series_have_models_of_their_own_as_candidates() -> None:
    found = trained(shop(series=1, periods=60), windows=1)
    assert {"ETS", "Theta", "ARIMA"} < {result.algorithm for result in found.evaluation.results}


def test_automl_takes_the_best_single_algorithm() -> None:
    panel = shop(series=2, periods=80)
    found = trained(panel, algorithm=AUTOML)
    values = [float(one.summary.average) for one in found.evaluation.results if one.algorithm != NAIVE and one.summary]
    assert len(values) >= 4
    assert values[0] == min(values)
    best = found.evaluation.chosen.algorithm
    assert is_same(forecast(found, panel), forecast(trained(panel, algorithm=best), panel))


@pytest.mark.parametrize("metric", predictor.METRICS)
def test_the_metric_decides_which_is_best(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "FEW_SERIES", 1)  # three algorithms are enough: without AutoARIMA, the slowest
    found = trained(shop(series=2, periods=60), algorithm=AUTOML, metric=metric, windows=1)
    values = [
        float(one.summary.optimized(metric))
        for one in found.evaluation.results
        if one.algorithm != NAIVE and one.summary
    ]
    assert len(values) == 3
    assert values[0] == min(values)


def test_what_stands_in_for_an_algorithm_is_said(panel: Panel) -> None:
    assert "stands in" in trained(panel, algorithm="CNN-QR").note
    assert trained(panel, algorithm="NPTS").note == ""
    assert "too short for" in trained(bare(np.ones((2, 9))), horizon=2, algorithm="Deep_AR_Plus").note


def test_newer_data_are_forecast_without_training_anew(panel: Panel) -> None:
    start = panel.periods - HORIZON
    one = trained(panel.until(start, HORIZON))
    found = forecast(one, panel)
    assert found.start_period == panel.end
    assert not np.array_equal(found.mean, forecast(one, panel.until(start, HORIZON)).mean)


# odd histories

ROWS: dict[str, Callable[[], np.ndarray]] = {
    "one value": lambda: np.array([[5.0]]),
    "two values": lambda: np.array([[5.0, 7.0]]),
    "shorter than the horizon": lambda: np.array([[1.0, 2, 3, 4, 5]]),
    "less than two seasons": lambda: np.arange(10.0)[None],
    "a constant": lambda: np.full((1, 90), 3.0),
    "zeros": lambda: np.zeros((3, 90)),
    "zeros but one": lambda: np.eye(1, 90, 40),
    "a gap": lambda: np.where((np.arange(90) > 30) & (np.arange(90) < 70), math.nan, np.arange(90.0))[None],
    "nothing lately": lambda: np.where(np.arange(90) < 40, 4.0, math.nan)[None],
    "one series that has just begun": lambda: np.stack([np.full(90, 9.0), np.where(np.arange(90) < 89, math.nan, 2.0)]),
    "huge": lambda: np.full((2, 90), 1e30),
    "tiny": lambda: np.full((2, 90), 1e-30),
    "negative": lambda: -np.arange(90.0)[None],
    "one that was never observed": lambda: np.stack([np.arange(90.0), np.full(90, math.nan)]),
}


@pytest.mark.parametrize("algorithm", [None, *HERE])
@pytest.mark.parametrize("kind", ROWS)
def test_an_odd_history_gets_a_finite_forecast(kind: str, algorithm: str | None) -> None:
    panel = bare(ROWS[kind]())
    found = forecast(trained(panel, algorithm=algorithm), panel)
    assert np.isfinite(found.quantiles).all()
    assert np.isfinite(found.mean).all()
    assert (np.diff(found.quantiles, axis=-1) >= 0).all()
    if kind in ("a constant", "zeros"):
        assert np.allclose(found.quantiles, panel.target[:, :1, None])
        assert np.allclose(found.mean, panel.target[:, :1])


@pytest.mark.parametrize("text", ["1min", "5min", "30min", "H", "6H", "D", "2D", "W", "2W", "M", "3M", "Y"])
def test_every_frequency_is_forecast(text: str) -> None:
    rng = np.random.default_rng(3)
    panel = bare(rng.poisson(8, (6, 130)).astype(float), text, first_period=500)
    found = forecast(trained(panel, horizon=4), panel)
    assert np.isfinite(found.quantiles).all()
    assert 2 < found.mean.mean() < 16


def test_a_history_of_nothing_is_refused() -> None:
    with pytest.raises(ContractError, match="no value"):
        trained(bare(np.full((2, 30), math.nan)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"horizon": 0}, "a forecast horizon of 0"),
        ({"metric": "R2"}, "the metric R2"),
        ({"quantiles": (0.0, 0.5)}, "numbers between 0 and 1"),
        ({"algorithm": "LSTM"}, "the algorithm LSTM"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        trained(shop(series=2, periods=30), **given)


def test_other_data_than_those_of_the_training_are_refused(panel: Panel, auto: Trained) -> None:
    weekly = shop(frequency="W")
    with pytest.raises(ContractError, match="at the frequency W"):
        forecast(auto, weekly)
    with pytest.raises(ContractError, match="promotion ends 3 periods before the horizon"):
        forecast(auto, replace(panel, known={"promotion": panel.known["promotion"][:, :-3]}))
