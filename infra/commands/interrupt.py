"""Ctrl-C as a wish: the first one asks a long step to come to an orderly end, the second one interrupts it."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def wishes() -> Iterator[Callable[[], bool]]:
    """Catch SIGINT and SIGTERM within the block; yields a function that says whether one has come."""
    caught: list[int] = []

    def catch(number: int, _frame: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, catch) for number in numbers]
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
