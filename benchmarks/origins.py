"""A definition's forecast from several origins, made in this process from gold as it was known then.

The pipeline's own SQL, windows and choice over the engine; data sets and jobs are left out, which change no number.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from forecasting.definitions.definition import AUTO, Definition, Predictor
from forecasting.engine import metrics
from forecasting.engine.assembly import Layout, assemble
from forecasting.engine.frequency import Frequency
from forecasting.engine.panel import Panel
from forecasting.engine.predictor import Trained, Training, train
from forecasting.pipeline import accuracy, sql
from forecasting.pipeline.accuracy import Accuracy
from forecasting.work.configuration import AUTO_WINDOWS
from lakehouse.errors import ContractError

SEASON = 7
Ask = Callable[[str], Sequence[tuple[str | None, ...]]]


@dataclass(frozen=True)
class Held:
    """How good a forecast of days was, beside the seasonal naive one: WAPE of the median, and the average wQL."""

    wape: float
    naive: float
    wql: float
    naive_wql: float


def held_out(definition: Definition, origin: date, ask: Ask) -> Held:
    """Forecast from a day on, by what was known before it, and hold it against what came.

    Args:
        definition: Daily, without related series, metadata, dimensions and logarithm.
        origin: The first day that is forecast.
        ask: Answers a query of Athena's with its rows.

    Raises:
        ContractError: Nothing was sold on the day before, so that a forecast begins earlier.
    """
    known = _panel(definition, _rows(definition, f"sales_date < DATE '{origin}'", ask))
    [begin] = known.frequency.start(np.array([known.end]))
    if begin != np.datetime64(origin):
        raise ContractError(f"nothing was sold on the day before {origin}", "a day after one with sales")
    trained = [_trained(definition, one, known) for one in definition.predictors]
    judgement = accuracy.judge([_accuracy(definition, one) for one in trained], definition.metric)
    levels = [float(one) for one in definition.quantiles]
    quantiles = trained[judgement.place].forecast(known, levels, _quietly).quantiles
    first = known.periods - SEASON
    horizon = definition.horizon
    naive = np.nan_to_num(known.target[:, [first + step % SEASON for step in range(horizon)]])
    came = _came(definition, known, origin, ask)
    losses = [
        [
            float(metrics.weighted_quantile_loss(came, shown, level, None))
            for level, shown in zip(levels, of, strict=True)
        ]
        for of in (np.moveaxis(quantiles, -1, 0), [naive] * len(levels))
    ]
    median = quantiles[..., levels.index(0.5)]
    wapes = [float(metrics.wape(came, shown, None)) for shown in (median, naive)]
    return Held(wapes[0], wapes[1], float(np.mean(losses[0])), float(np.mean(losses[1])))


def _rows(definition: Definition, kept: str, ask: Ask) -> pa.Table:
    """Rows of the target, as they would be imported."""
    layer, _, name = definition.table.partition(".")
    limited = dataclasses.replace(definition, query=f'SELECT * FROM "{layer}"."{name}" WHERE {kept}')  # noqa: S608
    items, days, values = zip(*ask(sql.target(limited)), strict=True)
    columns = {
        sql.ITEM: pa.array(items, pa.string()),
        sql.TIMESTAMP: pa.array([np.datetime64(day, "s") for day in days], pa.timestamp("s")),
        sql.TARGET: pa.array([float(value) for value in values], pa.float64()),
    }
    return pa.table(columns)


def _panel(definition: Definition, rows: pa.Table) -> Panel:
    countries = (definition.holidays,) if definition.holidays else ()
    layout = Layout(sql.ITEM, sql.TIMESTAMP, sql.TARGET, countries=countries)
    return assemble(layout, Frequency.parse(definition.frequency), definition.horizon, target=rows)


def _came(definition: Definition, known: Panel, origin: date, ask: Ask) -> np.ndarray:
    """What the series of a panel came to in the days after it, (n, h)."""
    last = origin + timedelta(days=definition.horizon - 1)
    everything = dataclasses.replace(definition, top=0)
    rows = _rows(everything, f"sales_date BETWEEN DATE '{origin}' AND DATE '{last}'", ask)
    found = {(row[sql.ITEM], row[sql.TIMESTAMP].date()): row[sql.TARGET] for row in rows.to_pylist()}
    days = [origin + timedelta(days=step) for step in range(definition.horizon)]
    return np.array([[found.get((item, day), 0.0) for day in days] for item in known.keys["item_id"].to_pylist()])


def _trained(definition: Definition, one: Predictor, known: Panel) -> Trained:
    is_auto = one.algorithm == AUTO
    training = Training(
        definition.horizon,
        tuple(float(level) for level in definition.quantiles),
        definition.metric,
        AUTO_WINDOWS if is_auto else one.windows,
        definition.horizon,
        None if is_auto else one.algorithm,
        one.parameters,
    )
    return train(known, training, _quietly)


def _accuracy(definition: Definition, trained: Trained) -> Accuracy:
    windows = trained.evaluation.chosen.windows
    found = {str(one.first): {definition.metric: float(one.scores.optimized(definition.metric))} for one in windows}
    return Accuracy({}, found)


def _quietly(_: float) -> None:
    """Nobody watches."""
