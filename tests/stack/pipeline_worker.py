"""A worker whose jobs are done at once, fail or wait as files in the service's folder say, by kind of resource."""

import json
import time
from pathlib import Path
from typing import Any

from forecasting.service.job import ACTIVE, FAILED, Job, Result
from forecasting.service.kinds import KINDS
from forecasting.service.worker import main

_SUMMARY = {
    "EvaluationType": "SUMMARY",
    "Metrics": {"RMSE": 2.0, "AverageWeightedQuantileLoss": 0.2, "ErrorMetrics": [{"ForecastType": "mean"}]},
}


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
    errors = {"ForecastType": "mean", "WAPE": 0.5 if job.name.endswith("_1") else 0.25, "RMSE": 2.0}
    metrics = _SUMMARY["Metrics"] | {"ErrorMetrics": [errors]}  # type: ignore[operator]
    window = _SUMMARY | {"Metrics": metrics}
    return Result(ACTIVE, "", {"PredictorEvaluationResults": [{"TestWindows": [window]}]})


if __name__ == "__main__":
    main(dict.fromkeys(KINDS, act))
