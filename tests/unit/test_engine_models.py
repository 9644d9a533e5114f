"""The models: features that know no future, boosted trees, statsforecast's models, seasonal naive, newcomers."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from forecasting.engine import cold_start
from forecasting.engine.frequency import Frequency
from forecasting.engine.holiday import covariates
from forecasting.engine.models import almanac
from forecasting.engine.models import boosted as trees
from forecasting.engine.models.boosted import ABSOLUTE, RELATIVE, Boosted
from forecasting.engine.models.features import Features, Recipe, compress, expand, matrix
from forecasting.engine.models.model import Draft, Model, Task
from forecasting.engine.models.naive import NAME as NAIVE
from forecasting.engine.models.naive import Naive
from forecasting.engine.models.statistical import ARIMA, ETS, THETA, Statistical
from forecasting.engine.panel import Panel
from lakehouse.errors import ContractError
from tests.unit.engine_panels import bare, shop

pytestmark = pytest.mark.unit

LEVELS = (0.1, 0.5, 0.9)
NAN = math.nan


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Fewer trees: what is tested does not depend on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees, "TREES", 30)
        yield


def forecast(model: Model | None, panel: Panel, levels: tuple[float, ...] = LEVELS) -> dict[str, Draft]:
    assert model is not None
    return model.forecast(panel, levels, model.names)


# features


def test_features_do_not_change_with_what_comes_after_their_origin() -> None:
    panel = shop(periods=420)
    noise = np.random.default_rng(9)
    origin = 400
    target, weather = panel.target.copy(), panel.past["weather"].copy()
    target[:, origin:] = noise.integers(0, 999, target[:, origin:].shape)
    weather[:, origin:] = noise.normal(size=weather[:, origin:].shape)
    changed = replace(panel, target=target, past={"weather": weather})
    recipe = Recipe.of(panel, 7)
    assert recipe.year
    series, origins = np.arange(panel.series), np.full(panel.series, origin)
    rows = []
    for one in (panel, changed, panel.until(origin, 7)):
        features = Features(one, recipe)
        rows.append(matrix(*features.at(series, origins), features.levels(series, origins), 7))
    assert np.array_equal(rows[0], rows[1], equal_nan=True)
    assert np.array_equal(rows[0], rows[2], equal_nan=True)


def test_features_are_those_of_a_slow_loop() -> None:
    panel = shop(series=5, periods=420)
    panel.target[1, 300:310] = NAN
    recipe = Recipe.of(panel, 9)
    features = Features(panel, recipe)
    series, origins = np.array([0, 1, 1, 4]), np.array([410, 408, 30, 399])
    in_units, others = features.at(series, origins)
    for place, (row, origin) in enumerate(zip(series, origins, strict=True)):
        values = panel.target[row].tolist()

        def mean(begin: int, end: int, values: list[float] = values) -> float:
            there = [value for value in values[max(begin, 0) : max(end, 0)] if not math.isnan(value)]
            return fmean(there) if there else NAN

        for length in (1, 3, 7, 14, 28, 56, 112):
            assert in_units[f"mean {length}"][place, 0] == pytest.approx(mean(origin - length, origin), nan_ok=True)
        recent = [value for value in values[max(origin - 56, 0) : origin] if not math.isnan(value)]
        assert in_units["deviation"][place, 0] == pytest.approx(np.std(recent), abs=1e-9)
        assert others["share_4"][place, 0] == pytest.approx(
            fmean(v > 0 for v in values[origin - 28 : origin] if not math.isnan(v))
        )
        for step in range(9):
            now = origin + step
            same = [values[t] if t >= 0 else NAN for t in range(now - 7, -99, -7) if t < origin][:16]
            assert in_units["season 7, 1 ago"][place, step] == pytest.approx(same[0], nan_ok=True)
            assert in_units["season 7, 2 ago"][place, step] == pytest.approx(same[1], nan_ok=True)
            there = [value for value in same[:8] if not math.isnan(value)]
            if there:
                assert in_units["season 7, mean of 8"][place, step] == pytest.approx(fmean(there))
                assert in_units["season 7, least"][place, step] == min(there)
                assert in_units["season 7, greatest"][place, step] == max(there)
            year = mean(now - 364 - 3, now - 364 + 4) if now - 364 >= 3 else NAN
            assert in_units["a year ago"][place, step] == pytest.approx(year, nan_ok=True)
            assert others["known promotion"][place, step] == panel.known["promotion"][row, now]
        assert others["past weather"][place, 0] == panel.past["weather"][row, origin - 1]


def test_the_calendar_is_that_of_each_moment() -> None:
    for text, names in {
        "15min": {"time of day", "weekday"},
        "D": {"weekday", "day of month", "day of year"},
        "W": {"week of year"},
        "M": {"month"},
        "Y": set(),
    }.items():
        assert almanac.features(Frequency.parse(text), np.array(["2024-05-01"], dtype="datetime64[s]")).keys() == names
    moments = np.array(["2024-02-29T13:30", "2024-12-30T00:00"], dtype="datetime64[s]")
    days = almanac.features(Frequency.parse("D"), moments)
    assert days["weekday"].tolist() == [3, 0]
    assert days["day of month"].tolist() == [28, 29]
    assert days["day of year"].tolist() == [59, 364]
    assert almanac.features(Frequency.parse("30min"), moments)["time of day"].tolist() == [810, 0]
    assert almanac.features(Frequency.parse("M"), moments)["month"].tolist() == [1, 11]


def test_the_days_before_christmas_are_seen_when_christmas_is_not() -> None:
    days = Frequency.parse("D")
    first = int(days.period(np.array(["2023-12-20"], dtype="datetime64[s]"))[0])
    found = almanac.distances(days, "US", first, 3)
    assert found["until"].tolist() == [5, 4, 3]
    assert found["since"].tolist() == [15, 15, 15]
    assert almanac.distances(Frequency.parse("W"), "US", 100, 3) == {}
    hours = almanac.distances(Frequency.parse("H"), "US", first * 24, 2)
    assert hours["until"].tolist() == [5 * 24, 5 * 24 - 1]


def test_compressing_can_be_undone() -> None:
    values = np.array([-1e9, -3.0, 0.0, 0.5, 1e12])
    assert np.allclose(expand(compress(values)), values)


# boosted


@pytest.fixture(scope="module")
def panel() -> Panel:
    return shop(series=20, periods=150)


@pytest.fixture(scope="module")
def boosted(panel: Panel) -> Boosted:
    made = Boosted.fit(panel, Task(7, LEVELS))
    assert made is not None
    return made


def test_quantiles_do_not_cross_and_are_not_negative(panel: Panel, boosted: Boosted) -> None:
    levels = (0.01, 0.1, 0.3, 0.5, 0.75, 0.9, 0.99)
    for draft in forecast(boosted, panel, levels).values():
        assert draft.quantiles.shape == (20, 7, 7)
        assert (np.diff(draft.quantiles, axis=-1) >= 0).all()
        assert (draft.quantiles >= 0).all()
        assert (draft.mean > 0).all()


def test_other_levels_lie_between_the_fitted_ones(panel: Panel, boosted: Boosted) -> None:
    fitted = forecast(boosted, panel)[RELATIVE].quantiles
    other = forecast(boosted, panel, (0.1, 0.7, 0.9))[RELATIVE].quantiles
    assert np.allclose(other[..., 0], fitted[..., 0])
    assert np.allclose(other[..., 2], fitted[..., 2])
    assert ((fitted[..., 1] <= other[..., 1]) & (other[..., 1] <= fitted[..., 2])).all()
    assert forecast(boosted, panel, ())[RELATIVE].quantiles.shape == (20, 7, 0)


def test_a_promotion_that_is_known_ahead_raises_the_forecast(panel: Panel, boosted: Boosted) -> None:
    found = []
    for value in (0, 1):
        promotion = panel.known["promotion"].copy()
        promotion[:, panel.periods :] = value
        found.append(forecast(boosted, replace(panel, known={"promotion": promotion}))[RELATIVE].mean)
    assert found[1].sum() > 1.8 * found[0].sum()


def test_a_saved_model_and_one_fitted_again_forecast_the_same(panel: Panel, boosted: Boosted, tmp_path: Path) -> None:
    boosted.save(tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.suffix not in (".json", ".txt")]
    for other in (Boosted.load(tmp_path), Boosted.fit(panel, Task(7, LEVELS))):
        for name, draft in forecast(other, panel).items():
            assert np.array_equal(draft.quantiles, forecast(boosted, panel)[name].quantiles)
            assert np.array_equal(draft.mean, forecast(boosted, panel)[name].mean)


def test_a_later_panel_may_number_its_categories_otherwise(panel: Panel, boosted: Boosted) -> None:
    codes = 2 - panel.static["category"]
    other = replace(panel, static={"category": codes}, categories={"category": ("new", "toys", "food")})
    assert np.array_equal(forecast(boosted, other)[RELATIVE].mean, forecast(boosted, panel)[RELATIVE].mean)


def test_a_covariate_of_the_training_must_be_there(panel: Panel, boosted: Boosted) -> None:
    with pytest.raises(ContractError, match="the data lack category, promotion; expected the related series"):
        forecast(boosted, replace(panel, known={}, static={}))
    with pytest.raises(ContractError, match="promotion ends 1 periods before the horizon does"):
        known = {"promotion": panel.known["promotion"][:, :-1]}
        forecast(boosted, replace(panel, known=known))


@pytest.mark.parametrize(
    ("parameters", "absent"),
    [
        ({"use_related_data": "NONE"}, ("known", "past")),
        ({"use_related_data": "HISTORICAL"}, ("known",)),
        ({"use_related_data": "FORWARD_LOOKING"}, ("past",)),
        ({"use_item_metadata": "NONE"}, ("static",)),
    ],
)
def test_parameters_say_which_data_are_used(panel: Panel, parameters: dict[str, str], absent: tuple[str, ...]) -> None:
    made = Boosted.fit(panel, Task(7, (0.5,), parameters=parameters), [RELATIVE])
    without = replace(panel, **{name: {} for name in absent})
    assert np.array_equal(forecast(made, panel)[RELATIVE].mean, forecast(made, without)[RELATIVE].mean)
    assert made is not None
    assert made.names == (RELATIVE,)


def test_a_context_is_how_far_features_look_back() -> None:
    long = shop(periods=420)
    assert Recipe.of(long, 7).windows[-1] == 112
    assert Recipe.of(long, 7, context=60).windows == (7, 14, 28)
    assert Recipe.of(long, 7, context=60).year == 0
    assert Recipe.of(long, 7, context=10).cycles == ()


def test_a_history_that_is_too_short_is_not_learnt_from() -> None:
    assert Boosted.fit(shop(series=1, periods=8), Task(7, LEVELS)) is None
    assert Boosted.fit(shop(series=5, periods=6), Task(7, LEVELS)) is None
    assert Boosted.fit(bare(np.zeros((5, 99))), Task(7, LEVELS)) is None


def test_zeros_are_forecast_as_zeros_and_nothing_as_nothing(panel: Panel, boosted: Boosted) -> None:
    target = panel.target.copy()
    target[3], target[4] = 0, NAN
    found = forecast(boosted, replace(panel, target=target))[ABSOLUTE]
    assert (found.quantiles[3] == 0).all()
    assert np.isnan(found.mean[4]).all()


def test_many_levels_are_fitted_as_seven(panel: Panel) -> None:
    levels = tuple(np.linspace(0.05, 0.95, 19).round(2).tolist())
    made = Boosted.fit(panel, Task(7, levels), [RELATIVE])
    assert forecast(made, panel, levels)[RELATIVE].quantiles.shape == (20, 7, 19)
    assert made is not None
    assert len(made.levels) == 7


def test_negative_values_are_forecast_where_there_were_some() -> None:
    rng = np.random.default_rng(3)
    target = rng.normal(0, 5, (6, 120))
    target[0] = np.abs(target[0])
    made = bare(target)
    for draft in forecast(Boosted.fit(made, Task(7, LEVELS)), made).values():
        assert (draft.quantiles[0] >= 0).all()
        assert (draft.quantiles[1:, :, 0] < 0).all()


def test_a_panel_in_other_units_is_forecast_in_these() -> None:
    panel = shop(series=10, periods=120)
    big = replace(panel, target=panel.target * 1e6)
    found, grown = (forecast(Boosted.fit(one, Task(7, LEVELS), [RELATIVE]), one)[RELATIVE] for one in (panel, big))
    assert np.allclose(grown.quantiles, found.quantiles * 1e6, rtol=1e-3)


# seasonal naive


def test_seasonal_naive_repeats_the_last_season() -> None:
    made = bare(np.array([[1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, NAN, 13, 14], [NAN] * 12 + [5.0, NAN], [NAN] * 14]))
    found = forecast(Naive(9), made)[NAIVE]
    assert found.mean[0].tolist() == [8, 9, 10, 11, 5, 13, 14, 8, 9]
    assert (found.mean[1] == 5).all()
    assert np.isnan(found.mean[2]).all()
    changes = [7.0] * 6
    spread = math.sqrt(fmean(change**2 for change in changes))
    assert found.quantiles[0, 0, 2] == pytest.approx(8 + 1.2815516 * spread)
    assert found.quantiles[0, 7, 2] == pytest.approx(8 + 1.2815516 * spread * math.sqrt(2))
    assert found.quantiles[0, 0, 0] == 0


def test_a_history_shorter_than_a_season_repeats_its_last_value() -> None:
    assert forecast(Naive(3), bare(np.array([[1.0, 4.0]])))[NAIVE].mean.tolist() == [[4, 4, 4]]


# statsforecast


@pytest.mark.parametrize("name", [ETS, ARIMA, THETA])
def test_a_season_is_found_and_gaps_do_no_harm(name: str) -> None:
    rng = np.random.default_rng(5)
    columns = np.arange(120)
    values = 20 + 10 * np.sin(2 * np.pi * columns / 7) + rng.normal(0, 1, 120)
    values[[50, 51, 90]] = NAN
    values[-2:] = NAN  # forecasts begin two periods after the last observation
    made = bare(values[None])
    model = Statistical([name], 7)
    found = forecast(model, made)[name]
    expected = 20 + 10 * np.sin(2 * np.pi * (120 + np.arange(7)) / 7)
    assert np.abs(found.mean[0] - expected).max() < 4
    assert (np.diff(found.quantiles[0], axis=-1) > 0).all()
    again = forecast(Statistical([name], 7), made)[name]
    assert np.array_equal(found.quantiles, again.quantiles)


@pytest.mark.parametrize(
    "values", [[5.0], [1.0, 2, 3], [3.0] * 40, [0.0] * 40, [NAN] * 20, [0.0] * 39 + [9.0], [1e15] * 9 + [2e15] * 9]
)
def test_odd_series_get_a_finite_forecast(values: list[float]) -> None:
    for name, draft in forecast(Statistical([ETS, ARIMA, THETA], 3), bare(np.array([values]))).items():
        assert np.isfinite(draft.quantiles).all() == (not np.isnan(values).all()), name


def test_statistical_models_and_naive_are_saved(tmp_path: Path) -> None:
    made = bare(np.random.default_rng(6).poisson(9, (2, 60)).astype(float))
    for number, model in enumerate((Statistical([THETA], 4, seed=3), Naive(4))):
        folder = tmp_path / str(number)
        folder.mkdir()
        model.save(folder)
        loaded = type(model).load(folder)
        for name, draft in forecast(loaded, made).items():
            assert np.array_equal(draft.quantiles, forecast(model, made)[name].quantiles)


# newcomers


def test_a_newcomer_is_forecast_as_items_of_its_category() -> None:
    panel = shop(series=6)
    target = np.tile(np.where(np.arange(6) % 2 == 0, 10.0, 100.0)[:, None], (1, 20))
    target[:2] = NAN
    panel = replace(panel, target=target, known={}, past={})

    def draft(part: Panel, levels: tuple[float, ...]) -> Draft:
        mean = np.repeat(part.target[:, -1:], 3, axis=1)
        return Draft(np.repeat(mean[..., None], len(levels), axis=-1), mean)

    found = cold_start.completed(draft(panel, LEVELS), panel, LEVELS, draft)
    assert (found.mean[0] == 10).all()
    assert (found.quantiles[1] == 100).all()
    alone = replace(panel, static={"category": np.array([-1, -1, 0, 1, 0, 1], dtype=np.int32)})
    unlike = cold_start.completed(draft(alone, LEVELS), alone, LEVELS, draft)
    assert unlike.mean[0].tolist() == [55, 55, 55]
    assert unlike.quantiles[0, 0].tolist() == [10, 10, 100]
    nothing = replace(panel, target=np.full((6, 20), NAN))
    assert np.isnan(cold_start.completed(draft(nothing, LEVELS), nothing, LEVELS, draft).mean).all()


def test_a_newcomer_is_as_uncertain_as_those_like_it_differ() -> None:
    panel = bare(np.array([[NAN] * 9, *([float(level)] * 9 for level in range(1, 11))]))

    def draft(part: Panel, levels: tuple[float, ...]) -> Draft:
        mean = part.target[:, -1:]
        return Draft(np.repeat(mean[..., None], len(levels), axis=-1), mean)

    found = cold_start.completed(draft(panel, LEVELS), panel, LEVELS, draft)
    assert found.quantiles[0, 0].tolist() == [1, 5, 9]
    assert found.mean[0, 0] == 5.5


def test_holidays_of_a_panel_become_distances() -> None:
    panel = shop(series=3)
    days = covariates(panel.frequency, ["US"], panel.first_period, panel.periods + 7)["holiday_US"]
    panel = replace(panel, known={"holiday_US": np.broadcast_to(days, (3, panel.periods + 7))})
    _, others = Features(panel, Recipe.of(panel, 7)).at(np.array([1]), np.array([50]))
    until = others["known holiday_US, until"][0]
    place = 50 + int(np.argmax(days[50:] > 0))
    assert until[0] == min(15, place - 50)
