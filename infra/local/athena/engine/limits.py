"""What stops a statement from outside: its time, its memory and a client's wish; each says why.

It interrupts DuckDB and knows nothing of what runs there.
"""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

import psutil

from infra.local.athena.contract import QueryError
from infra.local.athena.engine.faults import EXHAUSTED

_LOOK_SECONDS = 0.05


class Interruptible(Protocol):
    """A connection."""

    def interrupt(self) -> None:
        """End what it runs."""
        ...


class Limits:
    """Those of one statement, watched while it is entered.

    Args:
        seconds: It may take at most.
        resident_bytes: The process may have at most.
        clock: In seconds.
    """

    def __init__(self, seconds: float, resident_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._bytes, self._clock = seconds, resident_bytes, clock
        self._end = clock() + seconds
        self._process = psutil.Process()
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._running: Interruptible | None = None
        self._broken: QueryError | None = None

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="limits", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._done.set()
        self.watch(None)

    @property
    def remaining(self) -> float:
        """Seconds."""
        return max(0.001, self._end - self._clock())

    def watch(self, connection: Interruptible | None) -> None:
        """Interrupt this connection from now on; raises what was broken before.

        Raises:
            QueryError: EXCEEDED_TIME_LIMIT, EXCEEDED_MEMORY_LIMIT or USER_CANCELED.
        """
        with self._lock:
            self._running = connection
        if connection is not None:
            self.check()

    def check(self) -> None:
        """Raise what was broken.

        Raises:
            QueryError: EXCEEDED_TIME_LIMIT, EXCEEDED_MEMORY_LIMIT or USER_CANCELED.
        """
        if self._broken:
            raise self._broken

    def cancel(self) -> None:
        """End the statement because a client asked for it."""
        self._break(QueryError("USER_CANCELED", "Query was canceled"))

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_SECONDS):
            if self._broken:
                self._break(self._broken)
            elif self._clock() > self._end:
                self._break(
                    QueryError("EXCEEDED_TIME_LIMIT", f"Query exceeded maximum time limit of {self._seconds / 60:.2f}m")
                )
            elif self._process.memory_info().rss > self._bytes:
                self._break(QueryError("EXCEEDED_MEMORY_LIMIT", EXHAUSTED))

    def _break(self, fault: QueryError) -> None:
        with self._lock:
            self._broken = self._broken or fault
            # Again and again: an interrupt between two statements of a connection is lost.
            if self._running is not None:
                self._running.interrupt()
