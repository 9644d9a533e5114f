"""The jobs of exports: artefacts to files in S3."""

from datetime import UTC, datetime
from pathlib import Path

from forecasting.data import backtest_export, forecast_export, what_if_export
from forecasting.data.parts import Export
from forecasting.service.job import Job, Result
from forecasting.work import aws


def forecast(job: Job) -> Result:
    """Export a forecast."""
    forecast_export.run(Path(job.inputs["source"]["folder"]), _export(job), client=aws.s3())
    return Result()


def backtest(job: Job) -> Result:
    """Export a predictor's backtests: forecasted values and accuracy metrics."""
    backtest_export.run(Path(job.inputs["source"]["folder"]), _export(job), client=aws.s3())
    return Result()


def what_if(job: Job) -> Result:
    """Export what-if forecasts beside the forecast that they vary."""
    forecasts = {one["body"]["WhatIfForecastName"]: Path(one["folder"]) for one in job.inputs["forecasts"]}
    what_if_export.run(Path(job.inputs["baseline"]["folder"]), forecasts, _export(job), client=aws.s3())
    return Result()


def _export(job: Job) -> Export:
    return Export.of(job.name, datetime.fromtimestamp(job.created_at, UTC), job.request)
