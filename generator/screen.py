"""Progress for a person: a bar on a terminal, a plain line every few seconds elsewhere; and the final table."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from generator.outcome import Report, Summary
from lakehouse.places import KAFKA

PLAIN_SECONDS: Final = 5.0


@contextmanager
def progress(stream: IO[str] | None = None) -> Iterator[Report]:
    """A report to pass to a long step; everything it is told is shown on `stream` (stderr by default)."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield _plain(stream)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream)) as bars:
        tasks: dict[str, tuple[TaskID, int, float]] = {}

        def report(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = (bars.add_task(what, total=total, rate="", completed=done), done, time.monotonic())
            task, first, began = tasks[what]
            bars.update(task, completed=done, total=total, rate=_rate(done - first, time.monotonic() - began))

        yield report


def _plain(stream: IO[str]) -> Report:
    began: dict[str, tuple[int, float]] = {}
    shown: dict[str, float] = {}

    def report(what: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        first, start = began.setdefault(what, (done, now))
        if now - shown.get(what, start) < PLAIN_SECONDS and done != total:
            return
        if shown.get(what) == float("inf"):
            return
        shown[what] = float("inf") if done == total else now
        rate = _rate(done - first, now - start)
        share = f" of {total:,} ({100 * done / total:.0f} %)" if total else ""
        left = ""
        if total and done > first and done < total:
            left = f", {(total - done) * (now - start) / (done - first):.0f} s left"
        stream.write(f"{what}: {done:,}{share}{', ' + rate if rate else ''}{left}\n")
        stream.flush()

    return report


def _rate(count: int, seconds: float) -> str:
    return f"{count / seconds:,.0f}/s" if count > 0 and seconds > 0.05 else ""


def summary_table(summary: Summary) -> Table:
    """Messages by kind."""
    table = Table()
    table.add_column("messages" if summary.sink == KAFKA else "changes")
    table.add_column("count", justify="right")
    for kind, count in sorted(summary.kinds.items(), key=lambda entry: -entry[1]):
        if not kind.startswith("malformed:"):
            table.add_row(kind.replace("_", " "), f"{count:,}")
    if summary.sink == KAFKA:
        table.add_row("malformed", f"{summary.malformed:,}")
    table.add_section()
    table.add_row("all", f"{summary.messages:,}")
    if summary.resumed_at:
        table.add_row("  sent before the interruption", f"{summary.resumed_at:,}")
    if summary.sink == KAFKA:
        table.add_row("  delivered after younger changes", f"{summary.delayed:,}")
    return table


def summary_line(summary: Summary) -> str:
    """What became of the run, in one line."""
    state = "stopped" if summary.stopped else "done"
    what = "messages sent and confirmed" if summary.sink == KAFKA else "changes of the table"
    return (
        f"{summary.shop} {state}: {summary.steps:,} changes of the shop; {summary.sent:,} {what} "
        f"in {summary.seconds:.1f} s, {summary.rate:,.0f}/s by {summary.client}"
    )
