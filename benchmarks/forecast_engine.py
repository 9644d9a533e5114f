"""The forecasting engine: what a predictor costs, and how good it is beside every candidate and the seasonal naive.

Accuracy is average wQL (0.1, 0.5, 0.9) on the last three fortnights of UCI's 200 best-selling products, each held out
in its turn: a predictor is trained on what came before, weights included, and forecasts once. Cost is that of 1,000
made-up series of 730 days: train, backtest on two windows, forecast; beside it AutoETS of statsforecast on the last
180 days, fitted for the same two windows and the forecast. Each runs in a process of its own.
"""

import multiprocessing
import os
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from benchmarks import panels
from benchmarks.figure import Figure
from benchmarks.options import Options
from forecasting.engine import metrics
from forecasting.engine.combination import combined
from forecasting.engine.contenders import ARIMA, CNN_QR, ETS, NPTS, THETA, cast
from forecasting.engine.models.model import Draft, Task
from forecasting.engine.models.naive import NAME as NAIVE
from forecasting.engine.panel import Panel
from forecasting.engine.predictor import Training, train
from forecasting.engine.trial import fitted

HORIZON, LEVELS = 14, (0.1, 0.5, 0.9)
WINDOWS = 3
ASKED_WQL = 0.570
ASKED_CPU_SECONDS, ASKED_NPTS_CPU_SECONDS, ASKED_MIB = 90.0, 5.0, 2048.0
AUTO = "AutoPredictor"
SINGLE = {
    CNN_QR: "CNN-QR and DeepAR+ (boosted trees in their place)",
    NPTS: "NPTS",
    ETS: "ETS (AutoETS)",
    ARIMA: "ARIMA (AutoARIMA)",
    THETA: "AutoTheta",
}
ASKED = "average wQL, UCI's 200 best-selling products"


@dataclass(frozen=True)
class Took:
    """Average wQL by candidate, where there is one, CPU seconds and greatest resident memory [MiB]."""

    losses: dict[str, float]
    cpu_seconds: float
    memory_mib: float


def run(_: Options) -> Iterator[Figure]:
    """Measure; the accuracy first."""
    auto = _apart(automatic)
    pool = _apart(members)
    naive = pool.losses.pop(NAIVE)
    yield _accuracy(AUTO, auto, naive, asked=ASKED_WQL)
    for algorithm, shown in SINGLE.items():
        yield _accuracy(shown, _apart(single, algorithm), naive)
    for name, loss in sorted(pool.losses.items(), key=lambda one: one[1]):
        yield Figure("forecast_engine", f"{ASKED}: {name}, alone", "wQL", loss, naive, note="a member of the pool")
    yardstick = _apart(statistical)
    auto, npts = (_apart(costly, algorithm) for algorithm in (AUTO, NPTS))
    what, note = (
        "of 1,000 daily series of 730 days, horizon 14",
        "train, backtest on 2 windows, forecast; naive: AutoETS",
    )
    for name, took, asked in ((AUTO, auto, ASKED_CPU_SECONDS), (NPTS, npts, ASKED_NPTS_CPU_SECONDS)):
        yield _cost(f"{name} {what}", took.cpu_seconds, yardstick.cpu_seconds, asked=asked, note=note)
    what = f"{AUTO} {what}: greatest resident memory"
    yield _cost(what, auto.memory_mib, yardstick.memory_mib, asked=ASKED_MIB, note=note, unit="MiB")
    many = _apart(costly, AUTO, "10000")
    note = f"{many.memory_mib:,.0f} MiB at most"
    yield _cost(f"{AUTO} of 10,000 such series", many.cpu_seconds, None, asked=None, note=note)


def _cost(
    what: str, ours: float, naive: float | None, *, asked: float | None, note: str, unit: str = "CPU s"
) -> Figure:
    return Figure("forecast_engine", what, unit, ours, naive, asked=asked, note=note)


