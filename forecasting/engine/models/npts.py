"""NPTS, the non-parametric forecaster: a forecast is the weighted empirical distribution of a series' own past values.

The weights fall with age and are kept for moments of the same season and of like covariates; nothing is sampled.
"""

import dataclasses
import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecasting.engine.models import closing, likeness
from forecasting.engine.models.kernels import CELLS, Pool, decay
from forecasting.engine.models.model import Array, Draft, restrained
from forecasting.engine.panel import Panel
from lakehouse.errors import ContractError

NOT_SEASONAL = 1
DAY_OF_MONTH = 0  # the season of weeks is no cycle
EXPONENTIAL, UNIFORM = "exponential", "uniform"
DEFAULT_RATE = 0.01
FILE = "kernels.json"


@dataclass(frozen=True, order=True)
class Kernel:
    """How past values are weighted.

    Args:
        cycle: Periods in a season, NOT_SEASONAL or DAY_OF_MONTH.
        matched: Whether moments with other covariates count less.
        context: The newest periods that are looked at; 0 for all.
        rate: By which the logarithm of a weight falls in a period; 0 for the uniform kernel.
    """

    cycle: int
    matched: bool
    context: int
    rate: float


class Npts:
    """NPTS under one or several kernels, each a candidate.

    Args:
        kernels: By name.
        horizon: Periods to forecast.
    """

    def __init__(self, kernels: Mapping[str, Kernel], horizon: int) -> None:
        self._kernels, self._horizon = dict(kernels), horizon

    @property
    def names(self) -> tuple[str, ...]:
        """Its kernels."""
        return tuple(self._kernels)

    def forecast(self, panel: Panel, levels: Sequence[float], names: Collection[str]) -> dict[str, Draft]:
        """See `Model.forecast`."""
        wanted = {name: kernel for name, kernel in self._kernels.items() if name in names}
        shape = (panel.series, self._horizon)
        drafts = {name: Draft(np.full((*shape, len(levels)), np.nan), np.full(shape, np.nan)) for name in wanted}
        is_closed = closing.closed(panel.target, panel.frequency.season)
        step = max(1, CELLS // max(1, panel.periods))
        for start in range(0, panel.series, step):
            some = slice(start, min(start + step, panel.series))
            part = panel.rows(some)
            for kernel, draft in _distributions(part, self._horizon, levels, (set(wanted.values()), is_closed)):
                for name in (name for name, one in wanted.items() if one == kernel):
                    drafts[name].quantiles[some], drafts[name].mean[some] = draft.quantiles, draft.mean
        return {name: restrained(draft, panel.target) for name, draft in drafts.items()}

    def save(self, folder: Path) -> None:
        """See `Model.save`."""
        kernels = {name: dataclasses.asdict(kernel) for name, kernel in self._kernels.items()}
        (folder / FILE).write_text(json.dumps({"horizon": self._horizon, "kernels": kernels}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Npts":
        """See `Model.load`."""
        saved = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls({name: Kernel(**kernel) for name, kernel in saved["kernels"].items()}, saved["horizon"])


def kernel_of(parameters: Mapping[str, str], panel: Panel) -> Kernel:
    """The kernel that the API's TrainingParameters mean.

    The weights fall by exp(-exp_kernel_weights) a period; the ranges and defaults of the API are lost, and 0.01 is the
    default that suits days. Of no season are moments told apart by covariates alone.

    Raises:
        ContractError: A parameter has no such value.
    """
    kind = parameters.get("kernel_type", EXPONENTIAL).lower()
    if kind not in (EXPONENTIAL, UNIFORM):
        raise ContractError(f"kernel_type {parameters['kernel_type']}", f"{EXPONENTIAL} or {UNIFORM}")
    seasonal = _flag(parameters, "use_seasonal_model")
    by_time = _flag(parameters, "use_default_time_features") or not panel.known
    cycle = DAY_OF_MONTH if panel.frequency.unit == "W" else panel.frequency.season
    return Kernel(
        cycle if seasonal and by_time else NOT_SEASONAL,
        seasonal and bool(panel.known),
        int(_number(parameters, "context_length", 0)),
        _number(parameters, "exp_kernel_weights", DEFAULT_RATE) if kind == EXPONENTIAL else 0.0,
    )


def _flag(parameters: Mapping[str, str], name: str) -> bool:
    text = parameters.get(name, "true").lower()
    if text not in ("true", "false"):
        raise ContractError(f"{name} {parameters[name]}", "true or false")
    return text == "true"


def _number(parameters: Mapping[str, str], name: str, default: float) -> float:
    try:
        number = float(parameters.get(name, default))
    except ValueError:
        number = math.nan
    if name in parameters and not 0 < number < math.inf:
        raise ContractError(f"{name} {parameters[name]}", "a positive number")
    return number


def _distributions(
    panel: Panel, horizon: int, levels: Sequence[float], what: tuple[set[Kernel], NDArray[np.bool_]]
) -> Iterator[tuple[Kernel, Draft]]:
    """Kernels that look at the same values share the sorting of them."""
    kernels, is_closed = what
    for (cycle, matched, context), group in groupby(sorted(kernels), lambda one: (one.cycle, one.matched, one.context)):
        rates = [kernel.rate for kernel in group]
        begin = max(0, panel.periods - context) if context else 0
        ages = np.arange(panel.periods - begin, 0, -1, dtype=np.float64)
        seasons = _seasons(panel, cycle, begin, horizon)
        values = panel.target[:, begin:]
        shape = (len(rates), panel.series, horizon)
        found = Draft(np.full((*shape, len(levels)), np.nan), np.full(shape, np.nan))
        if matched and panel.known:
            _matched(found, values, (ages, rates, levels), _likeness(panel, begin, horizon, seasons, is_closed))
        else:
            _by_season(found, np.where(is_closed[begin:], np.nan, values), (ages, rates, levels), seasons)
        _complete(found, _open(panel.target, is_closed), rates, levels)
        for place, rate in enumerate(rates):
            yield Kernel(cycle, matched, context, rate), Draft(found.quantiles[place], found.mean[place])


def _seasons(panel: Panel, cycle: int, begin: int, horizon: int) -> NDArray[np.int64]:
    """Of each column from `begin` to the end of the horizon, which moments are of the same season."""
    count = panel.periods - begin + horizon
    if cycle == DAY_OF_MONTH:
        days = panel.starts(begin, count).astype("datetime64[D]")
        return (days - days.astype("datetime64[M]")).astype(np.int64)
    return (np.arange(count) + begin + panel.first_period) % cycle


Ages = tuple[Array, list[float], Sequence[float]]  # of the columns; the rates; the levels


def _by_season(found: Draft, values: Array, given: Ages, seasons: NDArray[np.int64]) -> None:
    """All steps of a season have the same distribution: a kernel's weights differ by a factor only."""
    ages, rates, levels = given
    past, ahead = seasons[: values.shape[1]], seasons[values.shape[1] :]
    for season in np.unique(ahead):
        columns = np.flatnonzero(past == season)
        if not len(columns):
            continue
        pool, steps = Pool(values[:, columns]), np.flatnonzero(ahead == season)
        for place, rate in enumerate(rates):
            quantiles, mean = pool.quantiles(decay(ages[columns], pool.observed, rate), levels)
            found.quantiles[place][:, steps] = quantiles[:, None]
            found.mean[place][:, steps] = mean[:, None]


def _likeness(
    panel: Panel, begin: int, horizon: int, seasons: NDArray[np.int64], is_closed: NDArray[np.bool_]
) -> Iterator[Array]:
    """For each step, how much past moments count for their season and covariates, (n, t - begin)."""
    classes = [likeness.classes(known, panel.periods)[:, begin:] for known in panel.known.values()]
    past = panel.periods - begin
    for step in range(past, past + horizon):
        same = likeness.likeness(classes, step, past)
        same *= np.where(seasons[:past] == seasons[step], 1.0, likeness.OTHER)
        same[likeness.is_ordinary(classes, step, past)] *= ~is_closed[begin:]
        yield same


def _matched(found: Draft, values: Array, given: Ages, alike: Iterator[Array]) -> None:
    ages, rates, levels = given
    pool = Pool(values)
    decays = [decay(ages, pool.observed, rate) for rate in rates]
    for step, same in enumerate(alike):
        for place, weights in enumerate(decays):
            quantiles, mean = pool.quantiles(weights * same, levels)
            found.quantiles[place][:, step], found.mean[place][:, step] = quantiles, mean


def _open(values: Array, is_closed: NDArray[np.bool_]) -> Array:
    """The values without those of closed periods, unless a series has no others."""
    kept = np.where(is_closed, np.nan, values)
    nothing = np.isnan(kept).all(axis=1)
    kept[nothing] = values[nothing]
    return kept


def _complete(found: Draft, values: Array, rates: list[float], levels: Sequence[float]) -> None:
    """Where a season was never observed, or nothing within the context: any value that ever was."""
    lacking = np.isnan(found.mean).any(axis=(0, 2)) & (~np.isnan(values)).any(axis=1)
    if not lacking.any():
        return
    pool, ages = Pool(values[lacking]), np.arange(values.shape[1], 0, -1, dtype=np.float64)
    for place, rate in enumerate(rates):
        quantiles, mean = pool.quantiles(decay(ages, pool.observed, rate), levels)
        gaps = np.isnan(found.mean[place][lacking])
        found.mean[place][lacking] = np.where(gaps, mean[:, None], found.mean[place][lacking])
        found.quantiles[place][lacking] = np.where(gaps[..., None], quantiles[:, None], found.quantiles[place][lacking])
