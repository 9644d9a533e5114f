"""What CreatePredictorBacktestExportJob writes: two folders, of forecasted values and of accuracy metrics."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from forecasting.data import backtest, parts
from forecasting.data.parts import Export

VALUES, METRICS = "forecasted-values/", "accuracy-metrics-values/"
NOT_DEFINED = "not defined"
"""What the service writes, in CSV, for the metrics of a window in which an item has no observation."""


def run(folder: Path, export: Export, *, client: Any) -> list[str]:
    """Export a predictor's backtests.

    Args:
        folder: Of the predictor.
        export: Where to; the two folders lie below.
        client: Of boto3, for S3.

    Returns:
        The paths of the parts.

    Raises:
        ContractError: The bucket is not there or may not be written.
        SourceError: S3 does not answer.
    """
    values, metrics = folder / backtest.BACKTEST, folder / backtest.ACCURACY
    return [
        *parts.write(export, _tables(values), client=client, folder=VALUES),
        *parts.write(export, _tables(metrics), client=client, folder=METRICS, missing=NOT_DEFINED),
    ]


def _tables(path: Path) -> Iterator[pa.Table]:
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(parts.ROWS):
            yield pa.Table.from_batches([batch])
