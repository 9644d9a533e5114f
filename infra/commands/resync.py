"""resync: bring silver to what the DynamoDB table holds, after its stream was off or before it had one."""

import argparse
from typing import Any

from generator import screen
from infra.aws.resync import Resync
from infra.commands import data, terminal
from lakehouse.settings import Settings


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("resync", help="bring silver to what the DynamoDB table holds, by a scan")
    command.set_defaults(run=run)


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Scan the table and write what it holds, and what it lacks, into bronze."""
    if settings.aws_endpoint_url and not given.env:
        data.require_stack(settings, ["gateway", "spark"])
    with screen.progress() as report:
        done = Resync(settings, report).run()
    terminal.say(
        f"{done.read:,} rows of {settings.dynamodb_table} read and {done.deleted:,} deletes, as of the stream of "
        f"{done.label}; the driver takes in the {len(done.objects)} objects within half a minute"
    )
    return 0
