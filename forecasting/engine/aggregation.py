"""From rows to a grid: the values of one series that lie in one period become one.

Nothing is filled here: a cell without a value is NaN.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

METHODS = ("sum", "avg", "first", "min", "max")
DEFAULT = "sum"


def aggregate(
    series: NDArray[np.int64],
    periods: NDArray[np.int64],
    values: NDArray[np.float64],
    *,
    shape: tuple[int, int],
    method: str = DEFAULT,
) -> NDArray[np.float64]:
    """Put rows in a grid.

    Args:
        series: The row of the grid of each value, (rows,).
        periods: Its column. Rows must come in the order of their times where `method` is "first".
        values: Missing ones, NaN, count as if the row were not there.
        shape: Of the grid.
        method: One of METHODS.

    Returns:
        The grid, NaN where there is no row.

    Raises:
        ValueError: There is no such method.

    Example:
        >>> aggregate(np.array([0, 0, 1]), np.array([0, 0, 1]), np.array([2.0, 4.0, 5.0]), shape=(2, 2), method="avg")
        array([[ 3., nan],
               [nan,  5.]])
    """
    if method not in METHODS:
        raise ValueError(f"Invalid aggregation '{method}': valid values are {', '.join(METHODS)}")
    there = ~np.isnan(values)
    cells, found = (series * shape[1] + periods)[there], values[there]
    grid = np.full(shape[0] * shape[1], np.nan)
    if method in ("sum", "avg"):
        counts = np.bincount(cells, minlength=grid.size)
        filled = counts > 0
        grid[filled] = np.bincount(cells, weights=found, minlength=grid.size)[filled]
        if method == "avg":
            grid[filled] /= counts[filled]
    elif found.size:
        order = np.argsort(cells, kind="stable")
        cells, found = cells[order], found[order]
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        reduced = {"min": np.minimum, "max": np.maximum}
        grid[cells[starts]] = found[starts] if method == "first" else reduced[method].reduceat(found, starts)
    return grid.reshape(shape)


def codes(columns: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the different combinations of several coded columns.

    Args:
        columns: Non-negative codes, each (rows,); at least one column.

    Returns:
        For each row the number of its combination, in the order of the codes; for each combination a row that has it.
    """
    combined = columns[0]
    for column in columns[1:]:  # numbered anew each time, so that the product stays below 2**63
        _, combined = np.unique(combined, return_inverse=True)
        combined = combined * (int(column.max(initial=0)) + 1) + column
    _, first, number = np.unique(combined, return_index=True, return_inverse=True)
    return number.astype(np.int64), first.astype(np.int64)
