"""Gradient-boosted trees over all series at once: one LightGBM model for each quantile and one for the mean.

A model is fitted on forecasts that could have been made in the past: at sampled origins, with what was known then.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecasting.engine.models import examples, quantiles
from forecasting.engine.models.features import Features, Recipe, compress, expand, matrix
from forecasting.engine.models.model import Array, Draft, Task, restrained
from forecasting.engine.panel import Panel
from lakehouse.errors import ContractError

if TYPE_CHECKING:
    from lightgbm import Booster

RELATIVE = "boosted"  # targets in units of the series' own level
ABSOLUTE = "boosted absolute"  # in units of the panel's
SCALES = (RELATIVE, ABSOLUTE)
MEAN = "mean"

LEAST_ROWS = 50  # to fit on
TREES = 100
PARAMETERS = {
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "max_bin": 63,
    "feature_fraction": 0.6,
    "num_threads": 1,  # on shared cores several were 5 to 100 times slower
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}
STATE = "state.json"


@dataclass(frozen=True)
class _State:
    recipe: Recipe
    levels: tuple[float, ...]
    unit: float
    categories: dict[str, tuple[str, ...]]


class Boosted:
    """The fitted models; see `fit`."""

    def __init__(self, state: _State, boosters: "dict[str, dict[str, Booster]]") -> None:
        self._state, self._boosters = state, boosters

    @property
    def names(self) -> tuple[str, ...]:
        """One for each scale."""
        return tuple(self._boosters)

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantiles that there is a booster for."""
        return self._state.levels

    @classmethod
    def fit(cls, panel: Panel, task: Task, names: Collection[str] = SCALES) -> "Boosted | None":
        """Fit on what a panel knows.

        Args:
            panel: Whatever lies after its end is not looked at.
            task: What will be forecast.
            names: Of the scales.

        Returns:
            None where the history is too short to learn from.
        """
        panel = _restricted(panel, task)
        recipe = Recipe.of(panel, task.horizon, int(float(task.parameters.get("context_length", 0))))
        series, origins = examples.origins(panel, recipe, task.seed)
        if not len(series):
            return None
        levels = quantiles.fitted(task.levels)
        state = _State(recipe, levels, _unit(panel), dict(panel.categories))
        wanted, rows = np.unique(series, return_inverse=True)
        part = panel.rows(wanted)
        features = Features(part, recipe)
        boosters = {}
        for name in names:
            x, y = examples.rows(features, part, (rows, origins), None if name == RELATIVE else state.unit)
            if len(y) < LEAST_ROWS:
                return None
            boosters[name] = _boost(x, y, levels, task.seed)
        return cls(state, boosters)

    def forecast(self, panel: Panel, levels: Sequence[float], names: Collection[str]) -> dict[str, Draft]:
        """See `Model.forecast`."""
        horizon = self._state.recipe.horizon
        panel = _conform(panel, self._state)
        shape = (panel.series, horizon)
        found = {name: Draft(np.zeros((*shape, len(levels))), np.zeros(shape)) for name in self.names if name in names}
        sold = (np.nan_to_num(panel.target) != 0).any(axis=1)  # of nothing but zeros zeros are expected
        rows, step = np.flatnonzero(sold), max(1, examples.CHUNK_ROWS // horizon)
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            features = Features(panel.rows(some), self._state.recipe)
            series, origins = np.arange(len(some)), np.full(len(some), panel.periods)
            made, level = features.at(series, origins), features.levels(series, origins)
            for name, draft in found.items():
                scale = level if name == RELATIVE else np.full(len(some), self._state.unit)
                x, units = matrix(*made, scale, horizon), scale[:, None]
                predicted = {key: _predicted(one, x, horizon) for key, one in self._boosters[name].items()}
                draft.mean[some] = predicted.pop(MEAN) * units
                by_level = np.sort(np.stack(list(predicted.values()), axis=-1), axis=-1)
                draft.quantiles[some] = (
                    expand(quantiles.between(by_level, self._state.levels, levels)) * units[..., None]
                )
        unseen = np.isnan(panel.target).all(axis=1)
        for draft in found.values():
            draft.quantiles[unseen], draft.mean[unseen] = np.nan, np.nan
        return {name: restrained(draft, panel.target) for name, draft in found.items()}

    def save(self, folder: Path) -> None:
        """See `Model.save`."""
        kept = {**asdict(self._state), "boosters": {name: list(one) for name, one in self._boosters.items()}}
        (folder / STATE).write_text(json.dumps(kept), encoding="utf-8")
        for name, boosters in self._boosters.items():
            for key, booster in boosters.items():
                booster.save_model(folder / f"{name} {key}.txt")

    @classmethod
    def load(cls, folder: Path) -> "Boosted":
        """See `Model.load`."""
        from lightgbm import Booster  # noqa: PLC0415 - half of what a job's start takes

        kept = json.loads((folder / STATE).read_text(encoding="utf-8"))
        named: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in kept["recipe"].items()
        }
        categories = {name: tuple(values) for name, values in kept["categories"].items()}
        boosters = {
            name: {key: Booster(model_file=str(folder / f"{name} {key}.txt")) for key in keys}
            for name, keys in kept["boosters"].items()
        }
        return cls(_State(Recipe(**named), tuple(kept["levels"]), kept["unit"], categories), boosters)


