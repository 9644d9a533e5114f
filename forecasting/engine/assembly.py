"""From imported rows to a panel: who the series are, the grid of the target, covariates and categories.

The rows are long: one for each series and moment, with key columns of strings, a time and values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecasting.engine import holiday
from forecasting.engine.aggregation import DEFAULT, aggregate, codes
from forecasting.engine.filling import Fill, Filling, fill
from forecasting.engine.frequency import Frequency
from forecasting.engine.panel import Panel
from lakehouse.errors import ContractError

MOST_CELLS = 500_000_000  # of a grid: 4 GB, 680,000 series of two years of days
GREATEST = 1e30  # target; trees learn from numbers of four bytes
UNKNOWN = -1
ZERO = Filling(Fill("zero"), Fill("zero"))

Codes = NDArray[np.int64]
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Layout:
    """Which columns mean what, and how they become a grid.

    Args:
        item: The column of the item's id.
        time: Of the moments, in the target and in related rows.
        target: Of the value to forecast.
        dimensions: Columns that make a series together with the item; what the target has beside them is added up.
        aggregation: How values of one period become one, see `aggregation.METHODS`.
        filling: Of the target.
        related: By attribute, the filling of related series; none where an attribute is not named.
        countries: Whose holidays are covariates, see `holiday.CODES`.
        cold_start: Whether items that metadata alone know become series without a history.
    """

    item: str
    time: str
    target: str
    dimensions: tuple[str, ...] = ()
    aggregation: str = DEFAULT
    filling: Filling = ZERO
    related: Mapping[str, Filling] = field(default_factory=dict)
    countries: tuple[str, ...] = ()
    cold_start: bool = True

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that make a series."""
        return (self.item, *self.dimensions)


def assemble(
    layout: Layout,
    frequency: Frequency,
    horizon: int,
    *,
    target: pa.Table,
    related: pa.Table | None = None,
    metadata: pa.Table | None = None,
) -> Panel:
    """Make a panel of rows.

    Args:
        layout: The columns.
        frequency: Of the forecast; finer rows are aggregated.
        horizon: Periods to forecast.
        target: Columns of the keys, the time and the value.
        related: Columns of the item, some dimensions, the time and numbers. An attribute with a value inside the
            horizon is known ahead, and must then be there up to the end of it for every series that has any.
        metadata: Columns of the item and of strings about it.

    Returns:
        Series in the order of their keys; those without a history come last.

    Raises:
        ContractError: There are no rows, too many periods, or a related series ends within the horizon.
    """
    if not target.num_rows:
        raise ContractError("the target time series has no rows", "at least one")
    numbers, keys = _series(target, layout.keys)
    order = np.argsort(_moments(target, layout.time), kind="stable")
    periods = frequency.period(_moments(target, layout.time))
    first, count = int(periods.min()), int(periods.max() - periods.min()) + 1
    _require_size(keys.num_rows, count + horizon, frequency)
    values = _floats(target, layout.target)
    shape = (keys.num_rows, count)
    grid = aggregate(numbers[order], periods[order] - first, values[order], shape=shape, method=layout.aggregation)
    _require_finite(grid, keys)
    grid = fill(grid, layout.filling, end=count)
    if metadata is not None and layout.cold_start:
        newcomers = _newcomers(layout, keys, metadata, related)
        keys = pa.concat_tables([keys, newcomers])
        grid = np.concatenate([grid, np.full((newcomers.num_rows, count), np.nan)])
    known, past = _covariates(layout, frequency, keys, related, (first, count, horizon))
    for name, days in holiday.covariates(frequency, layout.countries, first, count + horizon).items():
        known[name] = np.broadcast_to(days, (keys.num_rows, count + horizon))
    static, categories = _statics(layout, keys, metadata)
    return Panel(keys, frequency, first, grid, known, past, static, categories)


def _series(table: pa.Table, names: Sequence[str]) -> tuple[Codes, pa.Table]:
    """Of each row the number of its series, and the keys of the series in their order."""
    columns, texts = [], []
    for name in names:
        encoded = pc.fill_null(table[name].cast(pa.string()), "").combine_chunks().dictionary_encode()
        order = pc.sort_indices(encoded.dictionary).to_numpy()
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        columns.append(place[encoded.indices.to_numpy(zero_copy_only=False)])
        texts.append(encoded.dictionary.take(pa.array(order)))
    numbers, first = codes(columns)
    found = {name: text.take(pa.array(column[first])) for name, text, column in zip(names, texts, columns, strict=True)}
    return numbers, pa.table(found, schema=pa.schema([(name, pa.string()) for name in names]))


def _moments(table: pa.Table, name: str) -> NDArray[np.datetime64]:
    return table[name].cast(pa.timestamp("s"), safe=False).to_numpy().astype("datetime64[s]")


def _floats(table: pa.Table, name: str) -> NDArray[np.float64]:
    return table[name].cast(pa.float64()).to_numpy()


def _require_size(series: int, columns: int, frequency: Frequency) -> None:
    if series * columns > MOST_CELLS:
        raise ContractError(
            f"{series:,} series over {columns:,} periods of {frequency.text}",
            f"at most {MOST_CELLS:,} values in all",
            "look for a wrong year among the timestamps, or forecast at a coarser frequency",
        )


