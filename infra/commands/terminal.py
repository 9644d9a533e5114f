"""What the commands write to a person: answers to stdout, progress and errors to stderr."""

import sys

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """One line of an answer, as it is."""
    out.print(line, markup=False)


def progress(line: str) -> None:
    """One line of progress."""
    err.print(line, markup=False, style="dim" if line.startswith("  ") else None)


def error(line: str) -> None:
    """What went wrong."""
    err.print(f"error: {line}", markup=False, style="red" if sys.stderr.isatty() else None)
