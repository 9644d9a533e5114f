"""The way back from Amazon Forecast: runs whose exports are complete are loaded into gold, each once.

The runs' objects and export files are a source with a ledger like bronze; lakehouse/runs.py is what the pipeline and
this agree on. A run is read whole before anything is written, so that nothing of one with a fault is in the tables.
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pyarrow as pa

from lakehouse.errors import ContractError
from lakehouse.logs import event
from lakehouse.runs import LOADED, NAME, RUN_ID, RUNS, Loaded, Run, run_key
from lakehouse.tables import GOLD_FORECAST_ACCURACY, GOLD_FORECAST_BACKTEST, GOLD_SALES_FORECAST, Table
from spark_jobs import exports
from spark_jobs.accuracy import Accuracy
from spark_jobs.arrow import arrow_schema
from spark_jobs.metrics import Metrics
from spark_jobs.storage import Bucket, Entry
from spark_jobs.stored import Stored
from spark_jobs.transforms.forecast_accuracy import DAY, SOURCES, through

LOOK_SECONDS = 1.0
# What reading a run may raise beside a bucket that does not answer, which passes: no run may stop the driver for ever.
_FAULTS = (ContractError, ValueError, LookupError, ArithmeticError, pa.ArrowException)
MOST_BYTES = 512 << 20  # of a run's files: they are read into memory
LOADED_ONCE = 1  # version of a run's transaction on a table that has its rows
_TARGETS = ("bigint", "decimal")


class Loader:
    """Looks for runs and loads them.

    Args:
        tables: Where gold lies.
        bucket: Where the runs' objects and files lie.
        accuracy: Sets a run's rows beside what gold says.
        clock: Seconds since 1970.
        metrics: Told of what waits and of what becomes of it.
    """

    def __init__(
        self,
        tables: Stored,
        bucket: Bucket,
        accuracy: Accuracy,
        clock: Callable[[], float] = time.time,
        metrics: Metrics | None = None,
    ) -> None:
        self._tables, self._bucket, self._accuracy, self._clock = tables, bucket, accuracy, clock
        self._metrics = metrics or Metrics(clock=clock)
        self._waiting: list[str] = []
        self._is_first_look = True
        self._looked_at = float("-inf")

    def step(self) -> str | None:
        """Load the next run that has no answer; look for runs once a second at most.

        Returns:
            The key of its object; None if none waits.
        """
        if not self._waiting:
            if self._clock() - self._looked_at < LOOK_SECONDS:
                return None
            self._look()
            self._looked_at = self._clock()
        if not self._waiting:
            return None
        key = self._waiting[0]
        self._load(key)
        self._waiting.pop(0)
        self._metrics.runs_wait(len(self._waiting))
        return key

    def _look(self) -> None:
        # both lists each time: whoever takes an answer away wants the run loaded again
        answered = {RUNS + entry.key.removeprefix(LOADED) for entry in self._bucket.entries(LOADED)}
        found = list(self._bucket.entries(RUNS))
        self._waiting = [one.key for one in found if one.key not in answered and not one.key.endswith("/")]
        self._metrics.runs_wait(len(self._waiting))
        if self._is_first_look:
            self._tell_of_newest([one for one in found if one.key in answered])
            self._is_first_look = False

    def _tell_of_newest(self, found: Iterable[Entry]) -> None:
        """Tell when each forecast that is in gold was made: of its newest run that was not refused."""
        known: set[str] = set()
        for entry in sorted(found, key=lambda one: one.modified_at or 0.0, reverse=True):
            name = _named(entry.key)
            if name in known:
                continue
            try:
                answer = Loaded.from_json((self._bucket.get(LOADED + entry.key.removeprefix(RUNS)) or b"").decode())
                made_at = exports.moment(_run(entry.key, self._bucket.get(entry.key)).made_at)
            except (ContractError, ValueError):  # whatever lies there is no reason for the driver to stop
                continue
            if not answer.fault:
                known.add(name)
                self._metrics.forecast_found(name, made_at.timestamp())

    def _load(self, key: str) -> None:
        started = time.monotonic()
        rows, fault = {}, ""
        try:
            run, forecasts, backtests = self._read(key)
        except _FAULTS as error:
            fault = " ".join(str(error).split())[:500] or type(error).__name__
        else:
            self._write(run, forecasts, backtests)
            rows = {
                GOLD_SALES_FORECAST.full_name: len(forecasts),
                GOLD_FORECAST_BACKTEST.full_name: len(backtests),
                GOLD_FORECAST_ACCURACY.full_name: len(forecasts) if run.source_table else 0,
            }
        loaded_at = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._bucket.create(LOADED + key.removeprefix(RUNS), Loaded(rows, fault, loaded_at).to_json().encode())
        seconds = round(time.monotonic() - started, 3)
        if fault:
            self._metrics.forecast_refused(_named(key), fault)
            event("forecast not loaded", level=40, run=key, reason=fault)
        else:
            self._metrics.forecast_loaded(run.forecast_name, exports.moment(run.made_at).timestamp())
            event("forecast loaded", run=key, rows=rows, seconds=seconds)

    def _read(self, key: str) -> tuple[Run, pa.Table, pa.Table]:
        """A run and its rows.

        Raises:
            ContractError: It or its files are not as they must be.
        """
        run = _run(key, self._bucket.get(key))
        _refuse_unknown(run)
        forecasts = exports.forecast(run, self._files(run.exports))
        backtests = arrow_schema(GOLD_FORECAST_BACKTEST).empty_table()
        if run.backtests:
            backtests = exports.backtest(run, self._files(run.backtests + exports.VALUES))
        return run, forecasts, backtests

    def _files(self, prefix: str) -> dict[str, bytes]:
        entries = [entry for entry in self._bucket.entries(prefix) if entry.key.endswith(".csv")]
        if not entries:
            raise ContractError(f"no CSV file under {prefix}", "the files of an export", "run the forecast again")
        size = sum(entry.size for entry in entries)
        if size > MOST_BYTES:
            raise ContractError(f"{size:,} bytes under {prefix}", f"{MOST_BYTES:,} at most", "forecast fewer series")
        return {entry.key: self._bucket.present(entry.key) for entry in entries}

    def _write(self, run: Run, forecasts: pa.Table, backtests: pa.Table) -> None:
        """Write what is not written yet: the forecasts before their accuracy, which is made of them again and again."""
        app, tables = _application(run.forecast_name, run.run_id), self._tables
        for table, rows in ((GOLD_FORECAST_BACKTEST, backtests), (GOLD_SALES_FORECAST, forecasts)):
            if tables.transaction(table, app) < LOADED_ONCE:
                tables.append_few(rows, table, app, LOADED_ONCE, app)
        if tables.transaction(GOLD_FORECAST_ACCURACY, app) < LOADED_ONCE:
            # between two drivers, accuracy may have followed gold for some of these forecasts
            where = _where(run.forecast_name, run.run_id)
            held = forecasts if run.source_table else forecasts.slice(0, 0)
            self._accuracy.put(held, app=app, version=LOADED_ONCE, where=where)


def _application(forecast_name: str, run_id: str) -> str:
    return f"forecast/{forecast_name}/{run_id}"


def _where(forecast_name: str, run_id: str) -> str:
    if not NAME.fullmatch(forecast_name) or not RUN_ID.fullmatch(run_id):
        raise ContractError(
            f"run {run_id!r} of {forecast_name!r}", f"names that match {NAME.pattern}, {RUN_ID.pattern}"
        )
    return f"forecast_name = '{forecast_name}' AND run_id = '{run_id}'"


def _named(key: str) -> str:
    """The forecast that a key is of; "unknown" where it is of none, so that nobody can make up names of metrics."""
    found = key.removeprefix(RUNS).partition("/")[0]
    return found if NAME.fullmatch(found) else "unknown"


def _run(key: str, body: bytes | None) -> Run:
    if body is None:
        raise ContractError(f"object {key} is gone", "a run", "run the forecast again")
    try:
        text = body.decode()
    except UnicodeDecodeError as fault:
        raise ContractError(f"no run of a forecast: {body[:50]!r}", "the JSON of one", "run it again") from fault
    run = Run.from_json(text)
    if run_key(run.forecast_name, run.run_id) != key:
        raise ContractError(
            f"run {run.run_id} of {run.forecast_name} lies at {key}", run_key(run.forecast_name, run.run_id)
        )
    return run


def _refuse_unknown(run: Run) -> None:
    """Refuse a run whose texts mean nothing, or whose source could not be held against it.

    Raises:
        ContractError: It says what is wrong.
    """
    series = (run.item_column, *run.dimensions)
    if len(set(series)) < len(series):
        raise ContractError(f"series of {', '.join(series)}", "columns that differ")
    if run.source_table:
        _refuse_source(run)
    for prefix in filter(None, (run.exports, run.backtests)):
        if not prefix.endswith("/") or prefix == "/":
            raise ContractError(f"prefix {prefix!r}", "one of the bucket that ends with /")
    if not run.exports:
        raise ContractError("no prefix of an export", "one of the bucket that ends with /")
    exports.levels(run)
    exports.moment(run.made_at)
    through(datetime.fromtimestamp(0, UTC).date(), run.frequency)


def _refuse_source(run: Run) -> None:
    """Refuse a source that is none, or that lacks a column.

    Raises:
        ContractError: It says what is wrong.
    """
    if run.source_table not in SOURCES:
        raise ContractError(f"source table {run.source_table!r}", f"{' or '.join(SOURCES)}, or none")
    source = SOURCES[run.source_table]
    _refuse_absent(source, (run.item_column, *run.dimensions))
    targets = [column.name for column in source.columns if column.type.startswith(_TARGETS)]
    if run.target_column not in targets:
        raise ContractError(f"target column {run.target_column!r}", f"one of {', '.join(targets)}")
    if run.time_column != DAY:
        raise ContractError(f"time column {run.time_column!r}", DAY)


def _refuse_absent(table: Table, names: Iterable[str]) -> None:
    absent = [name for name in names if name not in table.names]
    if absent:
        raise ContractError(f"column {absent[0]!r} of {table.full_name}", f"one of {', '.join(table.names)}")
