"""status and top: the stack and its data at a moment, and live."""

import argparse
import contextlib
import json
import time
from typing import Any

import psutil
from rich.console import Group
from rich.live import Live

from infra.commands import terminal, view
from infra.local import machine, status
from infra.local.health import Health
from lakehouse.settings import Settings

REFRESH_SECONDS = 1.0


def register(commands: Any) -> None:
    """Add the commands to the parser."""
    command = commands.add_parser("status", help="show each process, how far the data has come, and what is behind")
    command.add_argument(
        "--json",
        nargs="?",
        const="processes",
        choices=("processes", "all"),
        help="the processes as a JSON list, or all of it as a JSON object",
    )
    command.set_defaults(run=show)
    commands.add_parser("top", help="the same live, with the last batches; Ctrl-C ends it").set_defaults(run=top)


def show(settings: Settings, given: argparse.Namespace) -> int:
    """Print the state of each process and of the data."""
    if given.json == "processes":
        fields = ("name", "pid", "port", "health", "resident_bytes")
        found = status.health(settings)
        terminal.say(json.dumps([{field: getattr(one, field) for field in fields} for one in found], indent=1))
        return 0
    picture = status.Observer(settings).look()
    if given.json == "all":
        terminal.say(json.dumps(view.document(picture), indent=1))
        return 0
    terminal.out.print(Group(*view.processes(picture), *view.data(picture, settings)))
    if all(one.health == "stopped" for one in picture.processes) and (strays := machine.marked(settings.data_path)):
        terminal.say(f"{len(strays)} processes are left of a supervisor that was killed; run `make up` or `make down`")
    return 0


def top(settings: Settings, given: argparse.Namespace) -> int:
    """Show it live until Ctrl-C; where there is no terminal, once."""
    observer, meter = status.Observer(settings), Meter()

    def frame() -> Group:
        picture = observer.look()
        busy = meter.shares(picture.processes)
        return Group(*view.processes(picture, busy), *view.data(picture, settings), *view.batches(picture))

    if not terminal.out.is_terminal:
        terminal.out.print(frame())
        return 0
    with contextlib.suppress(KeyboardInterrupt), Live(frame(), console=terminal.out, screen=True) as live:
        while True:
            began = time.monotonic()
            live.update(frame(), refresh=True)
            time.sleep(max(REFRESH_SECONDS - (time.monotonic() - began), 0.1))
    return 0


class Meter:
    """Measures how busy processes were between two looks."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[float, float]] = {}

    def shares(self, processes: list[Health]) -> dict[str, float]:
        """By name, cores that a process and its children used since the last look; nothing at the first."""
        now = time.monotonic()
        seconds = {
            # the supervisor is the parent of all: its children have lines of their own
            one.name: (one.pid, _cpu_seconds(machine.family(one.pid)[: 1 if one.name == "supervisor" else None]))
            for one in processes
            if one.pid
        }
        found = {}
        for name, (pid, used) in seconds.items():
            if pid in self._before:
                used_then, then = self._before[pid]
                found[name] = max(used - used_then, 0.0) / max(now - then, 1e-3)
        self._before = {pid: (used, now) for pid, used in seconds.values()}
        return found


def _cpu_seconds(family: list[psutil.Process]) -> float:
    found = 0.0
    for process in family:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            found += times.user + times.system
    return found
