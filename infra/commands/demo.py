"""demo: the whole way in one command, from an empty stack to checked tables and a report."""

import argparse
import time
from typing import Any

from rich import box
from rich.table import Table

from generator import noise, screen, topics, wait
from infra.commands import data, stack, terminal
from infra.local import status
from infra.local.lake import Lake
from infra.report import checks
from infra.report.checks import Check, Sent
from lakehouse.errors import SourceError
from lakehouse.settings import Settings

PUBLISH_SECONDS = 60.0
_NEXT = """\
The stack stays up. What to do next:
  make query SQL="select * from gold.daily_sales order by net_revenue desc limit 5"
  make status
  make down"""


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("demo", help="start, replay a year of sales, check every sum, write a report")
    command.add_argument("--noise", choices=sorted(noise.LEVELS), default="realistic", help="how much goes wrong")
    command.add_argument("--seed", type=int, default=1, metavar="N", help="of all chance (1)")
    command.add_argument("--limit", type=int, metavar="N", help="only the first N lines, for a quick try")
    command.set_defaults(run=demo, rate=None)


def demo(settings: Settings, given: argparse.Namespace) -> int:
    """Run the demo; 1 if a check fails."""
    steps = _Steps()
    steps.begin("start the stack")
    stack.up(settings, argparse.Namespace(names=[]))
    steps.begin("replay the sales of a year and wait until gold has them")
    starts = _settled(settings)
    replayed = data.send_and_wait(settings, given)
    if replayed is None:
        terminal.say("stopped; run the same command again to go on")
        return 130
    sent = Sent(replayed.summary, starts, _published(settings))
    steps.begin("check every row")
    found = checks.run(settings, sent, lambda line: terminal.progress(f"  {line}"))
    _print_checks(found)
    steps.end()
    terminal.say(_NEXT)
    failed = [check for check in found if not check.passed]
    return 1 if failed else 0


class _Steps:
    """Says each step and how long the one before took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._name, self._began, self._start = "", 0.0, time.monotonic()

    def begin(self, name: str) -> None:
        self.end()
        self._name, self._began = name, time.monotonic()
        terminal.progress(f"\n{len(self.seconds) + 1}. {name}")

    def end(self) -> None:
        if self._name:
            self.seconds[self._name] = time.monotonic() - self._began
            terminal.progress(f"   {self.seconds[self._name]:.1f} s")
        self._name = ""


def _settled(settings: Settings) -> dict[int, int]:
    """Wait until gold has what lies in the topic already; returns the topic's end offsets."""
    topic_id, ends = topics.ensure(settings), topics.end_offsets(settings)
    if any(ends.values()):
        with screen.progress() as report:
            wait.until_in_gold(settings, topic_id, ends, report)
    return ends


def _published(settings: Settings) -> int:
    """Wait until ops.batches has the newest batch; returns the generation it belongs to."""
    lake, deadline = Lake(settings), time.monotonic() + PUBLISH_SECONDS
    while True:
        progress = status.progress(settings)
        if progress:
            newest = lake.query(
                f"SELECT max(batch_id) FROM ops.batches WHERE generation = {progress.generation}"  # noqa: S608
            ).read_all()
            if (newest.column(0)[0].as_py() or 0) >= progress.batch_id:
                return progress.generation
        if time.monotonic() > deadline:
            raise SourceError(
                f"ops.batches lacks batches after {PUBLISH_SECONDS:.0f} s", "all of them", "see `make logs`"
            )
        time.sleep(0.5)


def _print_checks(found: list[Check]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("", "check", "found"):
        table.add_column(column)
    for check in found:
        mark = "[green]ok[/]" if check.passed else "[red]FAIL[/]"
        differs = f"; expected {check.expected}" if not check.passed else ""
        table.add_row(mark, f"{check.group}: {check.name}", f"{check.found}{differs}")
    terminal.out.print(table)
