"""What an outsider sees of a stack while it works: when gold's versions become visible, and what the processes hold.

Two threads: one polls both gold tables with delta-rs, one reads the memory and CPU time of every process each second.
"""

import contextlib
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import psutil
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from benchmarks.lags import GOLD
from benchmarks.workbench import cpu_seconds
from infra.local import machine
from lakehouse import places
from lakehouse.logs import event
from lakehouse.settings import Settings
from lakehouse.tables import Table

LOOK_SECONDS = 0.2
SAMPLE_SECONDS = 1.0
FAMILY_SECONDS = 10.0


@dataclass(frozen=True)
class Sample:
    """Resident bytes and CPU seconds so far of all processes of the stack, at a time [seconds since 1970]."""

    at: float
    resident_bytes: int
    cpu_seconds: float


@dataclass
class Observer:
    """Watches within a `with` block.

    Args:
        settings: Of the stack.

    Attributes:
        seen: By gold table, each version and when it was first seen [seconds since 1970], in order.
        samples: Memory and CPU time.
    """

    settings: Settings
    seen: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: {table.name: [] for table in GOLD})
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._look, self._sample)]

    def __enter__(self) -> Self:
        self._own, self._began = psutil.Process(), time.time()
        self._cpu = cpu_seconds([self._own])
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        event(
            "observed",
            seconds=round(time.time() - self._began),
            cpu_seconds=round(cpu_seconds([self._own]) - self._cpu, 1),
        )

    def _look(self) -> None:
        handles: dict[str, DeltaTable] = {}
        while not self._over.wait(LOOK_SECONDS):
            for table in GOLD:
                with contextlib.suppress(OSError, DeltaError):  # the gateway may be down, on purpose
                    self._note(table, handles)

    def _note(self, table: Table, handles: dict[str, DeltaTable]) -> None:
        if table.name in handles:
            handles[table.name].update_incremental()
        else:
            url = places.table_url(self.settings.bucket, table.layer, table.name)
            handles[table.name] = DeltaTable(url, storage_options=self.settings.delta_options | _IMPATIENT)
        version, found = handles[table.name].version(), self.seen[table.name]
        if not found or found[-1][0] < version:
            found.append((version, time.time()))

    def _sample(self) -> None:
        family: list[psutil.Process] = []
        renewed = 0.0
        while not self._over.wait(SAMPLE_SECONDS):
            if time.monotonic() - renewed > FAMILY_SECONDS:
                family, renewed = machine.marked(self.settings.data_path), time.monotonic()
            self.samples.append(Sample(time.time(), machine.resident_bytes(family), cpu_seconds(family)))


_IMPATIENT = {"max_retries": "0", "retry_timeout": "2s", "connect_timeout": "1s"}
