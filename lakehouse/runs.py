"""A run of a forecast as its parts hand it on: what was made, where its exports lie, and what has become of them.

The pipeline writes a run's object when its exports are complete; the Spark driver, which alone writes tables, loads
it and says so with an object of its own. Both are created once and never changed: the same run is loaded once.
"""

import json
import re
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from lakehouse.errors import ContractError

RUNS = "ops/forecasts/runs/"
LOADED = "ops/forecasts/loaded/"
FILES = "forecasts/"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
RUN_ID = re.compile(r"[0-9a-z]{1,20}")


@dataclass(frozen=True)
class Run:
    """What a run has made.

    Args:
        forecast_name: Of the definition in forecasts.yaml: small letters, digits, _, at most 40.
        run_id: What it was made from, as a digest: a rerun with unchanged input has the same.
        source_table: The table that will tell what came, `gold.daily_sales`; "" where none does.
        item_column: Of the source, or of what was forecast; the export's first column holds its values.
        dimensions: Further columns of it that make a series, as the export names them.
        time_column: `sales_date` of a source; the export's `date`.
        target_column: `net_revenue`.
        frequency: As the API writes it: D, W, …
        quantiles: Forecast types in the export, `0.1`; columns are `p10`; `mean` besides where it was asked for.
        is_log: Whether the target was log(1 + x) on the way in, so that values are turned back when they are loaded.
        predictor: What made it, for people: `AutoPredictor`, `NPTS`.
        metrics: Of its backtest, by name; of windows that had no part in the choice of the predictor.
        made_at: When the forecast was made, UTC, ISO 8601 with a Z.
        exports: Prefix of the forecast's CSV files, a key of the bucket that ends with /.
        backtests: The same of the backtest's, with `forecasted-values/` in it; "" without a backtest.
        reported_from: First moment of the backtest windows that `metrics` are of, UTC, ISO 8601 with a Z; "" for all.
        is_optimistic: Whether the predictor was chosen among others on those very windows, for want of others.
    """

    forecast_name: str
    run_id: str
    source_table: str
    item_column: str
    dimensions: tuple[str, ...]
    time_column: str
    target_column: str
    frequency: str
    quantiles: tuple[str, ...]
    is_log: bool
    predictor: str
    metrics: dict[str, float]
    made_at: str
    exports: str
    backtests: str
    reported_from: str = ""
    is_optimistic: bool = False

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.forecast_name) or not RUN_ID.fullmatch(self.run_id):
            raise ContractError(
                f"a run {self.run_id!r} of a forecast {self.forecast_name!r}",
                f"names that match {NAME.pattern} and {RUN_ID.pattern}",
            )

    def to_json(self) -> str:
        """The text of its object."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Run":
        """Read what `to_json` wrote.

        Raises:
            ContractError: It is no run.
        """
        try:
            found: dict[str, Any] = json.loads(text)
            for field in fields(cls):
                if field.name in found or field.default is MISSING:  # a run of an earlier version lacks some
                    _check_type(field.name, field.type, found[field.name])
            lists = {name: tuple(found[name]) for name in ("dimensions", "quantiles")}
            return cls(**{**found, **lists})
        except (ValueError, TypeError, KeyError, RecursionError) as fault:
            raise ContractError(f"no run of a forecast: {text[:100]!r}", "the JSON of one", "run it again") from fault


def _check_type(name: str, kind: Any, value: Any) -> None:
    """Refuse a field of another type than that of the run.

    Raises:
        TypeError: It is of another.
    """
    is_right = {
        str: isinstance(value, str),
        bool: isinstance(value, bool),
        tuple[str, ...]: isinstance(value, list) and all(isinstance(one, str) for one in value),
        dict[str, float]: isinstance(value, dict),
    }
    if not is_right[kind]:
        raise TypeError(f"{name}: {value!r} is no {kind}")


@dataclass(frozen=True)
class Loaded:
    """What became of a run: the driver's answer to its object.

    Args:
        rows: By full name, rows that each table has of the run; empty if it was not loaded.
        fault: What was wrong with the run, one line; "" if nothing. Nothing of a run with a fault is in the tables.
        loaded_at: UTC, ISO 8601 with a Z.
    """

    rows: dict[str, int]
    fault: str
    loaded_at: str

    def to_json(self) -> str:
        """The text of its object."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Loaded":
        """Read what `to_json` wrote.

        Raises:
            ContractError: It is no such text.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as fault:
            raise ContractError(f"no answer to a run: {text[:100]!r}", "the JSON of one") from fault


def run_key(forecast_name: str, run_id: str) -> str:
    """Key of the object that a run writes when its exports are complete.

    Example:
        >>> run_key("revenue_by_country", "0a1b")
        'ops/forecasts/runs/revenue_by_country/0a1b.json'
    """
    return f"{RUNS}{forecast_name}/{run_id}.json"


def loaded_key(forecast_name: str, run_id: str) -> str:
    """Key of the object that the driver writes when it has loaded the run: rows by table, or what was wrong."""
    return f"{LOADED}{forecast_name}/{run_id}.json"


def files(forecast_name: str, run_id: str, kind: str) -> str:
    """Prefix of a run's files: `input`, `export` or `backtest`.

    Example:
        >>> files("revenue_by_country", "0a1b", "export")
        'forecasts/revenue_by_country/0a1b/export/'
    """
    return f"{FILES}{forecast_name}/{run_id}/{kind}/"
