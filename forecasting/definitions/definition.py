"""A definition of a forecast: what is forecast, from what, how, and how long it is kept.

Owns the types and their way to JSON and back, for functions that have no YAML reader; reading.py checks values.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lakehouse.tables import FORECAST_SOURCES, SALES_DATE

AUTO = "auto"


def least_windows(predictors: int) -> int:
    """How many backtest windows each of so many predictors has at least: of several, the older ones choose one."""
    return 2 if predictors > 1 else 1


@dataclass(frozen=True)
class Predictor:
    """A predictor to try.

    Args:
        algorithm: `auto` for an AutoPredictor, else an algorithm of the API: NPTS, ETS, …
        parameters: Training parameters of the algorithm, as the API takes them.
        windows: Backtest windows, `least_windows` to 5; an AutoPredictor has its own number.
    """

    algorithm: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    windows: int = 1


@dataclass(frozen=True)
class Series:
    """Columns beside the target: related series, or metadata of items where `time` is "".

    Args:
        table: Layer and name.
        query: A SELECT over it that has these columns; "" for the table itself.
        item: The column that holds the items.
        time: The column that holds the moment.
        columns: What is taken.
    """

    table: str
    query: str
    item: str
    time: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Definition:
    """One forecast.

    Args:
        name: Small letters, digits and _, at most 40.
        table: Layer and name of the table that holds what is forecast, and later what really happened, see `source`.
        query: A SELECT that has the columns below; "" for the table itself.
        item: Column of the items.
        dimensions: Further columns that make a series.
        time: Column of the moment.
        target: Column of what is forecast.
        frequency: As the API writes it: D, W, M, …
        horizon: Periods to forecast.
        quantiles: `0.01` to `0.99`, or `mean`.
        predictors: To try; the best by `metric` serves.
        top: Only so many items, those with the most of `top_by`; 0 for all.
        top_by: A column.
        top_days: Only items with rows of so many moments at least: a single large order makes no best seller.
        related: Related series, or None.
        metadata: Of items, or None.
        holidays: Code of a country, or "".
        filling: Per edge: aggregation, frontfill, middlefill, backfill, futurefill.
        is_log: Whether log(1 + x) of the target is forecast.
        metric: By which predictors are compared.
        keep_runs: Runs whose resources are kept.
        keep_days: Age at which a run's resources go; 0 for no limit.
        schedule: `rate(…)` or `cron(…)`, or "".
        retrain_days: How long a predictor serves before another is trained; 0 trains with every run.
        needs_approval: Whether a person has to agree before a new predictor serves.
    """

    name: str
    table: str
    query: str
    item: str
    dimensions: tuple[str, ...]
    time: str
    target: str
    frequency: str
    horizon: int
    quantiles: tuple[str, ...]
    predictors: tuple[Predictor, ...]
    top: int = 0
    top_by: str = ""
    top_days: int = 1
    related: Series | None = None
    metadata: Series | None = None
    holidays: str = ""
    filling: Mapping[str, str] = field(default_factory=dict)
    is_log: bool = False
    metric: str = "WAPE"
    keep_runs: int = 2
    keep_days: int = 0
    schedule: str = ""
    retrain_days: int = 0
    needs_approval: bool = False

    @property
    def source(self) -> str:
        """The table whose rows will tell what came of the forecast; "" where none will.

        A query may leave out or change what its table has, and an average or a maximum is no sum.
        """
        sources = [table.full_name for table in FORECAST_SOURCES]
        is_sum = self.filling.get("aggregation", "sum") == "sum"
        is_held = self.table in sources and not self.query and self.time == SALES_DATE and is_sum
        return self.table if is_held else ""

    @property
    def least_horizons(self) -> int:
        """How many horizons a history has at least, as Amazon Forecast asks: three, four of an AutoPredictor."""
        return 4 if any(one.algorithm == AUTO for one in self.predictors) else 3

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table whose rows decide a run's result."""
        found = [self.table, *(series.table for series in (self.related, self.metadata) if series)]
        return tuple(dict.fromkeys(found))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Definition":
        """Take back what `to_dict` gave."""
        found = dict(given)
        for name in ("related", "metadata"):
            if found[name] is not None:
                found[name] = Series(**{**found[name], "columns": tuple(found[name]["columns"])})
        found["predictors"] = tuple(Predictor(**one) for one in found["predictors"])
        lists = {name: tuple(found[name]) for name in ("dimensions", "quantiles")}
        return cls(**{**found, **lists})
