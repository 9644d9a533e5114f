"""What a worker does, by the kind of the resource it makes.

A body's module is imported when it runs: an import job needs no LightGBM.
"""

import importlib

from forecasting.service.job import Body, Job, Result
from lakehouse.errors import ConfigError

OPENMP = "the OpenMP library of the system", "run `apt-get install libgomp1` (macOS: `brew install libomp`)"
"""What LightGBM is expected to find and slim systems lack, and how it comes there."""


def _of(module: str, function: str) -> Body:
    def body(job: Job) -> Result:
        try:
            found: Body = getattr(importlib.import_module(f"forecasting.work.{module}"), function)
        except OSError as fault:
            raise ConfigError(f"LightGBM cannot be loaded: {fault}", *OPENMP) from fault
        return found(job)

    return body


BODIES = {
    "dataset-import-job": _of("imports", "run"),
    "predictor": _of("training", "run"),
    "predictor-backtest-export-job": _of("exports", "backtest"),
    "forecast": _of("forecasts", "forecast"),
    "forecast-export-job": _of("exports", "forecast"),
    "what-if-analysis": _of("forecasts", "analysis"),
    "what-if-forecast": _of("forecasts", "what_if"),
    "what-if-forecast-export": _of("exports", "what_if"),
}
