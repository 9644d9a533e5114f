"""What the operating system says: which processes belong to a stack, what they hold, who listens where.

Reads and stops processes; knows nothing of what they do.
"""

import contextlib
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from infra.local.launch import MARK


def marked(data: Path) -> list[psutil.Process]:
    """Every process that belongs to the stack in a data folder, whoever its parent is; never this one's own line."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid not in own and process.environ().get(MARK) == str(data):
                found.append(process)
    return found


def family(pid: int) -> list[psutil.Process]:
    """A process and all its descendants; empty if it is gone."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def stop(processes: Iterable[psutil.Process], patience_seconds: float) -> None:
    """End processes: SIGTERM, then SIGKILL for those that are there after `patience_seconds`."""
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in wait(processes, patience_seconds):
        with contextlib.suppress(psutil.Error):
            process.kill()
    wait(processes, 5)


def wait(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until processes have ended; return those that have not.

    In a container without an init process, one that has ended may wait for ever for its exit code to be asked for.
    """
    deadline = time.monotonic() + seconds
    left = list(processes)
    while left := [process for process in left if lives(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return left


def lives(process: psutil.Process) -> bool:
    """Whether a process runs; one that waits for its parent to ask for its exit code does not."""
    try:
        return process.is_running() and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def resident_bytes(processes: Iterable[psutil.Process]) -> int:
    """Memory of processes [bytes]: their proportional set size, which splits shared pages among those who share them.

    Where the system does not tell it (macOS), the unique set size; else the resident set size.
    """
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            try:
                full = process.memory_full_info()
                total += getattr(full, "pss", 0) or full.uss
            except psutil.AccessDenied:
                total += process.memory_info().rss
    return total


def is_free(port: int) -> bool:
    """Whether a server could listen on a port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on a port, as far as one may know: `python3 (pid 123)`."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            here = connection.laddr and connection.laddr.port == port
            if here and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "a process of another user"
