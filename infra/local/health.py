"""How one process or container of the stack is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Health:
    """One process of the stack.

    Args:
        name: Its name.
        pid: Its process id; None while there is none.
        port: The port it listens on; None if on none.
        health: ready, starting, restarting, failed or stopped.
        resident_bytes: Memory of it and its children [bytes], shared pages divided among those who share them.
        reason: Why it is not ready.
        url: Where it is found.
        uptime_seconds: Since its last start.
        restarts: How often it was started again by itself.
    """

    name: str
    pid: int | None
    port: int | None
    health: str
    resident_bytes: int
    reason: str = ""
    url: str = ""
    uptime_seconds: float = 0.0
    restarts: int = 0
