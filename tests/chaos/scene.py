"""What a fault acts upon, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.chaos.load import Load
from tests.chaos.stack import Stack


class NotMetError(Exception):
    """The moment for a fault did not come."""


@dataclass
class Scene:
    """What a fault acts upon: the stack, the load on it, and its own chance."""

    stack: Stack
    load: Load
    rng: Random


Act = Callable[[Scene], float]
"""Does the fault, undoes it and returns when that was, on `time.monotonic()`."""
