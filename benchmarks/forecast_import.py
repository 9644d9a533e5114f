"""Forecast data in and out, function by function: an import of 1,000,000 rows of CSV, and a query of one series.

The import runs in a process of its own and from a file; its yardstick is the same import row by row in Python.
"""

import csv
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median, quantiles

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from benchmarks.figure import Figure
from benchmarks.options import Options
from forecasting.data import artefact, importing, query
from forecasting.data.artefact import Artefact

ROUNDS = 3
ITEMS, PERIODS = 1_000, 1_000
ASKED_SECONDS = 6.0
QUERIES = 5_000
HORIZON = 14
ASKED_MILLISECONDS = 20.0
SCHEMA = {"item_id": "string", "timestamp": "timestamp", "target_value": "float"}

Took = tuple[float, float, float]
"""Seconds, seconds of CPU and greatest resident memory [MiB]."""


def run(given: Options) -> Iterator[Figure]:
    """Measure both; the query over forecasts of two sizes."""
    rounds = given.rounds_or(ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        for what, step in (("1,000 times", timedelta(days=1)), ("1,000,000 times", timedelta(seconds=1))):
            yield _imported(Path(folder), what, step, rounds)
        for series in (1_000, 100_000):
            yield _queried(Path(folder), series)


def _imported(folder: Path, what: str, step: timedelta, rounds: int) -> Figure:
    path = folder / "target.csv"
    _make(path, step)
    ours, theirs = ([_apart(way, path) for _ in range(rounds)] for way in (fast, slow))
    seconds, cpu, memory = (median(figures) for figures in zip(*ours, strict=True))
    return Figure(
        "forecast_import",
        f"import of {ITEMS * PERIODS:,} rows of CSV, {path.stat().st_size / 1e6:.0f} MB, {what}",
        "s",
        seconds,
        naive=median(took[0] for took in theirs),
        asked=ASKED_SECONDS,
        cpu_seconds=cpu,
        naive_cpu_seconds=median(took[1] for took in theirs),
        memory_mib=memory,
        naive_memory_mib=median(took[2] for took in theirs),
        rounds=rounds,
        note="with the start of its process; one core; naive: row by row with the standard library, no statistics",
    )


def _queried(folder: Path, series: int) -> Figure:
    rng = np.random.default_rng(1)
    items = [f"item_{number}" for number in rng.permutation(series)]
    times = artefact.moments(np.datetime64("2019-02-01") + np.arange(HORIZON))
    values = rng.random((series, HORIZON, 3))
    made_at = datetime.now(UTC).isoformat()
    artefact.write(folder, Artefact(pa.table({"item_id": items}), times, ("0.1", "0.5", "0.9"), values, made_at))
    took = []
    for number in rng.integers(0, series, QUERIES):
        start = time.perf_counter()
        query.answer(folder, {"item_id": items[number]})
        took.append(1000 * (time.perf_counter() - start))
    return Figure(
        "forecast_import",
        f"QueryForecast of one series out of {series:,}, {HORIZON} periods, the 95th of 100",
        "ms",
        quantiles(took, n=20)[-1],
        asked=ASKED_MILLISECONDS,
        rounds=QUERIES,
        note=f"the function, without HTTP; the first one, which opens the forecast, {took[0]:.0f} ms",
    )


def _make(path: Path, step: timedelta) -> None:
    """Rows by item and time; a step of a second gives every row a time of its own."""
    rng, start = Random(1), datetime(2016, 1, 1)
    with path.open("w", encoding="utf-8") as file:
        for item in range(ITEMS):
            first = start if step.days else start + item * PERIODS * step
            for period in range(PERIODS):
                file.write(f"item_{item:04},{first + period * step},{100 * rng.random()!r}\n")


def _apart(way: Callable[[Path], Took], path: Path) -> Took:
    start = time.perf_counter()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        _, cpu, memory = pool.submit(way, path).result()
    return time.perf_counter() - start, cpu, memory


def fast(path: Path) -> Took:
    """Our import."""
    attributes = [{"AttributeName": name, "AttributeType": kind} for name, kind in SCHEMA.items()]
    job = importing.Import({"DataSource": {"S3Config": {"Path": str(path)}}}, {"Schema": {"Attributes": attributes}})
    return _timed(lambda folder: importing.run(job, folder, client=None))


def slow(path: Path) -> Took:
    """The same table row by row."""

    def rows(folder: Path) -> None:
        columns: tuple[list[str], list[datetime], list[float]] = [], [], []
        with path.open(newline="", encoding="utf-8") as file:
            for item, at, value in csv.reader(file):
                columns[0].append(item)
                columns[1].append(datetime.strptime(at, "%Y-%m-%d %H:%M:%S"))
                columns[2].append(float(value))
        parquet.write_table(pa.table(dict(zip(SCHEMA, columns, strict=True))), folder / "data.parquet")

    return _timed(rows)


def _timed(work: Callable[[Path], object]) -> Took:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        work(Path(folder))
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
