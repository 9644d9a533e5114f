"""Reads what a run has made: its object and exports from the bucket, and what really happened from Athena."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from forecasting.definitions.definition import Definition
from forecasting.pipeline import series, sql
from forecasting.pipeline.series import Point
from infra.aws import periods
from infra.aws.athena import Athena
from lakehouse.errors import ContractError, SourceError
from lakehouse.runs import Run, run_key
from lakehouse.settings import Settings

HISTORY_PERIODS = 120


@dataclass(frozen=True)
class Result:
    """A run and its rows.

    Args:
        run: Its object.
        forecast: Points to come.
        backtest: Points of its backtests.
        history: What was, by series and moment, for some time before the forecast.
        wape: WAPE of the backtest windows that did not choose the predictor, of values as they are: the service's is of
            logarithms where those are forecast.
        naive: WAPE of the seasonal naive forecast on the same points.
    """

    run: Run
    forecast: list[Point]
    backtest: list[Point]
    history: dict[tuple[str, ...], dict[datetime, float]]
    wape: float
    naive: float


def read(settings: Settings, definition: Definition, run_id: str) -> Result:
    """All of a run.

    Raises:
        SourceError: The bucket or Athena does not answer.
        ContractError: The run has no object.
    """
    try:
        s3 = boto3.client("s3", **settings.client_arguments)
        key = run_key(definition.name, run_id)
        run = Run.from_json(s3.get_object(Bucket=settings.bucket, Key=key)["Body"].read().decode())
        forecast = _points(s3, settings.bucket, run, run.exports)
        backtest = _points(s3, settings.bucket, run, f"{run.backtests}forecasted-values/") if run.backtests else []
    except (ClientError, BotoCoreError) as fault:
        raise SourceError(f"run {definition.name}/{run_id}: {fault}", "its files", "run the forecast again") from fault
    history = _history(settings, definition, run, [*forecast, *backtest])
    reported = series.since(backtest, run.reported_from)
    naive = series.naive_wape(reported, history, series.SEASONS.get(run.frequency, 1))
    level = series.middle(forecast[0].values)
    wape = series.wape((point.actual, point.values[level]) for point in reported)
    return Result(run, forecast, backtest, history, wape, naive)


def _points(s3: Any, bucket: str, run: Run, prefix: str) -> list[Point]:
    found: list[Point] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            if entry["Key"].endswith(".csv"):
                text = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().decode()
                found += series.points(text, len(run.dimensions), is_log=run.is_log)
    if not found:
        raise ContractError(f"{prefix} has no rows", "an export", "run the forecast again")
    return found


def _history(
    settings: Settings, definition: Definition, run: Run, known: list[Point]
) -> dict[tuple[str, ...], dict[datetime, float]]:
    """Actual values of the run's series by its periods, from some of them before the first known point."""
    first = min(point.at for point in known)
    end = min(point.at for point in known if point.window is None)
    days = {"W": 7, "M": 31, "Y": 366}.get(run.frequency, 1)
    since = f"{first - timedelta(days=days * HISTORY_PERIODS):%Y-%m-%d}"
    wanted = {point.series for point in known}
    # The rows as they were imported, but for the logarithm.
    select = sql.target(_plain(definition), settings.database_prefix)
    rows = Athena(settings).ask(f"SELECT * FROM ({select}) WHERE \"{sql.TIMESTAMP}\" >= '{since}'").rows  # noqa: S608
    found: dict[tuple[str, ...], list[tuple[datetime, float]]] = defaultdict(list)
    for row in rows:
        *key, at, value = row
        one = tuple(str(part) for part in key)
        if one in wanted and at and value:
            found[one].append((datetime.fromisoformat(at), float(value)))
    return periods.regular(found, run.frequency, end, end)


def _plain(definition: Definition) -> Definition:
    return Definition.from_dict(definition.to_dict() | {"is_log": False})
