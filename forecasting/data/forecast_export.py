"""What CreateForecastExportJob writes: `item_id,[dimensions…],date,p10,…[,mean]`, a row per series and period."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecasting.data import artefact, parts
from forecasting.data.artefact import Artefact
from forecasting.data.parts import Export


def run(folder: Path, export: Export, *, client: Any) -> list[str]:
    """Export a forecast.

    Args:
        folder: Of its artefact.
        export: Where to.
        client: Of boto3, for S3.

    Returns:
        The paths of the parts; a forecast without series leaves one with a header.

    Raises:
        ContractError: The bucket is not there or may not be written.
        SourceError: S3 does not answer.
    """
    return parts.write(export, tables(artefact.read(folder)), client=client)


def tables(forecast: Artefact) -> Iterator[pa.Table]:
    """The rows of a forecast, in parts of whole series."""
    for first, last in blocks(len(forecast.keys), len(forecast.times)):
        keys, dates = series(forecast, first, last)
        yield pa.table(keys | dates | values(forecast.names, forecast.values[first:last]))


def blocks(count: int, horizon: int) -> Iterator[tuple[int, int]]:
    """The first and last row of keys for each part, of which there is always one."""
    step = max(1, parts.ROWS // horizon)
    for first in range(0, max(1, count), step):
        yield first, min(count, first + step)


def series(forecast: Artefact, first: int, last: int) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    """The columns of the key, and that of the date, for some series: series by series, period by period."""
    horizon = len(forecast.times)
    rows = pa.array(np.repeat(np.arange(first, last), horizon))
    keys = {name: forecast.keys[name].take(rows) for name in forecast.keys.column_names}
    dates = pa.array([f"{time}Z" for time in forecast.times]).take(pa.array(np.tile(np.arange(horizon), last - first)))
    return keys, {"date": dates}


def values(names: Sequence[str], block: NDArray[np.float64], prefix: str = "") -> dict[str, pa.Array]:
    """The columns of values for the same rows: quantiles from low to high, then the mean.

    Args:
        names: Of the forecast types `(k,)`.
        block: `(n, h, k)`
        prefix: Before every name.
    """
    order = sorted(enumerate(names), key=lambda one: (one[1] == "mean", len(one[1]), one[1]))
    return {f"{prefix}{name}": pa.array(np.ascontiguousarray(block[:, :, k]).ravel()) for k, name in order}
