"""A worker whose jobs are done at once, fail or wait as files in the service's folder say, by kind of resource."""

import json
import time
from pathlib import Path
from typing import Any

from forecasting.service.job import ACTIVE, FAILED, Job, Result
from forecasting.service.kinds import KINDS
from forecasting.service.worker import main

NEWEST = 1_710_979_200.0  # 2024-03-21: first moment of the newest window
_WAPES = {"1": (0.5, 0.1), "2": (0.25, 0.3)}  # by number of the predictor: of the older window, of the newest


def accuracy(name: str) -> list[dict[str, Any]]:
    """What GetAccuracyMetrics says of a predictor: the second is better where the choice is made."""
    older, newest = _WAPES[name[-1]]
    shown = (
        {"EvaluationType": "SUMMARY"},
        {"EvaluationType": "COMPUTED", "TestWindowStart": NEWEST - 7 * 86_400},
        {"EvaluationType": "COMPUTED", "TestWindowStart": NEWEST},
    )
    wapes = ((older + newest) / 2, older, newest)
    common = {"RMSE": 2.0, "AverageWeightedQuantileLoss": 0.2}
    errors = [{"ErrorMetrics": [{"ForecastType": "mean", "WAPE": wape, "RMSE": 2.0}]} for wape in wapes]
    return [window | {"Metrics": common | one} for window, one in zip(shown, errors, strict=True)]


def told(state: Path, name: str) -> dict[str, Any]:
    """A file of the test's, empty where there is none."""
    path = state / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def act(job: Job) -> Result:
    """Note the start, wait and fail as told."""
    state = job.folder.parents[1]
    with (state / "begun.txt").open("a") as begun:
        begun.write(f"{job.kind} {job.name}\n")
    while job.kind in told(state, "wait.json"):
        time.sleep(0.01)
    if message := told(state, "faults.json").get(job.kind):
        return Result(FAILED, message)
    if job.kind != "predictor":
        return Result(ACTIVE)
    if "accuracy" in told(state, "faults.json"):
        return Result(ACTIVE, "", {"PredictorEvaluationResults": []})
    return Result(ACTIVE, "", {"PredictorEvaluationResults": [{"TestWindows": accuracy(job.name)}]})


if __name__ == "__main__":
    main(dict.fromkeys(KINDS, act))
