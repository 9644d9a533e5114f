"""Which models take part for an algorithm of the API, and what stands in for those that are not here.

Modules that take long to load are imported when they are needed only.
"""

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forecasting.engine.models import boosted
from forecasting.engine.models.boosted import Boosted
from forecasting.engine.models.features import base
from forecasting.engine.models.model import Model, Task
from forecasting.engine.models.naive import NAME as NAIVE
from forecasting.engine.models.naive import Naive
from forecasting.engine.models.npts import NOT_SEASONAL, Kernel, Npts, kernel_of
from forecasting.engine.panel import Panel
from lakehouse.errors import ContractError

AUTOML = "AUTOML"
NPTS, ETS, ARIMA, PROPHET, CNN_QR, DEEP_AR = "NPTS", "ETS", "ARIMA", "Prophet", "CNN-QR", "Deep_AR_Plus"
ALGORITHMS = (ARIMA, CNN_QR, DEEP_AR, ETS, NPTS, PROPHET)
BOOSTED = dict.fromkeys(boosted.SCALES, 1 / len(boosted.SCALES))
THETA = "Theta"

HALF_LIVES = (2, 8, 32)  # seasons after which a past value counts half
PLAIN_HALF_LIVES = (1, 4, 16)  # the same without seasons, in shortest windows of the features
FEW_SERIES = 50  # up to which each series may have models of its own in a combination
VERY_FEW_SERIES = 5  # the same for AutoARIMA, which takes up to seconds a series
LONG_SEASON = 12  # beyond it AutoARIMA gained nothing on series by the hour and took most of the time
SOME_SERIES = 1_000  # the same where one algorithm is chosen

Fit = Callable[[Panel, Task], Model | None]


@dataclass(frozen=True)
class Family:
    """A model that is fitted as one; its candidates have these names."""

    names: tuple[str, ...]
    fit: Fit


@dataclass(frozen=True)
class Cast:
    """Who takes part.

    Args:
        families: All models.
        algorithms: By name of the API, the weights of the candidates that it is made of; none where they are sought.
        prior: Weights where no window tells any.
        note: What a user should know about stand-ins, or "".
    """

    families: tuple[Family, ...]
    algorithms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    prior: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


def cast(algorithm: str | None, panel: Panel, task: Task) -> Cast:
    """Who takes part for an algorithm: None for a combination, AUTOML, or one of ALGORITHMS.

    Raises:
        ContractError: There is no such algorithm here.
    """
    if algorithm is None:
        return _combination(panel)
    if algorithm == AUTOML:
        return _automl(panel, task)
    if algorithm not in ALGORITHMS:
        raise ContractError(f"the algorithm {algorithm}", f"one of {', '.join(ALGORITHMS)}")
    return _alone(algorithm, panel, task)


def _combination(panel: Panel) -> Cast:
    """NPTS under several kernels, the boosted model, and for few series models of each series' own."""
    own = [ETS, THETA] if panel.series <= FEW_SERIES else []
    own += [ARIMA] if panel.series <= VERY_FEW_SERIES and panel.frequency.season <= LONG_SEASON else []
    kernels = _kernels(panel)
    families = [Family(tuple(kernels), lambda _, task: Npts(kernels, task.horizon)), _boosted(), _naive()]
    families += [_statistical(own)] if own else []
    seasonal = [name for name, kernel in kernels.items() if kernel.cycle == panel.frequency.season]
    usual = (seasonal or list(kernels))[1]
    return Cast(tuple(families), prior={usual: 0.5} | {name: weight / 2 for name, weight in BOOSTED.items()})


def _kernels(panel: Panel) -> dict[str, Kernel]:
    """Kernels of every season that the history has twice, and of none."""
    found = {}
    for half_life in (count * base(panel.frequency) for count in PLAIN_HALF_LIVES):
        found[f"NPTS, half-life {half_life}"] = Kernel(NOT_SEASONAL, False, 0, math.log(2) / half_life)
    for cycle in (length for length in panel.frequency.cycles if 2 * length <= panel.periods):
        for half_life in (count * cycle for count in HALF_LIVES):
            name, rate = f"NPTS, season {cycle}, half-life {half_life}", math.log(2) / half_life
            found[name] = Kernel(cycle, False, 0, rate)
            if panel.known and half_life > HALF_LIVES[0] * cycle:
                found[f"{name}, matched"] = Kernel(cycle, True, 0, rate)
    return found


