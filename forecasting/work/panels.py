"""From a job's data, imports of up to three data sets, to the panel that the engine takes.

It reads artefacts of imports and knows nothing of S3.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from forecasting.data import importing
from forecasting.data.schema import Schema
from forecasting.engine.aggregation import DEFAULT
from forecasting.engine.assembly import Layout, assemble
from forecasting.engine.filling import Filling
from forecasting.engine.panel import Panel
from forecasting.service.rules.domains import DOMAINS
from forecasting.work.configuration import Configuration
from lakehouse.errors import ContractError

END_OF_TIME = np.datetime64("9999-12-31T00:00:00", "s")
"""Beyond it a moment has no ISO text of four digits for the year."""

Json = Mapping[str, Any]


def schema(source: Json) -> Schema:
    """The columns of one of a job's data sets."""
    return Schema.of(source["dataset"]["Schema"], source["dataset"]["Domain"])


def rows(data: Json, role: str) -> tuple[pa.Table, Schema] | None:
    """The rows of `related` or `metadata`, and their columns; None where the group has none."""
    source = data.get(role)
    return (importing.table(Path(source["folder"])), schema(source)) if source else None


def panel(configuration: Configuration, data: Json, related_rows: pa.Table | None = None) -> Panel:
    """All series of a job.

    Args:
        configuration: Of the predictor.
        data: The job's `data`.
        related_rows: Rows to take in the place of the related series that were imported.

    Raises:
        ContractError: The data do not fit the forecast.
    """
    target = schema(data["target"])
    if related_rows is None and (found := rows(data, "related")):
        related_rows = found[0]
    metadata = data.get("metadata")
    layout = _layout(configuration, target, data["target"]["dataset"]["Domain"], related_rows)
    whole = assemble(
        layout,
        configuration.frequency,
        configuration.horizon,
        target=importing.table(Path(data["target"]["folder"]), [*layout.keys, layout.time, layout.target]),
        related=related_rows,
        metadata=importing.table(Path(metadata["folder"])) if metadata else None,
    )
    _check_end(whole, configuration.horizon)
    return whole


def _check_end(panel: Panel, horizon: int) -> None:
    last, end = panel.frequency.start(panel.first_period + panel.periods + np.array([-1, horizon]))
    if end > END_OF_TIME:
        raise ContractError(
            f"data to {str(last)[:10]} and a horizon of {horizon} periods",
            "a forecast that ends before the year 10000",
            "look for a wrong year among the timestamps",
        )


def _layout(configuration: Configuration, target: Schema, domain: str, related_rows: pa.Table | None) -> Layout:
    value = DOMAINS[domain].target
    parameters = configuration.attributes.get(value, {})
    fillings = {name: Filling.of_related(given) for name, given in configuration.attributes.items() if name != value}
    return Layout(
        item=target.item,
        time=str(target.timestamp),
        target=value,
        dimensions=configuration.dimensions,
        aggregation=parameters.get("aggregation", DEFAULT),
        filling=Filling.of_target({name: given for name, given in parameters.items() if name != "aggregation"}),
        related=fillings if related_rows is not None else {},
        countries=configuration.countries,
        cold_start=configuration.knows_metadata,
    )
