"""A measured figure and the file that keeps them all, `benchmarks/results.jsonl`: what docs/benchmarks.md is made from.

The figures of a command take the place of those it gave before; those of other commands stay.
"""

import dataclasses
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import NAMES

RESULTS = Path(__file__).with_name("results.jsonl")


@dataclass(frozen=True)
class Figure:
    """What was measured of one thing.

    Args:
        benchmark: The module that measured it.
        what: In a few words; the words of the page.
        unit: s, changes/s, GB, times …
        ours: Our pipeline's.
        naive: The naive pipeline's, on the same data in the same session; None where there is nothing to compare.
        asked: The limit; None where nothing is asked.
        at_least: Whether the limit is a lower one.
        cpu_seconds: Of all processes of the pipeline, for one round of ours.
        naive_cpu_seconds: The same of the naive pipeline.
        memory_mib: Greatest resident memory of the pipeline's processes while ours ran [MiB].
        naive_memory_mib: The same while the naive one ran.
        rounds: How many measurements it is made from.
        note: What else a reader must know.
        command: Measures it again.
        machine: Where it was measured.
    """

    benchmark: str
    what: str
    unit: str
    ours: float
    naive: float | None = None
    asked: float | None = None
    at_least: bool = False
    cpu_seconds: float | None = None
    naive_cpu_seconds: float | None = None
    memory_mib: float | None = None
    naive_memory_mib: float | None = None
    rounds: int = 1
    note: str = ""
    command: str = ""
    machine: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether ours is within the limit; None without one."""
        if self.asked is None:
            return None
        return self.ours >= self.asked if self.at_least else self.ours <= self.asked


def read(path: Path = RESULTS) -> list[Figure]:
    """All figures, in the order of the page."""
    if not path.exists():
        return []
    return [Figure(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def keep(fresh: Sequence[Figure], path: Path = RESULTS) -> None:
    """Write down what commands gave, in the place of what they gave before."""
    again = {figure.command for figure in fresh}
    kept = [*(figure for figure in read(path) if figure.command not in again), *fresh]
    kept.sort(key=lambda figure: NAMES.index(figure.benchmark))
    lines = [json.dumps(dataclasses.asdict(figure), ensure_ascii=False) for figure in kept]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def machine(java_home: str) -> str:
    """This machine in one line."""
    told = subprocess.run(  # noqa: S603 (the Java that the pipeline runs with)
        [str(Path(java_home) / "bin" / "java"), "-version"], capture_output=True, text=True, check=True
    )
    java = told.stderr.split('"')[1].split(".")[0]
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB of memory, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, Java {java}"
    )