def _predicted(booster: "Booster", x: NDArray[np.float32], horizon: int) -> Array:
    return np.asarray(booster.predict(x), dtype=np.float64).reshape(-1, horizon)


def _restricted(panel: Panel, task: Task) -> Panel:
    """The panel with only those covariates and categories that the parameters allow for."""
    related = task.parameters.get("use_related_data", "ALL").upper()
    metadata = task.parameters.get("use_item_metadata", "ALL").upper()
    return replace(
        panel,
        known=panel.known if related in ("ALL", "FORWARD_LOOKING") else {},
        past=panel.past if related in ("ALL", "HISTORICAL") else {},
        static=panel.static if metadata == "ALL" else {},
        categories=panel.categories if metadata == "ALL" else {},
    )


def _conform(panel: Panel, state: _State) -> Panel:
    """A later panel with the covariates of the fitted one, and its categories as they were numbered then.

    Raises:
        ContractError: A covariate is missing.
    """
    recipe = state.recipe
    missing = (set(recipe.known) - set(panel.known)) | (set(recipe.past) - set(panel.past) - set(panel.known))
    missing |= set(recipe.static) - set(panel.static)
    if missing:
        raise ContractError(
            f"the data lack {', '.join(sorted(missing))}",
            "the related series and metadata that the predictor was trained with",
            "import them, or train a predictor without them",
        )
    panel.require_known(panel.periods + recipe.horizon)
    past = {name: panel.past.get(name, panel.known.get(name)) for name in recipe.past}
    return replace(
        panel,
        known={name: panel.known[name] for name in recipe.known},
        past={name: values[:, : panel.periods] for name, values in past.items() if values is not None},
        static={name: _recoded(panel, name, state.categories.get(name, ())) for name in recipe.static},
        categories=state.categories,
    )


def _recoded(panel: Panel, name: str, categories: tuple[str, ...]) -> NDArray[np.int32]:
    place = {text: number for number, text in enumerate(categories)}
    numbers = [place.get(text, -1) for text in panel.categories.get(name, ())]
    return np.array([*numbers, -1], dtype=np.int32)[panel.static[name]]


def _boost(x: NDArray[np.float32], y: Array, levels: Sequence[float], seed: int) -> "dict[str, Booster]":
    """A booster for each level and one for the mean, which share the binned rows."""
    import lightgbm  # noqa: PLC0415 - half of what a job's start takes

    parameters: dict[str, Any] = {**PARAMETERS, "seed": seed}
    rows = lightgbm.Dataset(x, compress(y), params=parameters, free_raw_data=False)
    found = {
        f"{level:g}": lightgbm.train({**parameters, "objective": "quantile", "alpha": level}, rows, TREES)
        for level in levels
    }
    # Of those tried, tweedie had the least RMSE and WAPE; it is not defined for negative values or for zeros alone.
    objective = "tweedie" if y.min() >= 0 and y.max() > 0 else "regression"
    rows.set_label(y)
    found[MEAN] = lightgbm.train({**parameters, "objective": objective}, rows, TREES)
    return found


def _unit(panel: Panel) -> float:
    """The panel's unit: one, or less where most values are."""
    sizes = np.abs(panel.target[panel.target != 0])
    sizes = sizes[~np.isnan(sizes)]
    return float(min(1.0, np.median(sizes))) if sizes.size else 1.0