def _automl(panel: Panel, task: Task) -> Cast:
    """All algorithms that can be tried in a sensible time."""
    tried = [NPTS, CNN_QR]
    tried += [ETS] if panel.series <= SOME_SERIES else []
    tried += [ARIMA] if panel.series <= FEW_SERIES else []
    tried += [PROPHET] if panel.series <= FEW_SERIES and importlib.util.find_spec("prophet") else []
    parts = [_alone(name, panel, task) for name in tried]
    families = {family.names: family for part in parts for family in part.families}
    left_out = [name for name in (ETS, ARIMA, PROPHET) if name not in tried]
    note = (
        f"Not tried, for the number of series or for want of the package: {', '.join(left_out)}. " if left_out else ""
    )
    algorithms = {name: weights for part in parts for name, weights in part.algorithms.items()}
    return Cast(tuple(families.values()), algorithms, note=note + _stand_in(CNN_QR))


def _alone(algorithm: str, panel: Panel, task: Task) -> Cast:
    """One algorithm, the yardstick, and NPTS in reserve for a history that is too short for it."""
    reserve = _npts(panel, task if algorithm == NPTS else Task(task.horizon, task.levels))
    if algorithm == NPTS:
        return Cast((reserve, _naive()), {NPTS: {NPTS: 1.0}})
    if algorithm in (CNN_QR, DEEP_AR):
        return Cast((_boosted(), reserve, _naive()), {algorithm: BOOSTED}, note=_stand_in(algorithm))
    family = _prophet() if algorithm == PROPHET else _statistical([algorithm])
    return Cast((family, reserve, _naive()), {algorithm: {algorithm: 1.0}})


def _stand_in(algorithm: str) -> str:
    return (
        f"{algorithm} is not part of this service: quantile regression with gradient-boosted trees over all series "
        "stands in for it, which uses related series and item metadata as it does but is another model."
    )


def _npts(panel: Panel, task: Task) -> Family:
    kernel = kernel_of(task.parameters, panel)
    return Family((NPTS,), lambda _, task: Npts({NPTS: kernel}, task.horizon))


def _boosted() -> Family:
    return Family(boosted.SCALES, Boosted.fit)


def _naive() -> Family:
    return Family((NAIVE,), lambda _, task: Naive(task.horizon))


def _statistical(names: Sequence[str]) -> Family:
    from forecasting.engine.models.statistical import Statistical  # noqa: PLC0415 - takes 1.6 s to load

    return Family(tuple(names), lambda _, task: Statistical(names, task.horizon, task.seed))


def _prophet() -> Family:
    from forecasting.engine.models.prophet import Prophet  # noqa: PLC0415 - optional

    return Family((PROPHET,), lambda _, task: Prophet(task.horizon, task.seed))


def kind_of(model: Model) -> str:
    """A name of a model's class, for `load_model`."""
    return type(model).__name__


def load_model(kind: str, folder: Path) -> Model:
    """Read what a model saved.

    Raises:
        ContractError: There is no such kind.
    """
    if kind == "Statistical":
        from forecasting.engine.models.statistical import Statistical  # noqa: PLC0415 - takes 1.6 s to load

        return Statistical.load(folder)
    if kind == "Prophet":
        from forecasting.engine.models.prophet import Prophet  # noqa: PLC0415 - optional

        return Prophet.load(folder)
    kinds: dict[str, type[Npts] | type[Boosted] | type[Naive]] = {"Npts": Npts, "Boosted": Boosted, "Naive": Naive}
    if kind not in kinds:
        raise ContractError(f"a saved model of the kind {kind}", f"one of {', '.join(kinds)}, Statistical, Prophet")
    return kinds[kind].load(folder)
