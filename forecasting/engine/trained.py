"""A trained predictor: it forecasts any quantiles from newer data, and is kept in a folder.

The folder holds JSON, numpy arrays and LightGBM's text; nothing in it is code.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.engine import cold_start
from forecasting.engine.backtest import Backtest
from forecasting.engine.combination import combined
from forecasting.engine.contenders import kind_of, load_model
from forecasting.engine.evaluation import Evaluation
from forecasting.engine.frequency import Boundary, Frequency
from forecasting.engine.models.model import Draft, Model
from forecasting.engine.panel import Panel
from lakehouse.errors import ContractError

SERIES = 20_000  # forecast at a time
PREDICTOR, EVALUATION = "predictor.json", "evaluation.json"

Array = NDArray[np.float64]
Report = Callable[[float], None]


@dataclass(frozen=True)
class Forecast:
    """What is expected.

    Args:
        start_period: Number of the first period.
        quantiles: (n, h, q), in the order they were asked for.
        mean: (n, h).
    """

    start_period: int
    quantiles: Array
    mean: Array


@dataclass(frozen=True)
class Mixture:
    """Fitted models and what their candidates weigh.

    Args:
        models: At least those that have a candidate with a weight.
        weights: By candidate; they sum to one.
    """

    models: tuple[Model, ...]
    weights: Mapping[str, float]

    def draft(self, panel: Panel, levels: Sequence[float]) -> Draft:
        """The weighted mean of the candidates; NaN for series without a history."""
        drafts: dict[str, Draft] = {}
        for model in self.models:
            names = [name for name in model.names if name in self.weights]
            if names:
                drafts |= model.forecast(panel, levels, names)
        return combined(drafts, self.weights)


@dataclass(frozen=True)
class Trained:
    """Everything that is needed to forecast later.

    Args:
        mixture: Of the models.
        horizon: Periods to forecast.
        frequency: Of the periods.
        evaluation: How good it was.
        backtest: What it forecast in the windows that were held out; empty in one that was read back, since whoever
            forecasts needs none of it and it is as large as a forecast of as many windows.
        note: A sentence about stand-ins for what this service has not, or "".
    """

    mixture: Mixture
    horizon: int
    frequency: Frequency
    evaluation: Evaluation
    backtest: Backtest
    note: str = ""

    def forecast(self, panel: Panel, quantiles: Sequence[float], report: Report) -> Forecast:
        """Forecast from the end of a panel on.

        Args:
            panel: With at least the covariates of the one it was trained on, up to the end of the horizon.
            quantiles: Levels between 0 and 1, in any order.
            report: Is told the share done.

        Raises:
            ContractError: The panel has another frequency, lacks a covariate, or has no history at all.
        """
        if panel.frequency != self.frequency:
            raise ContractError(
                f"data at the frequency {panel.frequency.text}", f"that of the predictor, {self.frequency.text}"
            )
        panel.require_known(panel.periods + self.horizon)
        require_history(panel)
        levels, places = np.unique(quantiles, return_inverse=True)
        levels, shape = levels.tolist(), (panel.series, self.horizon)
        draft = Draft(np.empty((*shape, len(levels))), np.empty(shape))
        for start in range(0, panel.series, SERIES):
            some = slice(start, min(start + SERIES, panel.series))
            part = self.mixture.draft(panel.rows(some), levels)
            draft.quantiles[some], draft.mean[some] = part.quantiles, part.mean
            report(some.stop / panel.series)
        whole = cold_start.completed(draft, panel, levels, self.mixture.draft)
        return Forecast(panel.end, whole.quantiles[..., places], whole.mean)

    def save(self, folder: Path) -> None:
        """Write the predictor, without its backtest, into a folder, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        kept: dict[str, Any] = {
            "horizon": self.horizon,
            "frequency": asdict(self.frequency),
            "weights": dict(self.mixture.weights),
            "models": [kind_of(model) for model in self.mixture.models],
            "note": self.note,
        }
        for number, model in enumerate(self.mixture.models):
            place = folder / f"model {number}"
            place.mkdir(exist_ok=True)
            model.save(place)
        (folder / PREDICTOR).write_text(json.dumps(kept), encoding="utf-8")
        (folder / EVALUATION).write_text(json.dumps(self.evaluation.to_json()), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Trained":
        """Read what `save` wrote."""
        kept = json.loads((folder / PREDICTOR).read_text(encoding="utf-8"))
        models = tuple(load_model(kind, folder / f"model {number}") for number, kind in enumerate(kept["models"]))
        frequency = Frequency(**{**kept["frequency"], "boundary": Boundary(**kept["frequency"]["boundary"])})
        evaluation = Evaluation.from_json(json.loads((folder / EVALUATION).read_text(encoding="utf-8")))
        mixture = Mixture(models, kept["weights"])
        return cls(mixture, kept["horizon"], frequency, evaluation, Backtest((), ()), kept["note"])


def require_history(panel: Panel) -> None:
    """Refuse a panel in which nothing was ever observed.

    Raises:
        ContractError: It is such a one.
    """
    if not panel.periods or np.isnan(panel.target).all():
        raise ContractError("the target time series has no value", "at least one that is a number")
