"""What the driver measures of itself, in memory: fed by it after each step, read by those who report it.

Costs a batch microseconds and no Spark job. The readers: the progress object, Prometheus, CloudWatch.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import psutil

from lakehouse.activity import WHOLE, WINDOW_SECONDS, Activity, Batch, Count, Files, Forecast, Lag
from lakehouse.tables import LAYERS, OUTCOMES
from spark_jobs import ops
from spark_jobs.coverage import label, spans
from spark_jobs.gold import Step
from spark_jobs.lags import Distribution
from spark_jobs.plans import BronzeObject, Plan, Result

SLOT_SECONDS = 60
LAST_BATCHES = 10
Lags = dict[str, Distribution]


class _Slot:
    """A minute's work: lags by partition, rows and compressed bytes."""

    def __init__(self, minute: int) -> None:
        self.minute, self.rows, self.bytes = minute, 0, 0
        self.lags: dict[str, Lags] = defaultdict(_no_lags)


class Metrics:
    """The figures of one driver since its start. Safe to read from other threads.

    Args:
        next_offsets: By topic id and partition, the first offset not read when the driver started.
        clock: Seconds since 1970.

    Attributes:
        lags: By partition (`dynamodb` for what has none), then layer.
        outcomes: Rows by partition, then outcome.
        gaps: Offsets skipped, by partition.
        overlaps: Offsets read more than once, by partition.
        batches: Finished batches.
        bytes: Compressed bytes of bronze read.
        seconds: Seconds spent by step.
        waiting_objects: Found and not planned yet.
        waiting_bytes: Their size.
        oldest_waiting_at: When the oldest of them landed; None if none waits.
        tables: Files by table, as last counted.
        silver_version: What gold shows.
        gold_version: gold.daily_sales' version.
        committed_at: When gold was last committed, seconds since 1970; 0 for not yet.
        forecasts: By name of the forecast.
        waiting_runs: Runs of forecasts that are complete and not in gold yet.
        maintained_at: When maintenance was last done; 0 for never.
    """

    def __init__(
        self, next_offsets: Mapping[tuple[str, int], int] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.lock = threading.Lock()
        self.clock, self.started_at = clock, clock()
        self._ends = dict(next_offsets or {})
        self._sizes: dict[int, int] = {}
        self._slots: deque[_Slot] = deque(maxlen=WINDOW_SECONDS // SLOT_SECONDS)
        self._last: deque[Batch] = deque(maxlen=LAST_BATCHES)
        self._processes: list[psutil.Process] = []
        self.maintained_at, self._maintained, self._tables_at = 0.0, "", 0.0
        self.lags: dict[str, Lags] = defaultdict(_no_lags)
        self.outcomes: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(OUTCOMES, 0))
        self.gaps: dict[str, int] = defaultdict(int)
        self.overlaps: dict[str, int] = defaultdict(int)
        self.batches = self.bytes = 0
        self.seconds: dict[str, float] = defaultdict(float)
        self.waiting_objects = self.waiting_bytes = 0
        self.oldest_waiting_at: float | None = None
        self.tables: dict[str, Files] = {}
        self.silver_version = self.gold_version = -1
        self.committed_at = 0.0
        self.forecasts: dict[str, Forecast] = {}
        self.waiting_runs = 0

    def found(self, waiting: Iterable[BronzeObject]) -> None:
        """Note which objects of bronze wait, those of the next plan left out."""
        entries = list(waiting)
        with self.lock:
            self.waiting_objects, self.waiting_bytes = len(entries), sum(entry.size for entry in entries)
            self.oldest_waiting_at = min((entry.landed_at for entry in entries if entry.landed_at), default=None)

    def planned(self, plan: Plan) -> None:
        """Note what a batch is about to read."""
        self._sizes[plan.batch_id] = sum(entry.size for entry in plan.objects)

    def batch(self, result: Result, step: Step, seconds: Mapping[str, float]) -> None:
        """Count a batch that gold shows.

        Args:
            result: What became of its objects.
            step: The step of gold that shows it.
            seconds: Time spent, by step.
        """
        size = self._sizes.pop(result.batch_id, 0)
        with self.lock:
            slot = self._slot(step.committed_at)
            slot.rows, slot.bytes = slot.rows + result.rows, slot.bytes + size
            for where, span in spans(result.objects, self._ends).items():
                partition = label(where)
                for into in (self.lags[partition], slot.lags[partition]):
                    ops.lags(span.objects, result.committed_at, step.committed_at, into)
                for read in span.objects:
                    for outcome, rows in read.outcomes.items():
                        self.outcomes[partition][outcome] += rows
                self.gaps[partition] += span.gaps
                self.overlaps[partition] += span.overlaps
            self.batches, self.bytes = self.batches + 1, self.bytes + size
            for name, spent in seconds.items():
                self.seconds[name] += spent
            rounded = {name: round(spent, 3) for name, spent in seconds.items()}
            self._last.append(Batch(result.batch_id, result.rows, len(result.objects), rounded, step.committed_at))
        self.shown(step)

    def shown(self, step: Step) -> None:
        """Note what gold shows."""
        self.silver_version, self.gold_version = step.silver_version, step.gold_version
        self.committed_at = step.committed_at

    def maintained(self, piece: str) -> None:
        """Note that a piece of maintenance was done."""
        self._maintained, self.maintained_at = piece, self.clock()

    def runs_wait(self, count: int) -> None:
        """Note how many runs of forecasts are to be loaded."""
        self.waiting_runs = count

    def forecast_found(self, name: str, made_at: float) -> None:
        """Note a forecast that is in gold from before the driver's start."""
        with self.lock:
            found = self.forecasts.get(name, Forecast())
            self.forecasts[name] = replace(found, newest_at=max(found.newest_at, made_at))

    def forecast_loaded(self, name: str, made_at: float) -> None:
        """Count a run that was loaded."""
        self.forecast_found(name, made_at)
        with self.lock:
            found = self.forecasts[name]
            self.forecasts[name] = replace(found, loaded=found.loaded + 1)

    def forecast_refused(self, name: str, fault: str) -> None:
        """Count a run that was refused."""
        with self.lock:
            found = self.forecasts.get(name, Forecast())
            self.forecasts[name] = replace(found, refused=found.refused + 1, fault=fault)

    def counted(self, tables: Mapping[str, Files]) -> None:
        """Note the tables' files."""
        self.tables, self._tables_at = dict(tables), self.clock()

    def activity(self) -> Activity:
        """All of it as the progress object tells it."""
        now = self.clock()
        with self.lock:
            slots = [slot for slot in self._slots if slot.minute >= self._oldest_minute(now)]
            window: dict[str, Lags] = {}
            for partition in sorted({partition for slot in slots for partition in slot.lags}, key=_order):
                window[partition] = _merged(slot.lags[partition] for slot in slots if partition in slot.lags)
            window[WHOLE] = _merged(window.values())
            lasted = max(now - max(self.started_at, self._oldest_minute(now) * SLOT_SECONDS), 1.0)
            return Activity(
                started_at=self.started_at,
                rows_per_second=round(sum(slot.rows for slot in slots) / lasted, 1),
                bytes_per_second=round(sum(slot.bytes for slot in slots) / lasted, 1),
                lags={where: {layer: _lag(lag) for layer, lag in lags.items()} for where, lags in window.items()},
                lags_since_start={layer: _lag(lag) for layer, lag in _merged(self.lags.values()).items()},
                counts={
                    partition: Count(dict(outcomes), self.gaps[partition], self.overlaps[partition])
                    for partition, outcomes in sorted(self.outcomes.items(), key=lambda found: _order(found[0]))
                },
                tables=self.tables,
                tables_at=self._tables_at,
                batches=list(self._last),
                maintained=self._maintained,
                maintained_at=self.maintained_at,
                resident_bytes=self.resident_bytes(),
                forecasts=dict(self.forecasts),
                waiting_runs=self.waiting_runs,
            )

    def resident_bytes(self) -> int:
        """Memory of this process and of its JVM."""
        if not self._processes or not all(process.is_running() for process in self._processes):
            self._processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        found = 0
        for process in self._processes:
            try:
                found += process.memory_info().rss
            except psutil.Error:
                self._processes = []
        return found

    def _slot(self, at: float) -> _Slot:
        minute = int(at // SLOT_SECONDS)
        if not self._slots or self._slots[-1].minute < minute:
            self._slots.append(_Slot(minute))
        return self._slots[-1]

    def _oldest_minute(self, now: float) -> int:
        return int(now // SLOT_SECONDS) - WINDOW_SECONDS // SLOT_SECONDS + 1


def _order(partition: str) -> tuple[int, str]:
    """Partitions by number, dynamodb after them."""
    return len(partition), partition


def _no_lags() -> Lags:
    return {layer: Distribution() for layer in LAYERS}


def _merged(several: Iterable[Lags]) -> Lags:
    found = list(several)
    return {layer: Distribution().merge(lags[layer] for lags in found) for layer in LAYERS}


def _lag(lag: Distribution) -> Lag:
    if not lag.rows:
        return Lag(ahead=lag.ahead, history=lag.history)
    p50, p95 = (round(lag.quantile(share) or 0.0, 3) for share in (0.5, 0.95))
    return Lag(lag.rows, p50, p95, round(lag.greatest, 3), lag.ahead, lag.history)
