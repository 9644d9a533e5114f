"""Training: models are tried on windows that they do not know, weighted, and fitted on everything.

Nothing that is chosen for a reported window is chosen on that window or a later one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from forecasting.engine import metrics
from forecasting.engine.backtest import plan
from forecasting.engine.contenders import cast
from forecasting.engine.evaluation import Evaluation
from forecasting.engine.models.model import Task
from forecasting.engine.panel import Panel
from forecasting.engine.trained import Forecast, Mixture, Report, Trained, require_history
from forecasting.engine.trial import Trial, available, fitted
from lakehouse.errors import ContractError

__all__ = ["Forecast", "Trained", "Training", "train"]

METRICS = ("AverageWeightedQuantileLoss", *metrics.ERRORS)
USUAL_LEVELS = (0.1, 0.5, 0.9)
TRIED = 0.6  # of the work, until all is fitted on everything


@dataclass(frozen=True)
class Training:
    """How to train.

    Args:
        horizon: Periods to forecast.
        quantiles: Levels that the predictor is judged by.
        metric: OptimizationMetric of the API.
        windows: Of the backtest.
        offset: Periods from the newest window's start to the end of the data.
        algorithm: None for a weighted combination, AUTOML for the best single one, or one of the API's.
        parameters: TrainingParameters of the API.
        seed: Of all that is random.

    Raises:
        ContractError: A value makes no sense.
    """

    horizon: int
    quantiles: tuple[float, ...] = USUAL_LEVELS
    metric: str = METRICS[0]
    windows: int = 1
    offset: int = 0
    algorithm: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise ContractError(f"a forecast horizon of {self.horizon}", "at least one period")
        if self.metric not in METRICS:
            raise ContractError(f"the metric {self.metric}", f"one of {', '.join(METRICS)}")
        if any(not 0 < level < 1 for level in self.quantiles):
            raise ContractError(f"the quantiles {self.quantiles}", "numbers between 0 and 1")

    @property
    def task(self) -> Task:
        """What the models are told."""
        levels = tuple(sorted(set(self.quantiles or USUAL_LEVELS)))
        return Task(self.horizon, levels, self.seed, self.parameters)


def train(panel: Panel, training: Training, report: Report) -> Trained:
    """Train a predictor.

    Args:
        panel: The whole history.
        training: How.
        report: Is told the share done.

    Raises:
        ContractError: There is no history, or a parameter is wrong.
    """
    require_history(panel)
    actors = cast(training.algorithm, panel, training.task)
    layout = plan(panel, training.horizon, training.windows, training.offset)
    trial = Trial(panel, training.task, training.metric, actors)
    trial.run(layout, lambda share: report(share * TRIED))
    wanted = trial.weights()
    models = fitted(actors.families, panel, training.task, wanted)
    weights = available(wanted, models)
    evaluation = Evaluation(trial.results(), weights)
    note = " ".join(text for text in (actors.note, _too_short(wanted, weights)) if text)
    report(1.0)
    return Trained(Mixture(models, weights), training.horizon, panel.frequency, evaluation, trial.backtest(), note)


def _too_short(wanted: Mapping[str, float], weights: Mapping[str, float]) -> str:
    lacking = sorted(set(wanted) - set(weights))
    return f"The history is too short for {', '.join(lacking)}; {', '.join(weights)} does without." if lacking else ""
