"""What the driver has been doing of late: lags, rows, batches, tables and what waits, as it tells those who watch.

Part of the progress object: written by the driver, read by `status` and `top`; a report that may be lost without harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WINDOW_SECONDS = 300
WHOLE = ""  # in place of a partition: all of them


@dataclass(frozen=True)
class Lag:
    """Lags from the source to a layer over the window.

    Args:
        rows: Applied changes that were counted.
        p50: What half of them do not exceed [s]; None without any.
        p95: What 95 % of them do not exceed [s].
        max: The greatest [s].
        ahead: Changes made after they landed in bronze, by the source's clock; in no figure above.
        history: Changes a day old when they landed; in no figure above.
    """

    rows: int = 0
    p50: float | None = None
    p95: float | None = None
    max: float | None = None
    ahead: int = 0
    history: int = 0


@dataclass(frozen=True)
class Count:
    """What came through since the driver started: rows by outcome, offsets skipped and offsets read twice."""

    outcomes: dict[str, int] = field(default_factory=dict)
    gaps: int = 0
    overlaps: int = 0


@dataclass(frozen=True)
class Files:
    """The files of a table: how many, of how many bytes, and how many of them are small."""

    version: int
    files: int
    bytes: int
    small: int


@dataclass(frozen=True)
class Batch:
    """A finished batch: its rows, objects, seconds by step and the time its gold was committed."""

    id: int
    rows: int
    objects: int
    seconds: dict[str, float]
    committed_at: float


@dataclass(frozen=True)
class Forecast:
    """The runs of a forecast that the driver has met.

    Args:
        loaded: Runs loaded since the driver started.
        refused: Runs refused since then.
        newest_at: When the newest forecast that is in gold was made, seconds since 1970; 0 for none.
        fault: What was wrong with the last run that was refused; empty for none.
    """

    loaded: int = 0
    refused: int = 0
    newest_at: float = 0.0
    fault: str = ""


@dataclass(frozen=True)
class Activity:
    """What the driver has been doing.

    Args:
        started_at: When the driver started, seconds since 1970 like every `_at`.
        rows_per_second: Rows read in the window, by the time the window has lasted.
        bytes_per_second: Compressed bytes of bronze, likewise.
        lags: By partition (text; "" for all of them), then layer: over the window.
        lags_since_start: By layer: since the driver started.
        counts: By partition.
        tables: By full name, as they were at `tables_at`.
        tables_at: When the tables' files were counted; 0 for never.
        batches: The last ones, newest last.
        maintained: The last piece of maintenance; empty for none.
        maintained_at: When that was.
        resident_bytes: Memory of the driver, Python and JVM.
        forecasts: By name of the forecast.
        waiting_runs: Runs of forecasts that are complete and not in gold yet.
    """

    started_at: float = 0.0
    rows_per_second: float = 0.0
    bytes_per_second: float = 0.0
    lags: dict[str, dict[str, Lag]] = field(default_factory=dict)
    lags_since_start: dict[str, Lag] = field(default_factory=dict)
    counts: dict[str, Count] = field(default_factory=dict)
    tables: dict[str, Files] = field(default_factory=dict)
    tables_at: float = 0.0
    batches: list[Batch] = field(default_factory=list)
    maintained: str = ""
    maintained_at: float = 0.0
    resident_bytes: int = 0
    forecasts: dict[str, Forecast] = field(default_factory=dict)
    waiting_runs: int = 0

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Activity":
        """Read what `dataclasses.asdict` gave; fields this version does not know are left out."""
        given = _known(cls, document)
        given["lags"] = {where: _by_name(Lag, lags) for where, lags in given.get("lags", {}).items()}
        for name, kind in (
            ("lags_since_start", Lag), ("counts", Count), ("tables", Files), ("forecasts", Forecast),
        ):  # fmt: skip
            given[name] = _by_name(kind, given.get(name, {}))
        given["batches"] = [Batch(**_known(Batch, batch)) for batch in given.get("batches", ())]
        return cls(**given)


def _known(kind: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in kind.__dataclass_fields__ if name in document}


def _by_name(kind: Any, documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: kind(**_known(kind, document)) for name, document in documents.items()}
