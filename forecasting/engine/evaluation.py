"""How good a predictor was on windows that were held out, for each algorithm that took part.

It is kept as JSON beside the predictor; metrics that are not defined are null there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.engine.metrics import Scores, summary


@dataclass(frozen=True)
class WindowResult:
    """The metrics of a window.

    Args:
        first: The first moment of its first period.
        last: The first moment of its last period.
        item_count: Series that the metrics are made of.
        scores: Of the whole window.
    """

    first: np.datetime64
    last: np.datetime64
    item_count: int
    scores: Scores


@dataclass(frozen=True)
class Result:
    """The windows of an algorithm, the oldest first."""

    algorithm: str
    windows: tuple[WindowResult, ...]

    @property
    def summary(self) -> Scores | None:
        """The mean over the windows; None without any."""
        return summary([window.scores for window in self.windows]) if self.windows else None


@dataclass(frozen=True)
class Evaluation:
    """All that was found.

    Args:
        results: Of each algorithm, what was chosen first.
        weights: Of the candidates in what was chosen.
    """

    results: tuple[Result, ...]
    weights: Mapping[str, float]

    @property
    def chosen(self) -> Result:
        """Of what the predictor forecasts with."""
        return self.results[0]

    def to_json(self) -> dict[str, Any]:
        """As values that JSON knows."""
        results = [
            {"algorithm": result.algorithm, "windows": [_window(window) for window in result.windows]}
            for result in self.results
        ]
        return {"results": results, "weights": dict(self.weights)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Evaluation":
        """The inverse of `to_json`."""
        results = tuple(
            Result(one["algorithm"], tuple(_read(window) for window in one["windows"])) for one in kept["results"]
        )
        return cls(results, kept["weights"])


def _window(window: WindowResult) -> dict[str, Any]:
    return {
        "first": str(window.first),
        "last": str(window.last),
        "item_count": window.item_count,
        "quantiles": list(window.scores.quantiles),
        "losses": _numbers(window.scores.losses),
        "errors": [_numbers(row) for row in window.scores.errors],
    }


def _read(kept: Mapping[str, Any]) -> WindowResult:
    scores = Scores(
        tuple(kept["quantiles"]),
        np.array(kept["losses"], dtype=np.float64),
        np.array(kept["errors"], dtype=np.float64),
    )
    first, last = (np.datetime64(kept[name], "s") for name in ("first", "last"))
    return WindowResult(first, last, kept["item_count"], scores)


def _numbers(values: Sequence[float] | np.ndarray[Any, Any]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
