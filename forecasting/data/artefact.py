"""A forecast as it lies in its folder: series.parquet, values.npy and forecast.json, sorted by key and read in place.

The same form for a forecast and a what-if forecast. Who answers a query or exports reads it, who forecasts writes it.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import parquet

from lakehouse.errors import ContractError

SERIES, VALUES, FORECAST = "series.parquet", "values.npy", "forecast.json"


@dataclass(frozen=True)
class Artefact:
    """A forecast.

    Args:
        keys: A row per series `(n)`: the item's column, then the dimensions; strings, sorted once they were written.
        times: The periods' first moments `(h,)`, as `2019-02-01T00:00:00`.
        types: The forecast types `(k,)` as they were asked for: `0.1`, `mean`.
        values: `(n, h, k)`, mapped from disk.
        created_at: Of the forecast.
    """

    keys: pa.Table
    times: tuple[str, ...]
    types: tuple[str, ...]
    values: NDArray[np.float64]
    created_at: str

    @property
    def item_column(self) -> str:
        return str(self.keys.column_names[0])

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(self.keys.column_names[1:])

    @property
    def names(self) -> tuple[str, ...]:
        """The types' names in answers and exports `(k,)`."""
        return tuple(map(name, self.types))


def name(forecast_type: str) -> str:
    """A forecast type as answers and exports name it.

    Example:
        >>> name("0.1"), name("0.50"), name(".05"), name("mean")
        ('p10', 'p50', 'p5', 'mean')
    """
    return forecast_type if forecast_type == "mean" else f"p{int(Decimal(forecast_type) * 100)}"


def moments(times: NDArray[np.datetime64]) -> tuple[str, ...]:
    """Times as an artefact has them.

    Example:
        >>> moments(np.array(["2019-02-01"], "datetime64[D]"))
        ('2019-02-01T00:00:00',)
    """
    return tuple(map(str, times.astype("datetime64[s]")))


def write(folder: Path, forecast: Artefact) -> None:
    """Write a forecast whose series have any order; forecast.json comes last, so that a folder that has it is whole.

    Raises:
        ContractError: A series comes twice, or a value is no finite number.
    """
    keys, values = forecast.keys, forecast.values
    if not np.isfinite(values).all():
        bad = int(np.argwhere(~np.isfinite(values))[0][0])
        raise ContractError(f"a forecast of {keys.slice(bad, 1).to_pylist()[0]} that is no finite number", "numbers")
    order = pc.sort_indices(keys, sort_keys=[(one, "ascending") for one in keys.column_names])
    keys = keys.take(order).combine_chunks()
    if len(keys) > 1 and (row := _twice(keys)) is not None:
        raise ContractError(f"two forecasts of {keys.slice(row, 1).to_pylist()[0]}", "one per series")
    drafts = {one: folder / f"{one}.tmp" for one in (SERIES, VALUES, FORECAST)}
    parquet.write_table(keys, drafts[SERIES])
    with drafts[VALUES].open("wb") as file:
        np.save(file, np.ascontiguousarray(values[order.to_numpy()], np.float64))
    body = {
        "item_column": keys.column_names[0],
        "dimensions": keys.column_names[1:],
        "types": forecast.types,
        "times": forecast.times,
        "created_at": forecast.created_at,
    }
    drafts[FORECAST].write_text(json.dumps(body), encoding="utf-8")
    for one, draft in drafts.items():
        draft.replace(folder / one)


def read(folder: Path) -> Artefact:
    """Open a forecast; the values stay on disk until they are asked for."""
    body = json.loads((folder / FORECAST).read_text(encoding="utf-8"))
    return Artefact(
        parquet.read_table(folder / SERIES).combine_chunks(),
        tuple(body["times"]),
        tuple(body["types"]),
        np.load(folder / VALUES, mmap_mode="r"),
        body["created_at"],
    )


def _twice(keys: pa.Table) -> int | None:
    same = np.ones(len(keys) - 1, np.bool_)
    for column in keys.columns:
        same &= pc.equal(column.slice(1), column.slice(0, len(keys) - 1)).to_numpy()
    return int(same.argmax()) if same.any() else None