def _require_finite(grid: NDArray[np.float64], keys: pa.Table) -> None:
    excessive = (np.abs(grid) > GREATEST).any(axis=1)  # NaN is not greater
    if excessive.any():
        item = keys[0][int(excessive.argmax())].as_py()
        raise ContractError(
            f"the target of {item}, or its sum over a period, is infinite or beyond {GREATEST:g}",
            "smaller numbers",
        )


def _newcomers(layout: Layout, keys: pa.Table, metadata: pa.Table, related: pa.Table | None) -> pa.Table:
    """Keys of the items that metadata alone know, with the dimensions they have in related rows, else with all."""
    known = keys[layout.item].combine_chunks()
    _, items = _series(metadata, [layout.item])
    fresh = items.filter(pc.invert(pc.is_in(items[layout.item], known)))
    if not layout.dimensions or not fresh.num_rows:
        return fresh if not layout.dimensions else keys.slice(0, 0)
    if related is not None and set(layout.dimensions) <= set(related.column_names):
        _, found = _series(related, layout.keys)
        return found.filter(pc.is_in(found[layout.item], fresh[layout.item].combine_chunks()))
    _, others = _series(keys, layout.dimensions)
    left = fresh.take(pa.array(np.repeat(np.arange(fresh.num_rows), others.num_rows)))
    right = others.take(pa.array(np.tile(np.arange(others.num_rows), fresh.num_rows)))
    return pa.table([*left.columns, *right.columns], names=list(layout.keys))


def _covariates(
    layout: Layout, frequency: Frequency, keys: pa.Table, related: pa.Table | None, span: tuple[int, int, int]
) -> tuple[dict[str, Values], dict[str, Values]]:
    """What is known ahead and what is not; `span` is the first period, the target's periods and the horizon."""
    known: dict[str, Values] = {}
    past: dict[str, Values] = {}
    if related is None or not related.num_rows:
        return known, past
    first, count, horizon = span
    shared = [name for name in layout.keys if name in related.column_names]
    texts = [
        table.select(shared).cast(pa.schema([(name, pa.string()) for name in shared])) for table in (keys, related)
    ]
    numbers, _ = _series(pa.concat_tables(texts), shared)
    wanted, of_series = np.unique(numbers[: keys.num_rows], return_inverse=True)
    columns = frequency.period(_moments(related, layout.time)) - first
    rows = np.minimum(np.searchsorted(wanted, numbers[keys.num_rows :]), len(wanted) - 1)
    inside = (wanted[rows] == numbers[keys.num_rows :]) & (columns >= 0) & (columns < count + horizon)
    for name in related.column_names:
        if name in (*layout.keys, layout.time) or not _is_number(related.schema.field(name).type):
            continue
        values = _floats(related, name)[inside]
        shape = (len(wanted), count + horizon)
        grid = aggregate(rows[inside], columns[inside], values, shape=shape, method="avg")
        grid = fill(grid, layout.related.get(name, Filling()), end=count)
        if np.isnan(grid[:, count:]).all():
            past[name] = _single(grid[of_series, :count])
            continue
        short = np.asarray(np.isnan(grid[:, count:]).any(axis=1) & ~np.isnan(grid).all(axis=1))
        if short[of_series].any():
            _refuse_short(name, keys, int(short[of_series].argmax()))
        known[name] = _single(grid[of_series])
    return known, past


def _refuse_short(name: str, keys: pa.Table, series: int) -> None:
    who = ", ".join(f"{key}={keys[key][series].as_py()}" for key in keys.column_names)
    raise ContractError(
        f"the related series {name} of {who} has no value for some period inside the forecast horizon",
        "a value for each period up to the end of the horizon, as there is one for some",
        "import the missing rows, or give a futurefill",
    )


def _single(grid: NDArray[np.float64]) -> Values:
    greatest = np.finfo(np.float32).max
    return np.clip(grid, -greatest, greatest).astype(np.float32)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _statics(
    layout: Layout, keys: pa.Table, metadata: pa.Table | None
) -> tuple[dict[str, NDArray[np.int32]], dict[str, tuple[str, ...]]]:
    """The forecast dimensions and the metadata as codes of categories."""
    columns = {name: keys[name].combine_chunks() for name in layout.dimensions}
    if metadata is not None and metadata.num_rows:
        place = pc.index_in(
            keys[layout.item].combine_chunks(), metadata[layout.item].cast(pa.string()).combine_chunks()
        )
        for name in metadata.column_names:
            if name not in layout.keys:
                columns[name] = metadata[name].cast(pa.string()).combine_chunks().take(place)
    codes_by_name, categories = {}, {}
    for name, texts in columns.items():
        categories[name] = tuple(sorted(text for text in pc.unique(texts).to_pylist() if text))
        found = pc.index_in(texts, pa.array(categories[name], pa.string()))
        codes_by_name[name] = pc.fill_null(found, UNKNOWN).to_numpy().astype(np.int32)
    return codes_by_name, categories
