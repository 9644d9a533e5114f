"""demo: the whole way in one command, from an empty stack to checked tables, forecasts and a report."""

import argparse
import dataclasses
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from generator import noise, screen, topics, wait
from infra.commands import catalog, data, forecast, forecasts, stack, terminal
from infra.commands.forecasts import Outcome
from infra.local import status
from infra.local.lake import Lake
from infra.report import chart, checks, facts, page
from infra.report.checks import Check, Sent
from infra.report.facts import Facts
from infra.report.words import share
from lakehouse.errors import LakehouseError, SourceError
from lakehouse.places import KAFKA
from lakehouse.settings import Settings
from lakehouse.tables import OUTCOMES

PUBLISH_SECONDS = 60.0
_FIRST = 5
_NEXT = """\
The stack stays up. What to do next:
  make query SQL="select * from gold.daily_sales order by net_revenue desc limit 5"
  make query FILE=infra/aws/queries/newest_forecast.sql
  make status
  make down"""


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("demo", help="start, replay a year of sales, check every sum, forecast, report")
    command.add_argument("--noise", choices=sorted(noise.LEVELS), default="realistic", help="how much goes wrong")
    command.add_argument("--seed", type=int, default=1, metavar="N", help="of all chance (1)")
    command.add_argument("--limit", type=int, metavar="N", help="only the first N lines, for a quick try")
    command.add_argument("--no-forecasts", dest="forecasts", action="store_false", help="make no forecasts")
    data.add_ingest(command)
    command.set_defaults(run=demo, rate=None)


def demo(settings: Settings, given: argparse.Namespace) -> int:
    """Run the demo; 1 if a check or a forecast fails, 130 if a person stops it."""
    steps = _Steps()
    steps.begin("start the stack")
    stack.up(settings, argparse.Namespace(names=data.NEEDED[given.ingest] or []))
    steps.begin("replay the sales of a year and wait until gold has them")
    starts, began_at = _settled(settings) if KAFKA in data.sinks(given.ingest) else {}, time.time()
    replayed = data.send_and_wait(settings, given)
    if replayed is None:
        terminal.say("stopped; run the same command again to go on")
        return 130
    generation = _published(settings)
    sent = [Sent(summary, starts, generation, began_at) for summary in replayed.summaries]
    catalog.refresh(settings)
    steps.begin("check every row")
    found = checks.run(settings, sent, lambda line: terminal.progress(f"  {line}"))
    _print_checks(found)
    outcome = Outcome()
    if given.forecasts:
        steps.begin("forecast what comes next")
        outcome = _forecasts(settings)
    steps.end()
    shown = facts.read(settings, found, sent, steps.seconds, datetime.now().astimezone())
    shown = dataclasses.replace(shown, forecasts=outcome.made, missing_forecasts=_missing(outcome))
    _print_sales(shown)
    forecast.show(outcome.made)
    path = page.write(shown, settings.data_path / "reports")
    terminal.say(f"\nreport: {path}\n")
    failed = [check for check in found if not check.passed]
    for check in failed:
        terminal.error(f"{check.group}: {check.name}: {check.found}; expected {check.expected}")
    code = forecast.tell(outcome)
    terminal.say(_NEXT)
    return code or (1 if failed else 0)


def _forecasts(settings: Settings) -> Outcome:
    """Make those that the history suffices for; a fault costs only the forecasts."""
    try:
        known = forecasts.definitions(settings)
        short = forecasts.shortages(settings, known.values())
        possible = {name: one for name, one in known.items() if name not in short}
        outcome = forecasts.make(settings, possible) if possible else Outcome()
    except LakehouseError as fault:
        return Outcome(faults={"forecasts": str(fault)})
    outcome.impossible = [f"no forecast {name}: {reason}" for name, reason in short.items()]
    for line in outcome.impossible:
        terminal.progress(f"  {line}")
    return outcome


def _missing(outcome: Outcome) -> list[str]:
    """Why forecasts are not in the report, a line each."""
    failed = [f"{name} failed: {fault}" for name, fault in outcome.faults.items()]
    return [*outcome.impossible, *failed, *(f"{name} was not waited for" for name in outcome.left)]


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
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for check in found:
        mark = Text("ok", "green") if check.passed else Text("FAIL", "bold red")
        differs = f"; expected {check.expected}" if not check.passed else ""
        table.add_row(mark, Text(check.group), Text(check.name), Text(f"{check.found}{differs}"))
    terminal.out.print(table)


def _print_sales(shown: Facts) -> None:
    """The sales in a few tables and a chart."""
    terminal.say("\nNet revenue by week")
    for line in chart.weekly(shown.weeks, min(terminal.out.width, 120)):
        terminal.say(line)
    first = [
        (
            f"{day.first}",
            f"{day.orders:,}",
            f"{day.units_sold:,}",
            f"{day.gross:,}",
            f"{day.returned:,}",
            f"{day.net:,}",
        )
        for day in shown.days[:_FIRST]
    ]
    _print("The first days", ("sales_date", "orders", "units", "gross £", "returned £", "net £"), first)
    for title, best in (("Top products", shown.products), ("Countries", shown.countries)):
        _print(title, ("", "units", "net £"), [(row.name, f"{row.units:,}", f"{row.net:,}") for row in best[:_FIRST]])
    whole = sum(batch.rows_read for batch in shown.batches)
    counts = {word: sum(batch.outcomes[word] for batch in shown.batches) for word in OUTCOMES}
    rows = [(word, f"{count:,}", share(count, whole)) for word, count in counts.items()]
    _print("Rows by outcome", ("outcome", "rows", "share"), [*rows, ("all", f"{whole:,}", "")])


def _print(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    terminal.say(f"\n{title}")
    terminal.out.print(table)