def _accuracy(name: str, took: Took, naive: float, asked: float | None = None) -> Figure:
    return Figure(
        "forecast_engine",
        f"{ASKED}: {name}",
        "wQL",
        took.losses[name if name == AUTO else next(iter(took.losses))],
        naive,
        asked=asked,
        cpu_seconds=took.cpu_seconds / WINDOWS,
        memory_mib=took.memory_mib,
        rounds=WINDOWS,
        note="CPU s of a window; naive: seasonal naive",
    )


def automatic() -> dict[str, float]:
    """The AutoPredictor: trained anew before each window, on two validation windows of its own."""

    def forecast(known: Panel) -> dict[str, Draft]:
        trained = train(known, Training(HORIZON, LEVELS, windows=1), _quietly)
        made = trained.forecast(known, LEVELS, _quietly)
        return {AUTO: Draft(made.quantiles, made.mean)}

    return _held_out(forecast)


def single(name: str) -> dict[str, float]:
    """One algorithm, fitted before each window."""

    def forecast(known: Panel) -> dict[str, Draft]:
        task = Task(HORIZON, LEVELS)
        if name == THETA:
            from forecasting.engine.models.statistical import Statistical  # noqa: PLC0415 - takes 1.6 s to load

            return Statistical([THETA], HORIZON).forecast(known, LEVELS, [THETA])
        actors = cast(name, known, task)
        weights = actors.algorithms[name]
        drafts: dict[str, Draft] = {}
        for model in fitted(actors.families, known, task, weights):
            drafts |= model.forecast(known, LEVELS, [one for one in model.names if one in weights])
        return {name: combined(drafts, weights)}

    return _held_out(forecast)


def members() -> dict[str, float]:
    """Every candidate of the AutoPredictor by itself."""

    def forecast(known: Panel) -> dict[str, Draft]:
        task = Task(HORIZON, LEVELS)
        drafts: dict[str, Draft] = {}
        for model in fitted(cast(None, known, task).families, known, task):
            drafts |= model.forecast(known, LEVELS, model.names)
        return drafts

    return _held_out(forecast)


def costly(algorithm: str, series: str = "1000") -> dict[str, float]:
    """Train on two windows and forecast the made-up shop."""
    panel = panels.made_up(int(series))
    wanted = None if algorithm == AUTO else algorithm
    trained = train(panel, Training(HORIZON, LEVELS, windows=2, algorithm=wanted), _quietly)
    trained.forecast(panel, LEVELS, _quietly)
    summary = trained.evaluation.chosen.summary
    return {} if summary is None else {algorithm: float(summary.average)}


def statistical() -> dict[str, float]:
    """AutoETS for the same two windows and the forecast."""
    from forecasting.engine.models.statistical import Statistical  # noqa: PLC0415 - takes 1.6 s to load

    panel = panels.made_up()
    for before in (2 * HORIZON, HORIZON, 0):
        Statistical([ETS], HORIZON).forecast(panel.until(panel.periods - before, 0), LEVELS, [ETS])
    return {}


def _held_out(forecast: Callable[[Panel], dict[str, Draft]]) -> dict[str, float]:
    panel = panels.uci(horizon=HORIZON, windows=WINDOWS)
    found: dict[str, list[float]] = {}
    for window in range(WINDOWS, 0, -1):
        start = panel.periods - HORIZON * window
        came = panel.target[:, start : start + HORIZON]
        for name, draft in forecast(panel.until(start, 0)).items():
            scores = metrics.score(came, draft.mean, draft.quantiles, LEVELS, scale=np.ones(panel.series))
            found.setdefault(name, []).append(float(scores.average))
    return {name: float(np.mean(losses)) for name, losses in found.items()}


def _quietly(_: float) -> None:
    """Nobody watches."""


def _apart(work: Callable[..., dict[str, float]], *arguments: str) -> Took:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # as the service's workers have it
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, work, *arguments).result()


def _measured(work: Callable[..., dict[str, float]], *arguments: str) -> Took:
    losses = work(*arguments)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Took(losses, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
