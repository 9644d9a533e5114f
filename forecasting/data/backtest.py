"""A predictor's backtests as they lie in its folder: backtest.parquet and accuracy.parquet, with the exports' columns.

The metrics themselves are the engine's; here they are laid out, and an item's summary is made from its windows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from forecasting.data.artefact import moments, name

Array = NDArray[np.float64]

BACKTEST, ACCURACY = "backtest.parquet", "accuracy.parquet"
COMPUTED, SUMMARY = "Computed", "Summary"


@dataclass(frozen=True)
class Window:
    """One window of a backtest.

    Args:
        times: The periods' first moments `(h,)`.
        actual: What came `(n, h)`; NaN where nothing was observed.
        mean: Forecast `(n, h)`.
        quantiles: Forecast `(n, h, q)`, of the backtest's quantiles.
        usable: Which values count for the metrics `(n, h)`.
    """

    times: NDArray[np.datetime64]
    actual: Array
    mean: Array
    quantiles: Array
    usable: NDArray[np.bool_]


@dataclass(frozen=True)
class Backtest:
    """All windows of a predictor.

    Args:
        keys: A row per series `(n)`: the item's column, then the dimensions; strings.
        quantiles: Of every window's third axis `(q,)`, as forecast types: `0.1`.
        with_mean: Whether the mean is one of the predictor's forecast types.
        windows: In the order of time.
    """

    keys: pa.Table
    quantiles: Sequence[str]
    with_mean: bool
    windows: Sequence[Window]


class ItemMetrics(Protocol):
    """The metrics of every series in one window, by the names of `columns`: `(n,)`, NaN where not defined."""

    def __call__(self, window: Window) -> Mapping[str, Array]: ...


def columns(quantiles: Sequence[str]) -> list[str]:
    """The metrics' columns, in the order of the export.

    Example:
        >>> columns(["0.65", "0.90"])
        ['wQL[0.65]', 'wQL[0.9]', 'Average wQL', 'RMSE', 'WAPE', 'MAPE', 'MASE']
    """
    return [*(f"wQL[{float(one)!r}]" for one in quantiles), "Average wQL", "RMSE", "WAPE", "MAPE", "MASE"]


def write(folder: Path, backtest: Backtest, metrics: ItemMetrics) -> None:
    """Write both tables, each of them whole or not at all.

    Args:
        folder: Of the predictor.
        backtest: Its windows.
        metrics: The engine's, at the level of items.
    """
    for file, tables in ((BACKTEST, _values(backtest)), (ACCURACY, _accuracies(backtest, metrics))):
        draft = folder / f"{file}.tmp"
        writer = None
        for table in tables:
            writer = writer or parquet.ParquetWriter(draft, table.schema)
            writer.write_table(table)
        if writer:
            writer.close()
            draft.replace(folder / file)


def summary(windows: Sequence[Array]) -> Array:
    """An item's summary of a metric: the plain mean of the windows in which it is defined.

    Args:
        windows: A metric of every series `(n,)`, per window.

    Returns:
        `(n,)`, NaN where no window has it.

    Source: the rule by which 467 items of a real export come out (tests/data/aws_forecast_samples).
    """
    every = np.stack(windows)
    known = ~np.isnan(every)
    count = known.sum(axis=0)
    total = np.where(known, every, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def _values(backtest: Backtest) -> Iterator[pa.Table]:
    names = ["mean"] * backtest.with_mean + [name(one) for one in backtest.quantiles]
    for window in backtest.windows:
        count, horizon = window.actual.shape
        forecasts = ([window.mean] if backtest.with_mean else []) + list(np.moveaxis(window.quantiles, 2, 0))
        yield pa.table(
            _repeated(backtest.keys, horizon)
            | {
                "timestamp": pa.array(moments(window.times)).take(pa.array(np.tile(np.arange(horizon), count))),
                "target_value": _floats(window.actual.ravel()),
            }
            | _span(window, window, count * horizon)
            | {one: _floats(np.ascontiguousarray(values).ravel()) for one, values in zip(names, forecasts, strict=True)}
        )


def _accuracies(backtest: Backtest, metrics: ItemMetrics) -> Iterator[pa.Table]:
    names = columns(backtest.quantiles)
    every = [metrics(window) for window in backtest.windows]
    for window, found in zip(backtest.windows, every, strict=True):
        yield _accuracy(backtest.keys, COMPUTED, (window, window), {one: found[one] for one in names})
    ends = backtest.windows[0], backtest.windows[-1]
    yield _accuracy(backtest.keys, SUMMARY, ends, {one: summary([found[one] for found in every]) for one in names})


def _accuracy(keys: pa.Table, kind: str, ends: tuple[Window, Window], metrics: Mapping[str, Array]) -> pa.Table:
    return pa.table(
        _repeated(keys, 1)
        | {"backtest_window": _same(kind, len(keys))}
        | _span(*ends, len(keys))
        | {one: _floats(values) for one, values in metrics.items()}
    )


def _repeated(keys: pa.Table, times: int) -> dict[str, pa.Array]:
    rows = pa.array(np.repeat(np.arange(len(keys)), times))
    return {one: keys[one].take(rows) for one in keys.column_names}


def _span(first: Window, last: Window, count: int) -> dict[str, pa.Array]:
    """Both ends are first moments of periods: a real window of a day in hours ends at T23:00:00."""
    return {
        "backtestwindow_start_time": _same(moments(first.times)[0], count),
        "backtestwindow_end_time": _same(moments(last.times)[-1], count),
    }


def _same(text: str, count: int) -> pa.Array:
    return pa.array([text]).take(pa.array(np.zeros(count, np.int64)))


def _floats(values: Array) -> pa.Array:
    """NaN becomes null: in the files it is nothing, or `not defined`."""
    return pa.array(values, from_pandas=True)
