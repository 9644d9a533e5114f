"""The generator under fire: a process that sends changes, may be killed, and is run again until all is confirmed."""

import subprocess
import time
from dataclasses import dataclass
from random import Random

from lakehouse import places
from tests.chaos.stack import NotInTimeError, Stack

RATES = {places.KAFKA: (200, 400, 800), places.DYNAMODB: (50, 100, 200)}
"""Changes a second; a change of the table is a request."""
REPLAY_RATE = 4
"""How many times faster whole rows go to the table, in batches."""


@dataclass(frozen=True)
class Request:
    """What the generator is asked for.

    Args:
        command: Of `python -m`, what sends the load.
        again: What is run after it was killed: it finishes what was interrupted.
    """

    command: tuple[str, ...]
    again: tuple[str, ...]

    @classmethod
    def draw(cls, rng: Random, seconds: float, *, sink: str = places.KAFKA, wrong_clock: bool = False) -> "Request":
        """One of the shop's three ways to send: as it happens, the history of half a year, the UCI data set."""
        rate = rng.choice(RATES[sink])
        given = ("--noise", "heavy", "--sink", sink)
        drawn = ("--seed", str(rng.randrange(10**6)), *given)
        program = "tests.chaos.wrong_clock" if wrong_clock else "generator"
        kind = rng.choice(("now", "history", "replay"))
        if kind == "replay" and not wrong_clock:
            rate *= REPLAY_RATE if sink == places.DYNAMODB else 1
            replay = (program, "replay", "--limit", str(int(rate * seconds)), "--rate", str(rate), *drawn)
            return cls(replay, replay)
        days = ("--from", "2026-01-01", "--to", "2026-06-30") if kind == "history" else ()
        command = (program, "simulate", "--seconds", str(seconds), *days, "--rate", str(rate), *drawn)
        return cls(command, ("generator", "simulate", "--changes", "20", *given))


class Load:
    """One request under way."""

    def __init__(self, stack: Stack, request: Request) -> None:
        self._stack, self._request = stack, request
        self._log = (stack.settings.data_path / "logs" / "generator.log").open("a")
        self._running = stack.start(*request.command, log=self._log)
        self.kills = 0

    def kill(self) -> None:
        """kill -9, and at once what finishes its work."""
        self._running.kill()
        self._running.wait()
        self.kills += 1
        self._running = self._stack.start(*self._request.again, log=self._log)

    def stop(self) -> "subprocess.Popen[bytes]":
        """The process, to be stopped and continued."""
        return self._running

    def finish(self, seconds: float) -> None:
        """Wait until everything is sent and confirmed, running it again as often as it fails.

        Raises:
            NotInTimeError: It is not by then.
        """
        end = time.monotonic() + seconds
        try:
            while True:
                try:
                    if self._running.wait(max(0.1, end - time.monotonic())) == 0:
                        return
                except subprocess.TimeoutExpired as fault:
                    self._running.kill()
                    self._running.wait()
                    raise NotInTimeError(f"the generator has not sent everything within {seconds:.0f} s") from fault
                time.sleep(0.5)
                self._running = self._stack.start(*self._request.again, log=self._log)
        finally:
            self._log.close()
