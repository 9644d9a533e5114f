"""What the supervisor needs to know of a process of the local stack, whatever the process is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def nothing_to_prepare() -> None:
    """Do nothing: most processes need no preparation."""


@dataclass(frozen=True)
class Process:
    """One long-running process of the local stack.

    Args:
        name: Its name in `status` and of its log file.
        command: The program and its arguments; absolute, no shell.
        port: The loopback port it listens on; None if on none.
        url: Where a person or client finds it; empty if nowhere.
        unready: Asks the process itself and returns why it is not ready yet in a few words; None once it is. It
            returns within 2 seconds and raises nothing.
        prepare: Run before each `up` while the process is down: writes its files, checks its input. Raises
            LakehouseError.
        environment: Variables beyond PATH, HOME, LANG, TZ and TMPDIR; the process inherits nothing else.
        after: Names of the processes that must be ready before this one is prepared and started.
        stop_seconds: How long it may take to stop after SIGTERM before it is killed.
    """

    name: str
    command: tuple[str, ...]
    port: int | None
    url: str
    unready: Callable[[], str | None]
    prepare: Callable[[], None] = nothing_to_prepare
    environment: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    stop_seconds: int = 10
