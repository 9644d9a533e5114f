"""Verify's part for forecasts: gold.sales_forecast and gold.forecast_backtest beside the export files of their runs."""

from collections.abc import Callable, Iterator
from itertools import islice

import pyarrow.dataset as ds

from lakehouse import runs
from lakehouse.runs import Loaded, Run
from lakehouse.tables import GOLD_FORECAST_BACKTEST, GOLD_SALES_FORECAST, Table
from spark_jobs import exports, recompute_forecasts
from spark_jobs.recompute_forecasts import Key, Values
from spark_jobs.storage import Bucket

MOST_PER_RUN = 3  # differences that are told of a run and table
Read = Callable[[Run, list[bytes]], dict[Key, Values]]


def differences(bucket: Bucket, rows: Callable[[Table], ds.Dataset]) -> Iterator[str]:
    """What differs, one line each; runs whose files are gone are passed over.

    Args:
        bucket: Where runs and files lie.
        rows: A table's rows.
    """
    for run in _loaded(bucket):
        yield from _of_run(bucket, run, run.exports, recompute_forecasts.forecasts, GOLD_SALES_FORECAST, rows)
        if run.backtests:
            prefix = run.backtests + exports.VALUES
            yield from _of_run(bucket, run, prefix, recompute_forecasts.backtests, GOLD_FORECAST_BACKTEST, rows)


def _loaded(bucket: Bucket) -> Iterator[Run]:
    for entry in list(bucket.entries(runs.LOADED)):
        text = bucket.get(runs.RUNS + entry.key.removeprefix(runs.LOADED))
        if text is not None and not Loaded.from_json(bucket.present(entry.key).decode()).fault:
            yield Run.from_json(text.decode())


def _of_run(
    bucket: Bucket, run: Run, prefix: str, read: Read, table: Table, rows: Callable[[Table], ds.Dataset]
) -> Iterator[str]:
    files = [bucket.get(file.key) for file in bucket.entries(prefix) if file.key.endswith(".csv")]
    if files:
        own = (ds.field("forecast_name") == run.forecast_name) & (ds.field("run_id") == run.run_id)
        expected = read(run, [body for body in files if body is not None])
        stored = rows(table).to_table(filter=own).to_pylist()
        yield from islice(recompute_forecasts.differences(run, expected, stored, table.full_name), MOST_PER_RUN)
