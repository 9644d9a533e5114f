"""Worker processes: how one is started, how it is known that it ended, how it is killed.

It knows no states; a worker is a command, a folder and a number. A worker lives no longer than the service: its
standard input is a pipe that the system closes with the service, whatever ends that.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

COMMAND = (sys.executable, "-P", "-m", "forecasting.service.worker")
_KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
# OpenMP's threads, LightGBM's, spin while they wait for each other; on cores that others use too, they must sleep.
_SHARED = {"OMP_WAIT_POLICY": "PASSIVE"}
_ROOT = Path(__file__).resolve().parents[2]


class Workers:
    """The workers of one service.

    Args:
        command: What is run; the artefact folder is added to it.
        lock: A file that every worker holds locked while it lives.
        ended: Called with number and return code, in a thread of its own, when a worker has ended.
    """

    def __init__(self, command: Sequence[str], lock: Path, ended: Callable[[int, int], None]) -> None:
        self._command, self._path, self._ended = tuple(command), lock, ended
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = -1

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, number: int) -> bool:
        return number in self._running

    def open(self) -> bool:
        """Whether the workers of a service that was killed are gone, so that none writes where a new one does.

        Nothing is started before this has said yes; while another service runs on the folder it never does.
        """
        if self._lock < 0:
            self._lock = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def start(self, number: int, folder: Path, environment: Mapping[str, str]) -> None:
        """Start a worker on a folder.

        Raises:
            OSError: The system refuses another process.
        """
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        process = subprocess.Popen(  # noqa: S603 (our own command, no shell)
            (*self._command, str(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            env={**kept, **_SHARED, **environment, "PYTHONPATH": str(_ROOT)},
            # The lock is one with ours: it is free when the last of us is gone.
            pass_fds=(self._lock,),
            # A Ctrl-C in the terminal is for the service, which knows that the job goes on later.
            start_new_session=True,
        )
        self._running[number] = process
        threading.Thread(target=self._wait, args=(number, process), daemon=True).start()

    def kill(self, number: int) -> None:
        """End a worker at once; `ended` is called when it is gone."""
        if number in self._running:
            self._running[number].kill()

    def forget(self, number: int) -> None:
        """Make room for another; called once a worker's end has been dealt with."""
        self._running.pop(number, None)

    def numbers(self) -> list[int]:
        """The workers that were started and are not forgotten."""
        return list(self._running)

    def close(self) -> None:
        """End all workers."""
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _wait(self, number: int, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        if process.stdin:
            process.stdin.close()
        self._ended(number, code)
