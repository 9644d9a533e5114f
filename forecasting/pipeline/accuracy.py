"""What GetAccuracyMetrics answers, as figures by name, and which predictor is best by one of them.

A predictor that is chosen among several is chosen on their older backtest windows and judged on the newest one, which
had no part in the choice: docs/decisions/0106.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakehouse.errors import ContractError

Figures = dict[str, float]

_ERRORS, _LOSS = ("WAPE", "RMSE", "MASE", "MAPE"), "AverageWeightedQuantileLoss"


@dataclass(frozen=True)
class Accuracy:
    """A predictor's figures: WAPE, RMSE, MASE, MAPE, AverageWeightedQuantileLoss, and wQL[0.1], wQL[…].

    Args:
        summary: Of all backtest windows.
        windows: Of each, by its first moment, ISO 8601 with a Z.
    """

    summary: Figures
    windows: Mapping[str, Figures]


@dataclass(frozen=True)
class Judgement:
    """Which predictor is to serve, and how good it is.

    Args:
        place: Of the predictor.
        figures: How good it is: of all its windows if it was alone, else of those that did not choose it.
        reported_from: First moment of the windows that `figures` are of, ISO 8601 with a Z; "" for all windows.
        is_optimistic: Whether it was chosen on the very windows that `figures` are of, for want of others.
    """

    place: int
    figures: Figures
    reported_from: str
    is_optimistic: bool


def accuracy(results: Sequence[Mapping[str, Any]]) -> Accuracy:
    """Read an answer.

    Args:
        results: PredictorEvaluationResults.

    Raises:
        ContractError: There is no summary.
    """
    summary, windows = None, {}
    for result in results:
        for window in result.get("TestWindows", []):
            if window.get("EvaluationType") == "SUMMARY":
                summary = summary or _figures(window["Metrics"])
            elif "TestWindowStart" in window:
                windows[_moment(window["TestWindowStart"])] = _figures(window["Metrics"])
    if summary is None:
        raise ContractError("accuracy metrics without a SUMMARY", "one")
    return Accuracy(summary, windows)


def judge(trained: Sequence[Accuracy], metric: str) -> Judgement:
    """Choose the predictor whose metric is least on the older windows, and tell how good it is on the newest.

    The first of equals; one without a number comes last. Only windows that all of them have are compared.

    Example:
        >>> def of(older, newest):
        ...     windows = {"2024-01-01T00:00:00Z": {"WAPE": older}, "2024-01-15T00:00:00Z": {"WAPE": newest}}
        ...     return Accuracy({"WAPE": (older + newest) / 2}, windows)
        >>> judge([of(0.3, 0.1), of(0.2, 0.4)], "WAPE")
        Judgement(place=1, figures={'WAPE': 0.4}, reported_from='2024-01-15T00:00:00Z', is_optimistic=False)
    """
    if len(trained) == 1:
        return Judgement(0, trained[0].summary, "", is_optimistic=False)
    *older, newest = sorted(set.intersection(*(set(one.windows) for one in trained))) or [""]

    def loss(place: int) -> float:
        of_windows = trained[place].windows
        chosen_on = [of_windows[start] for start in older] or [of_windows.get(newest, trained[place].summary)]
        values = [figures.get(metric, math.nan) for figures in chosen_on]
        value = sum(values) / len(values)
        return math.inf if math.isnan(value) else value

    place = min(range(len(trained)), key=loss)
    figures = trained[place].windows.get(newest, trained[place].summary)
    return Judgement(place, figures, newest, is_optimistic=not older)


def _figures(metrics: Mapping[str, Any]) -> Figures:
    # Step Functions writes names as the SDK for Java does: WAPE becomes Wape.
    errors = {name.upper(): value for name, value in (metrics.get("ErrorMetrics") or [{}])[0].items()}
    found = {name: errors[name] for name in _ERRORS if name in errors}
    for name, value in (("RMSE", metrics.get("RMSE", metrics.get("Rmse"))), (_LOSS, metrics.get(_LOSS))):
        if value is not None:
            found.setdefault(name, value)
    for one in metrics.get("WeightedQuantileLosses", []):
        found[f"wQL[{one['Quantile']}]"] = one["LossValue"]
    # JSON, in which the figures travel on, has no NaN.
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def _moment(given: str | float) -> str:
    """A time as Step Functions has it: text on AWS, seconds where the API's own answer is handed on."""
    if isinstance(given, str):
        at = datetime.fromisoformat(given)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
    else:
        at = datetime.fromtimestamp(given, UTC)
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
