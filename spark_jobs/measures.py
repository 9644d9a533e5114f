"""The list of what the driver tells Prometheus: each figure's name, kind, labels, meaning, and where it comes from.

docs/metrics.md is made from it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from spark_jobs.lags import Distribution
from spark_jobs.metrics import Metrics

Samples = Iterable[tuple[tuple[str, ...], float | Distribution]]


@dataclass(frozen=True)
class Measure:
    """A figure: its name, kind, labels and meaning, and how its samples come from the driver's metrics."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    samples: Callable[[Metrics], Samples]


def _by_partition(counts: dict[str, int]) -> Samples:
    return (((partition,), count) for partition, count in counts.items())


MEASURES = (
    Measure(
        "saleslake_lag_seconds",
        "histogram",
        ("layer", "partition"),
        "from the source's time of an applied change until the layer showed it",
        lambda metrics: (
            ((layer, partition), lag) for partition, lags in metrics.lags.items() for layer, lag in lags.items()
        ),
    ),
    Measure(
        "saleslake_changes_without_lag_total",
        "counter",
        ("partition", "reason"),
        "applied changes that count in no lag: ahead of the clock, or history (a day old when they landed)",
        lambda metrics: (
            ((partition, reason), getattr(lags["bronze"], reason))
            for partition, lags in metrics.lags.items()
            for reason in ("ahead", "history")
        ),
    ),
    Measure(
        "saleslake_rows_total",
        "counter",
        ("partition", "outcome"),
        "rows read, by what became of them",
        lambda metrics: (
            ((partition, outcome), rows)
            for partition, outcomes in metrics.outcomes.items()
            for outcome, rows in outcomes.items()
        ),
    ),
    Measure(
        "saleslake_offset_gaps_total",
        "counter",
        ("partition",),
        "Kafka offsets skipped",
        lambda metrics: _by_partition(metrics.gaps),
    ),
    Measure(
        "saleslake_offset_overlaps_total",
        "counter",
        ("partition",),
        "Kafka offsets read more than once",
        lambda metrics: _by_partition(metrics.overlaps),
    ),
    Measure("saleslake_batches_total", "counter", (), "finished batches", lambda metrics: [((), metrics.batches)]),
    Measure(
        "saleslake_bronze_bytes_total",
        "counter",
        (),
        "compressed bytes of bronze read",
        lambda metrics: [((), metrics.bytes)],
    ),
    Measure(
        "saleslake_step_seconds_total",
        "counter",
        ("step",),
        "seconds spent in batches, by step",
        lambda metrics: (((step,), seconds) for step, seconds in metrics.seconds.items()),
    ),
    Measure(
        "saleslake_waiting_objects",
        "gauge",
        (),
        "bronze objects found and not yet planned",
        lambda metrics: [((), metrics.waiting_objects)],
    ),
    Measure(
        "saleslake_waiting_bytes", "gauge", (), "their compressed bytes", lambda metrics: [((), metrics.waiting_bytes)]
    ),
    Measure(
        "saleslake_oldest_waiting_object_age_seconds",
        "gauge",
        (),
        "age of the oldest of them; 0 if none waits",
        lambda metrics: [((), metrics.clock() - metrics.oldest_waiting_at if metrics.oldest_waiting_at else 0.0)],
    ),
    Measure(
        "saleslake_last_commit_timestamp_seconds",
        "gauge",
        (),
        "when gold was last brought up to silver, seconds since 1970",
        lambda metrics: [((), metrics.committed_at)],
    ),
    Measure(
        "saleslake_shown_version",
        "gauge",
        ("table",),
        "the version of gold.daily_sales, and that of silver.order_lines which it shows",
        lambda metrics: [
            (("silver.order_lines",), metrics.silver_version),
            (("gold.daily_sales",), metrics.gold_version),
        ],
    ),
    Measure(
        "saleslake_table_files",
        "gauge",
        ("table",),
        "files of the table",
        lambda metrics: (((name,), files.files) for name, files in metrics.tables.items()),
    ),
    Measure(
        "saleslake_table_small_files",
        "gauge",
        ("table",),
        "files below 1 MiB",
        lambda metrics: (((name,), files.small) for name, files in metrics.tables.items()),
    ),
    Measure(
        "saleslake_table_bytes",
        "gauge",
        ("table",),
        "size of the table's files",
        lambda metrics: (((name,), files.bytes) for name, files in metrics.tables.items()),
    ),
    Measure(
        "saleslake_last_maintenance_timestamp_seconds",
        "gauge",
        (),
        "when a piece of maintenance was last done, seconds since 1970; 0 for never",
        lambda metrics: [((), metrics.maintained_at)],
    ),
    Measure(
        "saleslake_forecast_runs_total",
        "counter",
        ("forecast", "outcome"),
        "runs of forecasts that came to be loaded into gold, by what became of them: loaded or refused",
        lambda metrics: (
            ((name, outcome), getattr(found, outcome))
            for name, found in metrics.forecasts.items()
            for outcome in ("loaded", "refused")
        ),
    ),
    Measure(
        "saleslake_forecast_newest_timestamp_seconds",
        "gauge",
        ("forecast",),
        "when the newest forecast that is in gold was made, seconds since 1970; 0 for never",
        lambda metrics: (((name,), found.newest_at) for name, found in metrics.forecasts.items()),
    ),
    Measure(
        "saleslake_forecast_waiting_runs",
        "gauge",
        (),
        "runs of forecasts that are complete and not in gold yet",
        lambda metrics: [((), metrics.waiting_runs)],
    ),
    Measure(
        "saleslake_driver_start_timestamp_seconds",
        "gauge",
        (),
        "when the driver started, seconds since 1970",
        lambda metrics: [((), metrics.started_at)],
    ),
    Measure(
        "saleslake_driver_resident_memory_bytes",
        "gauge",
        (),
        "memory of the driver, Python and JVM",
        lambda metrics: [((), metrics.resident_bytes())],
    ),
)
# asked of the processes themselves, not of the driver's metrics
UP = Measure(
    "saleslake_up", "gauge", ("process",), "1 where gateway, broker and worker accept connections", lambda _: ()
)
