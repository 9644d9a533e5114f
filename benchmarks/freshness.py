"""How old a change is when a reader sees it in gold, at 2,000 changes a second with noise, UCI loaded: every change.

In the same run: whether the backlog grows, and what the whole stack holds in memory.
"""

from collections.abc import Iterator, Sequence
from statistics import mean

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import lags
from benchmarks.figure import Figure
from benchmarks.live import RATE, Sent, live
from benchmarks.observer import Observer, Sample
from benchmarks.options import Options

MINUTES = 5.0
WARM_UP_SECONDS = 60
ASKED = {0.5: 5.0, 0.95: 8.0}
ASKED_GIGABYTES = 3.5
FLAT = 1.05


def run(given: Options) -> Iterator[Figure]:
    """Measure: load UCI, send a minute to warm up, then the minutes that count."""
    seconds = 60 * given.minutes_or(MINUTES)
    with live() as stack:
        stack.replay("none")
        with Observer(stack.settings) as observer, stack.load(WARM_UP_SECONDS + seconds) as load:
            sent = stack.finish(load)
        first = sent.run.recipe.first_lsn
        rows = lags.changes(stack.settings, observer.seen, range(first, sent.run.last_lsn + 1))
    start = sent.run.recipe.start_millis / 1000 + WARM_UP_SECONDS
    measured = rows.filter(pc.greater_equal(rows["made_at"], start))
    within = [sample for sample in observer.samples if start <= sample.at <= start + seconds]
    words = f"{seconds / 60:g} minutes of {RATE:,} changes a second"
    yield from _freshness(words, measured, sent)
    yield from _memory(words, within, seconds)
    yield _backlog(words, rows, start, start + seconds)


def _freshness(words: str, rows: pa.Table, sent: Sent) -> Iterator[Figure]:
    seen = pc.subtract(rows["seen_at"], rows["made_at"])
    committed = pc.subtract(rows["committed_at"], rows["made_at"])
    rate = len(rows) / (pc.max(rows["made_at"]).as_py() - pc.min(rows["made_at"]).as_py())
    notes = {
        0.5: f"{len(rows):,} changes, {rate:,.0f} a second; the generator took {sent.cpu_seconds:.0f} CPU s",
        0.95: f"the oldest {pc.max(seen).as_py():.1f} s",
    }
    for at, asked in ASKED.items():
        (ours,), (logged,) = lags.percentiles(seen, at), lags.percentiles(committed, at)
        yield Figure(
            "freshness",
            f"{words}: age of a change when a reader sees it in gold, percentile {100 * at:.0f}",
            "s",
            ours,
            asked=asked,
            rounds=len(rows),
            note=f"{notes[at]}; by the commits' own times {logged:.2f} s",
        )


def _backlog(words: str, rows: pa.Table, start: float, end: float) -> Figure:
    peaks = lags.backlog(rows, start, end)
    found = lags.trend(peaks)
    return Figure(
        "freshness",
        f"{words}: growth of the backlog, changes a second",
        "changes/s",
        found.slope,
        asked=2 * found.error,
        rounds=len(peaks),
        note=f"a line through the {len(peaks)} moments before gold shows more, at which {_peaks(peaks)} changes wait; "
        "it grows if the slope is positive beyond two standard errors, which is the limit shown",
    )


def _peaks(peaks: Sequence[tuple[float, float]]) -> str:
    waiting = [count for _, count in peaks]
    return f"{mean(waiting):,.0f} (at most {max(waiting):,.0f})"


def _memory(words: str, samples: Sequence[Sample], seconds: float) -> Iterator[Figure]:
    sizes = [(sample.at, sample.resident_bytes / 1e9) for sample in samples]
    cores = (samples[-1].cpu_seconds - samples[0].cpu_seconds) / (samples[-1].at - samples[0].at)
    slope = 60 * 1000 * lags.trend(sizes).slope
    yield Figure(
        "freshness",
        f"{words}: resident memory of the whole stack, greatest",
        "GB",
        max(size for _, size in sizes),
        asked=ASKED_GIGABYTES,
        rounds=len(sizes),
        note=f"a sample a second, mean {mean(size for _, size in sizes):.2f} GB; the stack used {cores:.2f} cores",
    )
    quarter = len(sizes) // 4
    second, last = (mean(size for _, size in part) for part in (sizes[quarter : 2 * quarter], sizes[-quarter:]))
    yield Figure(
        "freshness",
        f"{words}: memory in the last quarter, times that in the second",
        "times",
        last / second,
        asked=FLAT if seconds >= 3600 else None,
        rounds=len(sizes),
        note=f"a line through all of it rises {slope:.1f} MB a minute",
    )
