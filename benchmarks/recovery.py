"""How long gold stands still after kill -9 of each process, at 2,000 changes a second with noise, UCI loaded."""

import time
from collections import defaultdict
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import lags
from benchmarks.figure import Figure
from benchmarks.live import live
from benchmarks.observer import Observer
from benchmarks.options import Options
from infra.local import stack as processes
from lakehouse.logs import event

APART_SECONDS = 45.0
WARM_UP_SECONDS = 60.0
FRESH_SECONDS = 8.0
ASKED_SECONDS = 20.0


def run(given: Options) -> Iterator[Figure]:
    """Measure: one process after the other is killed under load and started again by the supervisor alone."""
    names = [name for _ in range(given.rounds_or(1)) for name in processes.PROCESSES]
    kills: list[tuple[str, float]] = []
    with live() as stack:
        stack.replay("none")
        seconds = WARM_UP_SECONDS + APART_SECONDS * (len(names) + 1)
        with Observer(stack.settings) as observer, stack.load(seconds) as load:
            time.sleep(WARM_UP_SECONDS)
            for name in names:
                kills.append((name, stack.kill(name)))
                event("killed", process=name)
                time.sleep(APART_SECONDS)
            sent = stack.finish(load)
        first = sent.run.recipe.first_lsn
        rows = lags.changes(stack.settings, observer.seen, range(first, sent.run.last_lsn + 1))
    for name in processes.PROCESSES:
        times = [kill for kind, kill in kills if kind == name]
        back = [first_seen(rows, kill) - kill for kill in times]
        # what was made in the last seconds before the next kill is late because of that one
        caught = [fresh_again(rows, kill, kill + APART_SECONDS - FRESH_SECONDS) - kill for kill in times]
        yield Figure(
            "recovery",
            f"kill -9 of {name}, until gold shows a change made after it",
            "s",
            max(back),
            asked=ASKED_SECONDS,
            rounds=len(times),
            note=f"until 95 % of a second's changes are in gold within {FRESH_SECONDS:g} s again: {max(caught):.1f} s",
        )


def first_seen(rows: pa.Table, kill: float) -> float:
    """When gold first showed a change made after `kill`; rows as `lags.changes` gives them."""
    later = rows.filter(pc.greater(rows["made_at"], kill))
    return float(pc.min(later["seen_at"]).as_py())


def fresh_again(rows: pa.Table, kill: float, end: float) -> float:
    """When gold had caught up: the last second from `kill` to `end` whose changes' 95th percentile was late, shown."""
    ages: dict[int, list[float]] = defaultdict(list)
    within = rows.filter(pc.and_(pc.greater(rows["made_at"], kill), pc.less(rows["made_at"], end)))
    for made_at, seen_at in zip(within["made_at"].to_pylist(), within["seen_at"].to_pylist(), strict=True):
        ages[int(made_at)].append(seen_at - made_at)
    p95 = {second: sorted(found)[int(0.95 * len(found))] for second, found in ages.items()}
    return max((second + age for second, age in p95.items() if age > FRESH_SECONDS), default=kill)
