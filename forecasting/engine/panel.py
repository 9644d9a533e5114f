"""The panel: all series of a forecast side by side in arrays, with what is known ahead of them and about them.

It holds what was imported, aggregated and filled; it forecasts nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecasting.engine.frequency import Frequency
from lakehouse.errors import ContractError


@dataclass(frozen=True)
class Panel:
    """n series over t periods.

    Args:
        keys: n rows of strings: the item's id, then the forecast dimensions.
        frequency: Of the periods.
        first_period: Number of the period of column 0.
        target: (n, t); NaN before a series' first observation and where filling left it so.
        known: By name, covariates that are known ahead, (n, t + h).
        past: By name, covariates that are known up to the end of the target only, (n, t).
        static: By name, what does not change with time, as a category's code, (n,); -1 is unknown.
        categories: By the same names, the categories that the codes are places in.
    """

    keys: pa.Table
    frequency: Frequency
    first_period: int
    target: NDArray[np.float64]
    known: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    past: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    static: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def series(self) -> int:
        """n, how many series there are."""
        return self.target.shape[0]

    @property
    def periods(self) -> int:
        """t, how many periods of history there are."""
        return self.target.shape[1]

    @property
    def end(self) -> int:
        """Number of the first period after the history: where a forecast begins."""
        return self.first_period + self.periods

    def until(self, periods: int, horizon: int) -> "Panel":
        """The panel as it was known after `periods` periods, with `horizon` periods of what was known ahead."""
        self.require_known(periods + horizon)
        return replace(
            self,
            target=self.target[:, :periods],
            known={name: values[:, : periods + horizon] for name, values in self.known.items()},
            past={name: values[:, :periods] for name, values in self.past.items()},
        )

    def rows(self, chosen: NDArray[np.int64] | slice) -> "Panel":
        """The same with some of the series only."""
        return replace(
            self,
            keys=self.keys[chosen] if isinstance(chosen, slice) else self.keys.take(pa.array(chosen)),
            target=self.target[chosen],
            known={name: values[chosen] for name, values in self.known.items()},
            past={name: values[chosen] for name, values in self.past.items()},
            static={name: codes[chosen] for name, codes in self.static.items()},
        )

    def starts(self, first: int, count: int) -> NDArray[np.datetime64]:
        """First moments of `count` periods from column `first` on, which may lie ahead."""
        return self.frequency.start(np.arange(first, first + count, dtype=np.int64) + self.first_period)

    def require_known(self, columns: int) -> None:
        """Refuse covariates that are said to be known ahead and do not reach so far.

        Raises:
            ContractError: One has fewer columns.
        """
        for name, values in self.known.items():
            if values.shape[1] < columns:
                raise ContractError(
                    f"the related series {name} ends {columns - values.shape[1]} periods before the horizon does",
                    "values up to the end of the horizon",
                    "import them, or give a futurefill",
                )
