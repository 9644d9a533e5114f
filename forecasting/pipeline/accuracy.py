"""What GetAccuracyMetrics answers, as figures by name, and which predictor is best by one of them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.errors import ContractError

_ERRORS, _LOSS = ("WAPE", "RMSE", "MASE", "MAPE"), "AverageWeightedQuantileLoss"


def figures(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The summary over all backtest windows: WAPE, RMSE, MASE, MAPE, AverageWeightedQuantileLoss, and wQL[0.1], wQL[…].

    Args:
        results: PredictorEvaluationResults.

    Raises:
        ContractError: There is no summary.
    """
    for result in results:
        for window in result.get("TestWindows", []):
            if window.get("EvaluationType") != "SUMMARY":
                continue
            metrics = window["Metrics"]
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
    raise ContractError("accuracy metrics without a SUMMARY", "one")


def best(trained: Sequence[Mapping[str, Any]], metric: str) -> int:
    """The place of the predictor whose metric is least; the first of equals, and one without a number comes last.

    Example:
        >>> best([{"metrics": {"WAPE": 0.4}}, {"metrics": {"WAPE": 0.2}}], "WAPE")
        1
    """

    def loss(place: int) -> float:
        value = trained[place]["metrics"].get(metric, math.inf)
        return math.inf if math.isnan(value) else value

    return min(range(len(trained)), key=loss)
