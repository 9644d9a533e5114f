"""A worker's process as the pool sees it: what it is given, what it is doing, when it is killed."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from infra.local.athena.engine import wire
from infra.local.athena.engine.tasks import Task
from lakehouse.settings import Settings, environment

COMMAND = (sys.executable, "-P", "-m", "infra.local.athena.engine.worker")
_KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
_ROOT = Path(__file__).resolve().parents[4]


def spawn(command: Sequence[str], settings: Settings, folder: Path) -> "Worker":
    """Start a worker with the settings and nothing else of this process's environment.

    Raises:
        OSError: It cannot be started.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    process = subprocess.Popen(  # noqa: S603 (our own command, no shell)
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=folder,
        env={**kept, **environment(settings), "PYTHONPATH": str(_ROOT)},
        # A Ctrl-C in the terminal is for the gateway.
        start_new_session=True,
    )
    return Worker(process)


class Worker:
    """A process and what it is doing."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.task: Task | None = None
        self.timer: threading.Timer | None = None
        self.why_killed = ""
        self.is_ready = False
        self.released = 0  # counts the pool's releases

    def send(self, **message: Any) -> None:
        with contextlib.suppress(OSError, ValueError):  # a worker that is gone is noticed by who reads from it
            stream: IO[bytes] | None = self.process.stdin
            if stream:
                stream.write(wire.line(**message))
                stream.flush()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something in so many seconds, and no more what was to be done before."""
        self.forget()
        self.timer = threading.Timer(seconds, do)
        self.timer.daemon = True
        self.timer.start()

    def forget(self) -> None:
        """Do no more what was to be done."""
        if self.timer:
            self.timer.cancel()
            self.timer = None

    def dismiss(self) -> None:
        """Have it end by itself: it lives as long as its input."""
        with contextlib.suppress(OSError):
            if self.process.stdin:
                self.process.stdin.close()

    def close(self) -> int:
        """Wait for its end and close what led to it; its exit code."""
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        return code
