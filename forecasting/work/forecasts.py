"""The jobs that forecast: forecasts, what-if analyses and what-if forecasts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from forecasting.data import artefact, replacements, selector, transformations
from forecasting.engine.panel import Panel
from forecasting.engine.predictor import Trained
from forecasting.service.job import Job, Result
from forecasting.work import aws, panels
from forecasting.work.configuration import MEAN, Configuration, quantiles
from lakehouse.errors import ContractError

CHOSEN = "chosen.parquet"  # of an analysis: the keys of the series it is about


def forecast(job: Job) -> Result:
    """Forecast the newest data with a predictor that was trained before."""
    predictor = job.inputs["predictor"]
    panel = panels.panel(Configuration.of(predictor["body"]), job.inputs["data"])
    if "TimeSeriesSelector" in job.request:
        panel = _chosen(panel, _selected(job, tuple(panel.keys.column_names)))
    return _forecast(job, Path(predictor["folder"]), panel, job.request["ForecastTypes"])


def analysis(job: Job) -> Result:
    """Note which series of its forecast an analysis is about; the file that names them may be gone later."""
    if "TimeSeriesSelector" in job.request:
        keys = artefact.read(Path(job.inputs["forecast"]["folder"])).keys
        wanted = _selected(job, tuple(keys.column_names))
        found = keys.take(pa.array(np.flatnonzero(selector.chosen(keys, wanted))))
        parquet.write_table(found, job.folder / CHOSEN)
    return Result()


def what_if(job: Job) -> Result:
    """Forecast what the baseline forecast would be if its related series were others."""
    inputs = job.inputs
    found = panels.rows(inputs["data"], "related")
    if found is None:
        raise ContractError(
            "a what-if forecast of a dataset group without related time series",
            "a RELATED_TIME_SERIES dataset with an import",
            "import one, train a predictor and forecast with it",
        )
    rows, schema = found
    if "TimeSeriesTransformations" in job.request:
        metadata = panels.rows(inputs["data"], "metadata")
        rows = transformations.apply(rows, schema, job.request["TimeSeriesTransformations"], metadata)
    if "TimeSeriesReplacementsDataSource" in job.request:
        source = job.request["TimeSeriesReplacementsDataSource"]
        rows = replacements.apply(rows, schema, replacements.read(source, schema, client=aws.s3(), scratch=job.folder))
    panel = panels.panel(Configuration.of(inputs["predictor"]["body"]), inputs["data"], rows)
    panel = _chosen(panel, artefact.read(Path(inputs["forecast"]["folder"])).keys)
    chosen = Path(inputs["analysis"]["folder"]) / CHOSEN
    if chosen.exists():
        panel = _chosen(panel, parquet.read_table(chosen))
    types = inputs["forecast"]["body"]["ForecastTypes"]
    return _forecast(job, Path(inputs["predictor"]["folder"]), panel, types)


def _selected(job: Job, keys: tuple[str, ...]) -> pa.Table:
    return selector.read(job.request["TimeSeriesSelector"], keys, client=aws.s3(), scratch=job.folder)


def _chosen(panel: Panel, wanted: pa.Table) -> Panel:
    return panel.rows(np.flatnonzero(selector.chosen(panel.keys, wanted)))


def _forecast(job: Job, predictor: Path, panel: Panel, types: Sequence[str]) -> Result:
    found = Trained.load(predictor).forecast(panel, quantiles(list(types)), job.report)
    horizon = found.mean.shape[1]
    values = np.empty((*found.mean.shape, len(types)))
    values[..., [one != MEAN for one in types]] = found.quantiles
    values[..., [one == MEAN for one in types]] = found.mean[..., None]
    starts = panel.frequency.start(found.start_period + np.arange(horizon, dtype=np.int64))
    made_at = datetime.fromtimestamp(job.created_at, UTC).isoformat(timespec="seconds")
    artefact.write(job.folder, artefact.Artefact(panel.keys, artefact.moments(starts), tuple(types), values, made_at))
    return Result(metrics={"TimeSeriesForecastsGenerated": float(panel.series)})
