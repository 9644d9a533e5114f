"""A worker with small bodies, for tests: what a job does is the first word of its name."""

import json
import os
import signal
import time
from pathlib import Path

from forecasting.service.job import ACTIVE, FAILED, Job, Result
from forecasting.service.kinds import KINDS
from forecasting.service.worker import main
from lakehouse.errors import ContractError, SourceError

# What a body of each kind leaves for Describe, as a real one does.
_WINDOW = {"TestWindowStart": "2024-01-01T00:00:00", "TestWindowEnd": "2024-01-14T00:00:00", "ItemCount": 2}
_LOSSES = {"WeightedQuantileLosses": [{"Quantile": 0.5, "LossValue": 0.25}], "RMSE": 1.5}
LEFT = {
    "dataset-import-job": {"DataSize": 0.5, "FieldStatistics": {"demand": {"Count": 2, "Min": "1.0", "Avg": 1.5}}},
    "predictor": {
        "PredictorEvaluationResults": [
            {
                "TestWindows": [
                    {"EvaluationType": "SUMMARY", "Metrics": _LOSSES},
                    {"EvaluationType": "COMPUTED", "Metrics": _LOSSES, **_WINDOW},
                ]
            }
        ]
    },
}
METRICS = {"dataset-import-job": {"DatasetSize": 512.0}, "forecast": {"TimeSeriesForecastsGenerated": 2.0}}


def act(job: Job) -> Result:
    """Do what the name says."""
    word = job.name.partition("_")[0]
    state = job.folder.parents[1]
    with (state / "begun.txt").open("a") as begun:
        begun.write(f"{job.name}\n")
    if word == "waits":
        while not (state / "go").exists():
            job.report(0.5)
            time.sleep(0.005)
    elif word == "exits" or (word == "once" and not _was_here(state / job.name)):
        os._exit(3)
    elif word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == "garbles":
        (job.folder / "result.json").write_text(json.dumps({"what": "this"}))
        os._exit(0)
    faults = {
        "contract": ContractError("sales.csv, line 3, column demand: 'x'", "a number", "correct the file"),
        "source": SourceError("s3://bucket/sales.csv: timed out"),
        "memory": MemoryError(),
        "bug": KeyError("demand"),
    }
    if word in faults:
        raise faults[word]
    if word == "failed":
        return Result(FAILED, "as asked", {"DataSize": 0.0})
    made = f"{os.nice(0)} {os.environ['OMP_WAIT_POLICY']} {_first_to_end()}" if word == "priority" else job.name
    (job.folder / "made.txt").write_text(made)
    return Result(ACTIVE, "a note" if word == "noted" else "", LEFT.get(job.kind, {}), METRICS.get(job.kind, {}))


def _first_to_end() -> str:
    path = Path("/proc/self/oom_score_adj")
    return path.read_text().strip() if path.exists() else ""


def _was_here(marker: Path) -> bool:
    if marker.exists():
        return True
    marker.touch()
    return False


if __name__ == "__main__":
    main(dict.fromkeys(KINDS, act))
