"""redrive: bring in what the pipe or Firehose gave up: dead letters, and the objects under errors/."""

import argparse
from typing import Any

from generator import screen
from infra.aws.redrive import Redrive, Redriven
from infra.commands import data, terminal
from lakehouse.settings import Settings


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("redrive", help="bring in what the pipe or Firehose gave up, from stream and errors/")
    command.set_defaults(run=run)


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Put into bronze what was given up; 1 if some of it is nowhere any more."""
    if settings.aws_endpoint_url and not given.env:
        data.require_stack(settings, ["gateway"])
    with screen.progress() as report:
        done = Redrive(settings, report).run()
    for line in told(done):
        terminal.say(line)
    return 1 if done.gone else 0


def told(done: Redriven) -> list[str]:
    """What a redrive came to, in lines for a person."""
    lines = [
        f"{done.changes:,} changes of {done.letters:,} dead letters and {done.records:,} records of {done.objects:,} "
        f"objects of errors/ are in bronze; the driver takes them in within half a minute"
    ]
    if done.covered:
        lines.append(f"{done.covered:,} dead letters removed: a resync of a later stream has brought all rows")
    if done.unfit:
        lines.append(f"{done.unfit:,} records of errors/ break the contract: they stay in silver.rejected")
    if done.others:
        lines.append(f"{done.others:,} messages are no dead letters of this table: they stay in the queue")
    if done.gone:
        lines.append(
            f"{done.gone:,} dead letters are about changes that no stream has any more: disable the table's stream and "
            "enable it again, run `make up`, `make resync`, and then this again"
        )
    return lines
