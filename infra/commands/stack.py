"""up, down, restart, reset, logs and doctor: the processes of the local stack."""

import argparse
import contextlib
import shutil
import time
from collections import deque
from pathlib import Path
from typing import Any

from infra.aws import mapping
from infra.commands import catalog, forecasts, streams, terminal
from infra.local import compose, doctor, gateway, stack, status, supervision
from infra.local.daemon import Daemon
from lakehouse.errors import ConfigError
from lakehouse.settings import Settings


def register(commands: Any) -> None:
    """Add the commands to the parser."""
    command = commands.add_parser("up", help="start the stack, or the named processes and what they need")
    command.add_argument("names", nargs="*", metavar="NAME", help=", ".join(stack.PROCESSES))
    command.set_defaults(run=up)
    commands.add_parser("down", help="stop every process; the data stays").set_defaults(run=down)
    command = commands.add_parser("restart", help="stop one process and start it again, with its settings of now")
    command.add_argument("name", metavar="NAME", choices=stack.PROCESSES)
    command.set_defaults(run=restart)
    commands.add_parser("reset", help="stop everything and DELETE the local data").set_defaults(run=reset)
    command = commands.add_parser("logs", help="show the last log lines and follow; Ctrl-C ends it")
    command.add_argument("name", nargs="?", metavar="NAME", choices=[*stack.PROCESSES, "supervisord"])
    command.add_argument("--lines", type=int, default=20, metavar="N", help="lines of before for each (20)")
    command.add_argument("--no-follow", dest="follow", action="store_false", help="only what is there")
    command.set_defaults(run=logs)
    commands.add_parser("doctor", help="check what the stack needs of this machine").set_defaults(run=examine)


def up(settings: Settings, given: argparse.Namespace) -> int:
    """Check the machine, then start what is not running and wait until it is ready."""
    begin = time.monotonic()
    mapping.of_settings(settings)  # a mistake is told before anything runs
    if settings.stack == "compose":
        compose.up(settings, given.names, terminal.progress)
        terminal.progress(f"all containers are healthy after {time.monotonic() - begin:.1f} s")
        for one in status.health(settings):
            if one.url:
                terminal.say(f"{one.name:10} {one.url}")
        return 0
    processes = stack.processes(settings, given.names)
    names = [process.name for process in processes]
    for _, fault, _ in doctor.examine(settings, names):
        if fault:
            raise fault
    started = supervision.up(
        settings.data_path,
        processes,
        ports=stack.ports(settings, names),
        then=stack.then(settings),
        report=terminal.progress,
    )
    if gateway.NAME in names:
        # The emulator forgets its catalogue when it is killed; a stack may be of older code.
        catalog.refresh(settings)
        forecasts.refresh(settings)
        streams.refresh(settings)
    terminal.progress(f"started {len(started)} of {len(processes)} in {time.monotonic() - begin:.1f} s")
    for process in processes:
        if process.url:
            terminal.say(f"{process.name:10} {process.url}")
    return 0


def down(settings: Settings, given: argparse.Namespace) -> int:
    """Stop every process of this data folder."""
    if settings.stack == "compose":
        compose.down(settings, report=terminal.progress)
        return 0
    stopped = supervision.down(settings.data_path, terminal.progress)
    terminal.progress(
        f"{stopped} processes stopped; the data stays in {settings.data_path}" if stopped else "nothing ran"
    )
    return 0


def restart(settings: Settings, given: argparse.Namespace) -> int:
    """Stop one process and start it again."""
    if settings.stack == "compose":
        compose.restart(settings, given.name, terminal.progress)
        return 0
    process = next(found for found in stack.processes(settings, [given.name]) if found.name == given.name)
    supervision.restart(settings.data_path, process, then=stack.then(settings), report=terminal.progress)
    if given.name == gateway.NAME:
        catalog.refresh(settings)
        forecasts.refresh(settings)
        streams.refresh(settings)
    return 0


def reset(settings: Settings, given: argparse.Namespace) -> int:
    """Stop everything and delete what lies in the data folder, or in the volumes; downloaded artefacts stay."""
    if settings.stack == "compose":
        compose.down(settings, volumes=True, report=terminal.progress)
    if not settings.data_path.exists():
        terminal.say(f"{settings.data_path} is not there: nothing to delete")
        return 0
    _require_ours(settings.data_path)
    if settings.stack != "compose":
        supervision.down(settings.data_path, terminal.progress)
    for path in sorted(settings.data_path.iterdir()):
        size = sum(file.lstat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else 0
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        terminal.say(f"deleted {path}" + (f" ({size / 1e6:,.1f} MB)" if size else ""))
    return 0


def logs(settings: Settings, given: argparse.Namespace) -> int:
    """Print the last lines of the logs and, unless told otherwise, what is added to them."""
    if settings.stack == "compose":
        return compose.logs(settings, [given.name] if given.name else [], lines=given.lines, follow=given.follow)
    daemon = Daemon(settings.data_path)
    names = [given.name] if given.name else list(stack.PROCESSES)
    places: dict[str, int] = {}
    for name in names:
        path = daemon.log(name)
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as file:
                for line in deque(file, maxlen=given.lines):
                    terminal.say(_log_line(name, line, len(names)))
                places[name] = file.tell()
    with contextlib.suppress(KeyboardInterrupt):
        while given.follow:
            for name in names:
                _follow(name, daemon.log(name), places, len(names))
            time.sleep(0.3)
    return 0


def examine(settings: Settings, given: argparse.Namespace) -> int:
    """Print every check; 1 if one fails."""
    found = doctor.examine(settings)
    for subject, fault, text in found:
        terminal.say(f"{'FAIL' if fault else 'ok':5}{subject:10} {fault or text}")
    return 1 if any(fault for _, fault, _ in found) else 0


def _follow(name: str, path: Path, places: dict[str, int], names: int) -> None:
    size = path.stat().st_size if path.exists() else 0
    if size < places.get(name, 0):
        places[name] = 0  # the log was rotated
    if size > places.get(name, 0):
        with path.open(encoding="utf-8", errors="replace") as file:
            file.seek(places.get(name, 0))
            for line in file:
                terminal.say(_log_line(name, line, names))
            places[name] = file.tell()


def _log_line(name: str, line: str, names: int) -> str:
    return line.rstrip("\n") if names == 1 else f"{name:10} {line.rstrip()}"


def _require_ours(folder: Path) -> None:
    """A mistyped DATA_DIR must not cost a person's files: only a folder in which a stack ran is emptied."""
    if any(folder.iterdir()) and not any((folder / mark).exists() for mark in ("supervisor", "compose")):
        raise ConfigError(f"{folder} holds no stack", "the data folder of one", "correct DATA_DIR; nothing was deleted")
