"""`python -m tests.chaos.wrong_clock simulate …`: the generator on a machine whose clock is years off and jumps.

The shop's start is moved by years, and within a run the time of a change jumps to and fro: an update may be dated long
before the insert that it follows. Only the sequence tells.
"""

import sys
import time

from generator import __main__ as generator
from generator import dispatch, simulate
from generator.steps import Clock

YEAR_MILLIS = 365 * 86_400_000
START_YEARS = (-20, 3, -7, 0)
JUMP_YEARS = (0, -15, 5, -1)
JUMP_STEPS = 300


class WrongTime:
    """Stands in for the module `time` in the simulation."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def time_ns() -> int:
        """Now, years off; by how much changes with the second."""
        now = time.time_ns()
        return now + START_YEARS[now // 10**9 % len(START_YEARS)] * YEAR_MILLIS * 10**6


class WrongClock(Clock):
    """A shop's clock that is set forth and back every few hundred steps."""

    def millis(self, number: int) -> int:
        """When step `number` seems to happen, in milliseconds since 1970."""
        return super().millis(number) + JUMP_YEARS[number // JUMP_STEPS % len(JUMP_YEARS)] * YEAR_MILLIS


if __name__ == "__main__":
    vars(simulate)["time"] = WrongTime
    vars(dispatch)["Clock"] = WrongClock
    sys.exit(generator.main())
