"""What CreateWhatIfForecastExport writes: `date,item_id,[dimensions…],Baseline_p50,<what-if forecast>_p50…`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecasting.data import artefact, forecast_export, parts
from forecasting.data.artefact import Artefact
from forecasting.data.parts import Export
from lakehouse.errors import ContractError


def run(baseline: Path, forecasts: Mapping[str, Path], export: Export, *, client: Any) -> list[str]:
    """Export what-if forecasts beside the forecast that they vary.

    Args:
        baseline: Folder of the forecast's artefact.
        forecasts: Folders of the what-if forecasts' artefacts, by their names.
        export: Where to.
        client: Of boto3, for S3.

    Returns:
        The paths of the parts.

    Raises:
        ContractError: They are not of one analysis, or the bucket is not there or may not be written.
        SourceError: S3 does not answer.
    """
    opened = {name: artefact.read(folder) for name, folder in forecasts.items()}
    return parts.write(export, tables(artefact.read(baseline), opened), client=client)


def tables(baseline: Artefact, forecasts: Mapping[str, Artefact]) -> Iterator[pa.Table]:
    """The rows, in parts of whole series: those of the what-if forecasts, which may be fewer than the baseline's."""
    one = next(iter(forecasts.values()))
    for name, other in forecasts.items():
        if not other.keys.equals(one.keys) or other.times != baseline.times:
            raise ContractError(
                f"the what-if forecast {name} with other series or times", "those of one analysis", "export them apart"
            )
    rows = _rows(baseline.keys, one.keys)
    for first, last in forecast_export.blocks(len(one.keys), len(baseline.times)):
        keys, dates = forecast_export.series(one, first, last)
        columns = dates | keys | forecast_export.values(baseline.names, baseline.values[rows[first:last]], "Baseline_")
        for name, forecast in forecasts.items():
            columns |= forecast_export.values(forecast.names, forecast.values[first:last], f"{name}_")
        yield pa.table(columns)


def _rows(every: pa.Table, some: pa.Table) -> NDArray[np.int64]:
    """Where the rows of one table of keys lie in another, both sorted."""
    if every.equals(some):
        return np.arange(len(every))
    places = {key: row for row, key in enumerate(zip(*(column.to_pylist() for column in every.columns), strict=True))}
    found = [places.get(key, -1) for key in zip(*(column.to_pylist() for column in some.columns), strict=True)]
    if -1 in found:
        raise ContractError(
            f"a what-if forecast of {some.slice(found.index(-1), 1).to_pylist()[0]}", "series of its forecast", ""
        )
    return np.array(found, np.int64)
