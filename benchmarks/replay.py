"""The whole data set with realistic noise through a stack that is up, from the first message to gold complete."""

from collections.abc import Iterator
from statistics import median

from benchmarks.figure import Figure
from benchmarks.live import live
from benchmarks.observer import Observer
from benchmarks.options import Options
from lakehouse.logs import event

ROUNDS = 3
ASKED_SECONDS = 45.0


def run(given: Options) -> Iterator[Figure]:
    """Measure; every round has a stack that has just come up, and empty tables."""
    seconds, cpu, memory = [], [], []
    for number in range(1, given.rounds_or(ROUNDS) + 1):
        with live() as stack:
            with Observer(stack.settings) as observer:
                seconds.append(stack.replay("realistic"))
            samples = observer.samples
        cpu.append(samples[-1].cpu_seconds - samples[0].cpu_seconds)
        memory.append(max(sample.resident_bytes for sample in samples) / 2**20)
        event("replay", round=number, seconds=round(seconds[-1], 1))
    yield Figure(
        "replay",
        "UCI with realistic noise through a stack that has just come up, first message to gold complete, median",
        "s",
        median(seconds),
        asked=ASKED_SECONDS,
        cpu_seconds=median(cpu),
        memory_mib=max(memory),
        rounds=len(seconds),
        note=f"{min(seconds):.1f} to {max(seconds):.1f} s",
    )
