"""How fast gold catches up with what piled up while the driver stood still, UCI loaded."""

import time
from collections.abc import Iterator

from benchmarks import lags
from benchmarks.figure import Figure
from benchmarks.live import DRIVER, RATE, live
from benchmarks.observer import Observer
from benchmarks.options import Options
from lakehouse.tables import OPS_BATCHES

MINUTES = 10.0
SENDING_RATE = 20_000
ASKED_RATE = 20_000.0


def run(given: Options) -> Iterator[Figure]:
    """Measure: stop the driver, let the sink land the changes of some minutes, start the driver."""
    seconds = 60 * given.minutes_or(MINUTES) * RATE / SENDING_RATE
    with live() as stack:
        stack.replay("none")
        stack.wait_for_books()
        known = {row["batch_id"] for row in lags.rows_of(stack.settings, OPS_BATCHES, ["batch_id"])}
        stack.stop(DRIVER)
        with stack.load(seconds, SENDING_RATE) as load:
            changes = stack.wait_for_load(load).run.steps
        stack.wait_for_bronze()
        started = time.time()
        with Observer(stack.settings) as observer:
            stack.start(DRIVER)
            stack.wait_for_gold()
        stack.wait_for_books()
        batches = lags.rows_of(stack.settings, OPS_BATCHES, ["batch_id", "rows_read", "planned_at"])
        done = max(log[-1].committed_at for log in (lags.gold_log(stack.settings, table) for table in lags.GOLD))
    fresh = [batch for batch in batches if batch["batch_id"] not in known]
    rows = sum(batch["rows_read"] for batch in fresh)
    planned = min(batch["planned_at"] for batch in fresh).timestamp()
    sizes = [sample.resident_bytes for sample in observer.samples]
    yield Figure(
        "catch_up",
        f"{changes:,} changes that waited, from the driver's first plan to gold complete",
        "changes/s",
        changes / (done - planned),
        asked=ASKED_RATE,
        at_least=True,
        cpu_seconds=observer.samples[-1].cpu_seconds - observer.samples[0].cpu_seconds,
        memory_mib=max(sizes) / 2**20,
        rounds=1,
        note=f"{len({batch['batch_id'] for batch in fresh})} batches in {done - planned:.1f} s; from the command that "
        f"started the driver {done - started:.1f} s; {rows:,} messages, with what was sent twice and the tombstones",
    )
