"""up, down, restart, reset, logs and doctor: the parts of the local stack, whatever they run in."""

import argparse
import contextlib
import shutil
import time
from pathlib import Path
from typing import Any

from infra.aws import mapping
from infra.commands import catalog, forecasts, streams, terminal
from infra.local import compose, runtime, stack
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
    running = runtime.of(settings)
    started = running.up(given.names, lambda: _refresh(settings), terminal.progress)
    parts = running.health(memory=False)
    lasting = [one for one in parts if one.name in stack.PROCESSES and one.pid]
    terminal.progress(f"started {len(started)} of {len(lasting)} in {time.monotonic() - begin:.1f} s")
    for one in lasting:
        if one.url:
            terminal.say(f"{one.name:10} {one.url}")
    return 0


def down(settings: Settings, given: argparse.Namespace) -> int:
    """Stop every part of the stack; the data stays."""
    stopped = runtime.of(settings).down(terminal.progress)
    terminal.progress(f"{stopped} stopped; the data stays" if stopped else "nothing ran")
    return 0


def restart(settings: Settings, given: argparse.Namespace) -> int:
    """Stop one part and start it again."""
    runtime.of(settings).restart(given.name, lambda: _refresh(settings), terminal.progress)
    return 0


def reset(settings: Settings, given: argparse.Namespace) -> int:
    """Stop everything and delete what lies in the data folder, or in the volumes; downloaded artefacts stay."""
    folder = settings.data_path
    if folder.exists():
        _require_ours(folder)
    runtime.of(settings).erase(terminal.progress)
    if not folder.exists():
        terminal.say(f"{folder} is not there: nothing to delete")
        return 0
    for path in sorted(folder.iterdir()):
        size = sum(file.lstat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else 0
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        terminal.say(f"deleted {path}" + (f" ({size / 1e6:,.1f} MB)" if size else ""))
    return 0


def logs(settings: Settings, given: argparse.Namespace) -> int:
    """Print the last lines of the logs and, unless told otherwise, what is added to them."""
    names = [given.name] if given.name else []
    with contextlib.suppress(KeyboardInterrupt):
        for line in runtime.of(settings).logs(names, lines=given.lines, follow=given.follow):
            terminal.say(line)
    return 0


def examine(settings: Settings, given: argparse.Namespace) -> int:
    """Print every check; 1 if one fails."""
    found = runtime.of(settings).examine()
    for subject, fault, text in found:
        terminal.say(f"{'FAIL' if fault else 'ok':5}{subject:10} {fault or text}")
    return 1 if any(fault for _, fault, _ in found) else 0


def _refresh(settings: Settings) -> None:
    """Bring catalogue and deployed stacks to what the code says."""
    catalog.refresh(settings)
    forecasts.refresh(settings)
    streams.refresh(settings)


def _require_ours(folder: Path) -> None:
    """A mistyped DATA_DIR must not cost a person's files: only a folder in which a stack ran is emptied."""
    if any(folder.iterdir()) and not any((folder / mark).exists() for mark in ("supervisor", compose.MARK)):
        raise ConfigError(f"{folder} holds no stack", "the data folder of one", "correct DATA_DIR; nothing was deleted")
