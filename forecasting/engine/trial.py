"""Models on trial: fitted before the first window, they forecast each window from what was known before it.

They are fitted once for all windows. A window's weights are made of the windows before it alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from forecasting.engine import cold_start, metrics
from forecasting.engine.backtest import Backtest, Plan, Window
from forecasting.engine.combination import Held, combined, weigh
from forecasting.engine.contenders import NPTS, Cast, Family
from forecasting.engine.evaluation import Result, WindowResult
from forecasting.engine.models.model import Draft, Model, Task
from forecasting.engine.models.naive import NAME as NAIVE
from forecasting.engine.panel import Panel
from forecasting.engine.trained import Mixture

AUTO_PREDICTOR = "AutoPredictor"
WEIGHED_SERIES = 5_000  # of a larger panel, weights are chosen on so many
WEIGHED_WINDOWS = 6  # the newest ones

Weights = Mapping[str, float]


class Trial:
    """The trial of a cast.

    Args:
        panel: The whole history.
        task: What is to be forecast.
        metric: OptimizationMetric of the API.
        actors: Who takes part.
    """

    def __init__(self, panel: Panel, task: Task, metric: str, actors: Cast) -> None:
        self._panel, self._task, self._metric, self._actors = panel, task, metric, actors
        rows = np.arange(panel.series)
        if panel.series > WEIGHED_SERIES:
            rows = np.sort(np.random.default_rng(task.seed).choice(rows, WEIGHED_SERIES, replace=False))
        self._rows = rows
        self._held: list[Held] = []
        self._models: tuple[Model, ...] = ()
        self._windows: dict[str, list[Window]] = {}
        self._results: dict[str, list[WindowResult]] = {}

    def run(self, layout: Plan, report: Callable[[float], None]) -> None:
        """Go through all windows, the oldest first."""
        starts = layout.all
        if not starts:
            return
        self._models = fitted(self._actors.families, self._panel.until(starts[0], 0), self._task)
        for number, start in enumerate(starts):
            report((number + 1) / (len(starts) + 1))
            known = self._panel.until(start, self._task.horizon)
            is_tested = start in layout.tested
            part = known if is_tested else known.rows(self._rows)
            drafts = _drafts(self._models, part, self._task.levels)
            came = self._panel.target[:, start : start + self._task.horizon]
            if is_tested:
                self._test(start, part, came, drafts)
                came = came[self._rows]
                drafts = {name: Draft(one.quantiles[self._rows], one.mean[self._rows]) for name, one in drafts.items()}
                part = known.rows(self._rows)
            else:
                came = came[self._rows]
            self._held.append(Held(metrics.usable(came), self._scale(part), drafts))

    def weights(self) -> Weights:
        """What to forecast with: of an algorithm its own weights, of a combination those that all windows tell."""
        if not self._actors.algorithms:
            return self._sought()
        return self._actors.algorithms[self._best()]

    def results(self) -> tuple[Result, ...]:
        """The windows of each algorithm: of what was chosen first, then from the best to the worst."""
        first = self._best()
        names = sorted(self._results, key=lambda name: (name != first, self._value(name), name))
        return tuple(Result(name, tuple(self._results[name])) for name in names) or (Result(first, ()),)

    def backtest(self) -> Backtest:
        """The windows of what was chosen."""
        return Backtest(self._task.levels, tuple(self._windows.get(self._best(), ())))

    def _best(self) -> str:
        return min(self._actors.algorithms, key=self._value) if self._actors.algorithms else AUTO_PREDICTOR

    def _value(self, name: str) -> float:
        summary = Result(name, tuple(self._results.get(name, ()))).summary
        value = float(summary.optimized(self._metric)) if summary else float("inf")
        return value if np.isfinite(value) else float("inf")

    def _sought(self) -> Weights:
        """The weights that the windows so far tell; the prior where there is none."""
        if not self._held:
            return self._actors.prior
        return weigh(self._held[-WEIGHED_WINDOWS:], self._metric, self._task.levels)

    def _test(self, start: int, known: Panel, came: np.ndarray, drafts: Mapping[str, Draft]) -> None:
        """Put down what was forecast for a window and how good it was."""
        contenders = self._actors.algorithms or {AUTO_PREDICTOR: self._sought()}
        for name, weights in contenders.items():
            mixture = Mixture(self._models, available(weights, self._models))
            draft = combined(drafts, mixture.weights)
            draft = cold_start.completed(draft, known, self._task.levels, mixture.draft)
            self._windows.setdefault(name, []).append(self._window(start, known, came, draft))
            self._judge(name, self._windows[name][-1])
        beside = [NAIVE] if self._actors.algorithms else list(drafts)
        for name in beside:
            self._judge(name, self._window(start, known, came, drafts[name]))

    def _window(self, start: int, known: Panel, came: np.ndarray, draft: Draft) -> Window:
        counted = ~np.isnan(metrics.usable(np.where(np.isnan(draft.mean), np.nan, came)))
        return Window(known.first_period + start, came, counted, draft.mean, draft.quantiles, self._scale(known))

    def _judge(self, name: str, window: Window) -> None:
        scores = metrics.score(window.judged, window.mean, window.quantiles, self._task.levels, scale=window.scale)
        ends = np.array([window.start_period, window.start_period + self._task.horizon - 1])
        first, last = self._panel.frequency.start(ends)
        count = int(window.counted.any(axis=1).sum())
        self._results.setdefault(name, []).append(WindowResult(first, last, count, scores))

    def _scale(self, known: Panel) -> np.ndarray:
        return metrics.seasonal_error(known.target, known.frequency.season)


def fitted(families: Iterable[Family], panel: Panel, task: Task, wanted: Weights | None = None) -> tuple[Model, ...]:
    """Fit the families that have a weight, or all; those that can learn nothing from so little are left out.

    NPTS, where it is in reserve, is made when nothing else was.
    """
    chosen = [family for family in families if wanted is None or set(family.names) & set(wanted)]
    models = [model for family in chosen if (model := family.fit(panel, task)) is not None]
    if wanted is not None and not models:
        models = [model for one in families if NPTS in one.names and (model := one.fit(panel, task)) is not None]
    return tuple(models)


def available(weights: Weights, models: Sequence[Model]) -> dict[str, float]:
    """Weights of the candidates that there are; all the weight on NPTS, which is in reserve, where there is none."""
    names = {name for model in models for name in model.names}
    left = {name: weight for name, weight in weights.items() if name in names} or {NPTS: 1.0}
    return {name: weight / sum(left.values()) for name, weight in left.items()}


def _drafts(models: Sequence[Model], panel: Panel, levels: Sequence[float]) -> dict[str, Draft]:
    drafts: dict[str, Draft] = {}
    for model in models:
        drafts |= model.forecast(panel, levels, model.names)
    return drafts
