"""What the command line gives to every benchmark."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Args: `rounds` to measure and `minutes` of load; None for what the benchmark itself says."""

    rounds: int | None = None
    minutes: float | None = None

    def rounds_or(self, default: int) -> int:
        """The rounds asked for, or the benchmark's own number."""
        return default if self.rounds is None else self.rounds

    def minutes_or(self, default: float) -> float:
        """The same for the minutes."""
        return default if self.minutes is None else self.minutes
