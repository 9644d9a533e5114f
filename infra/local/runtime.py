"""What the local stack runs in, behind one interface: processes of this machine, or containers.

The setting STACK is asked here and nowhere else. A runtime starts, stops and shows; what flows through it is not known.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from infra.local.compose import Compose
from infra.local.doctor import Finding
from infra.local.health import Health
from infra.local.processes import Processes
from infra.local.supervision import Report
from lakehouse.settings import Settings


class Runtime(Protocol):
    """Where the parts of stack.PROCESSES run, each under its name."""

    def examine(self) -> list[Finding]:
        """Check what the runtime needs of this machine; changes nothing."""

    def up(self, names: Sequence[str], refresh: Callable[[], None], report: Report) -> list[str]:
        """Start what is not running of the named parts and those they need, all without a name; wait until it is ready.

        Args:
            names: Parts.
            refresh: What brings catalogue and deployed stacks up to date, called once the gateway answers, unless the
                gateway has done so itself.
            report: Told how it goes, a line at a time.

        Returns:
            The names of the parts that were started.

        Raises:
            ConfigError: This machine lacks something, or a port is held by somebody else.
            SourceError: A part is not ready in time; the others stay up.
        """

    def down(self, report: Report) -> int:
        """Stop everything; the data stays. Returns how many parts ran."""

    def erase(self, report: Report) -> None:
        """Stop everything and DELETE the data that lies outside of the data folder."""

    def restart(self, name: str, refresh: Callable[[], None], report: Report) -> None:
        """Stop one part and start it again, with its settings of now."""

    def logs(self, names: Sequence[str], *, lines: int, follow: bool) -> Iterator[str]:
        """The last lines of each log and, where `follow` is set, what is added to them, for ever."""

    def health(self, *, memory: bool = True) -> list[Health]:
        """Every part in the order of its start; without `memory` sooner, and the bytes are 0."""

    def has_driver(self) -> bool:
        """Whether the Spark driver runs, or is started again by itself."""

    def run_instead_of_driver(self, command: str, report: Report) -> int:
        """Run another command of spark_jobs while the driver is stopped; returns its exit code."""


def of(settings: Settings) -> Runtime:
    """The runtime that the settings name."""
    return Compose(settings) if settings.stack == "compose" else Processes(settings)
