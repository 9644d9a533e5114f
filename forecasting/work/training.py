"""The job that trains: from a panel to a predictor, its evaluation as the API tells it, its backtests as tables."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np

from forecasting.data import backtest as tables
from forecasting.engine import metrics
from forecasting.engine.contenders import ALGORITHMS, AUTOML
from forecasting.engine.evaluation import Evaluation, WindowResult
from forecasting.engine.metrics import ERRORS, Scores
from forecasting.engine.panel import Panel
from forecasting.engine.predictor import Trained, Training, train
from forecasting.service.job import Job, Result
from forecasting.work import panels
from forecasting.work.configuration import MEAN, Configuration
from lakehouse.errors import ContractError

ALGORITHM = "arn:aws:forecast:::algorithm/"
MOST_HORIZON = 500
GLOBAL = ("CNN-QR", "Deep_AR_Plus", AUTOML)  # their horizon is a third of the data at most

Json = dict[str, Any]


def run(job: Job) -> Result:
    """Train, and leave the predictor, backtest.parquet and accuracy.parquet."""
    configuration = Configuration.of(job.request)
    panel = panels.panel(configuration, job.inputs["data"])
    _check_lengths(configuration, panel, is_retrained=job.inputs.get("reference") is not None)
    training = Training(
        configuration.horizon,
        configuration.quantiles,
        configuration.metric,
        configuration.windows,
        configuration.offset,
        configuration.algorithm,
        configuration.parameters,
    )
    trained = train(panel, training, job.report)
    trained.save(job.folder)
    if trained.backtest.windows:
        _write_backtest(job, configuration, panel, trained)
    return Result(message=trained.note, body=_body(configuration, trained.evaluation))


def _check_lengths(configuration: Configuration, panel: Panel, *, is_retrained: bool) -> None:
    """The API's limits on horizon and offset, which depend on how long the data are."""
    if configuration.algorithm is None and not is_retrained:
        most = panel.periods // 4
    elif configuration.algorithm in (*GLOBAL, None):
        most = panel.periods // 3
    else:
        most = panel.periods - 1
    most = min(most, MOST_HORIZON)
    if configuration.horizon > most:
        raise ContractError(
            f"a forecast horizon of {configuration.horizon} with {panel.periods} periods of data",
            f"at most {most}",
            "import a longer history, or forecast less far ahead",
        )
    if configuration.offset > configuration.horizon and 2 * configuration.offset >= panel.periods:
        raise ContractError(
            f"a backtest window offset of {configuration.offset} with {panel.periods} periods of data",
            "less than half of them",
        )


def _write_backtest(job: Job, configuration: Configuration, panel: Panel, trained: Trained) -> None:
    names = {f"{float(one):g}": one for one in configuration.types if one != MEAN}
    levels = trained.backtest.levels
    wanted = [place for place, level in enumerate(levels) if f"{level:g}" in names]
    scales = {}
    windows = []
    for window in trained.backtest.windows:
        horizon = window.actual.shape[1]
        times = panel.frequency.start(window.start_period + np.arange(horizon, dtype=np.int64))
        scales[times[0]] = window.scale
        quantiles = window.quantiles[..., wanted]
        windows.append(tables.Window(times, window.actual, window.mean, quantiles, window.counted))
    shown = [names[f"{levels[place]:g}"] for place in wanted]

    def item_metrics(window: tables.Window) -> Mapping[str, tables.Array]:
        judged = np.where(window.usable, window.actual, np.nan)
        numbers = [float(one) for one in shown]
        scale = scales[window.times[0]]
        items = metrics.score(judged, window.mean, window.quantiles, numbers, scale=scale, by_item=True)
        losses = dict(zip(tables.columns(shown)[: len(shown)], items.losses.T, strict=True))
        return losses | {"Average wQL": items.average} | {name: items.of_mean(name) for name in ERRORS}

    tables.write(job.folder, tables.Backtest(panel.keys, shown, MEAN in configuration.types, windows), item_metrics)


def _body(configuration: Configuration, evaluation: Evaluation) -> Json:
    # The engine's yardsticks are no algorithms of the API.
    told = [one for one in evaluation.results if one.algorithm in ALGORITHMS] or [evaluation.chosen]
    results = []
    for result in told if configuration.algorithm == AUTOML else told[:1]:
        windows = [_window(configuration, window) for window in result.windows]
        if result.summary is not None:
            summary = {"EvaluationType": "SUMMARY", "Metrics": _metrics(configuration, result.summary)}
            windows.insert(0, summary)
        shown: Json = {"TestWindows": windows}
        if configuration.algorithm is not None:
            shown["AlgorithmArn"] = f"{ALGORITHM}{result.algorithm}"
        results.append(shown)
    body: Json = {"PredictorEvaluationResults": results}
    if configuration.algorithm is not None:
        body["AlgorithmArn"] = results[0]["AlgorithmArn"]
        body["AutoMLAlgorithmArns"] = [one["AlgorithmArn"] for one in results]
    return body


def _window(configuration: Configuration, window: WindowResult) -> Json:
    """A window as GetAccuracyMetrics tells it: its end is the first moment after it (docs/decisions/0076)."""
    frequency = configuration.frequency
    [end] = frequency.start(frequency.period(np.array([window.last])) + 1)
    return {
        "EvaluationType": "COMPUTED",
        "TestWindowStart": _moment(window.first),
        "TestWindowEnd": _moment(end),
        "ItemCount": window.item_count,
        "Metrics": _metrics(configuration, window.scores),
    }


def _moment(time: np.datetime64) -> float:
    return datetime.fromisoformat(str(time.astype("datetime64[s]"))).replace(tzinfo=UTC).timestamp()


def _metrics(configuration: Configuration, scores: Scores) -> Json:
    """A window's Metrics; what is not defined is left out.

    As the service answered: the losses from the highest quantile down, and errors of the mean alone, whatever the
    forecast types (docs/decisions/0076).
    """
    losses = {f"{level:g}": loss for level, loss in zip(scores.quantiles, scores.losses, strict=True)}
    wanted = sorted((one for one in configuration.types if one != MEAN), key=float, reverse=True)
    told = [{"Quantile": float(one), "LossValue": float(losses[f"{float(one):g}"])} for one in wanted]
    errors = {name: float(value) for name, value in zip(ERRORS, scores.errors[-1], strict=True)}
    found = {"RMSE": errors["RMSE"], "AverageWeightedQuantileLoss": float(scores.average)}
    return _finite(found) | {
        "WeightedQuantileLosses": [one for one in told if isfinite(one["LossValue"])],
        "ErrorMetrics": [{"ForecastType": MEAN} | _finite(errors)],
    }


def _finite(values: Mapping[str, float]) -> Json:
    return {name: value for name, value in values.items() if isfinite(value)}
