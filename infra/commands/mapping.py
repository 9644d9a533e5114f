"""mapping: check the mapping of the DynamoDB table, show it, and put it into force."""

import argparse
import dataclasses
from typing import Any

from rich.table import Table

from infra.aws import mapping
from infra.commands import terminal
from lakehouse.settings import Settings


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("mapping", help="check and show which attribute of the table is which column")
    command.add_argument("file", nargs="?", metavar="FILE", help="a YAML file; that of DYNAMODB_MAPPING by default")
    command.add_argument("--apply", action="store_true", help="put it into force; then run `make rebuild`")
    command.set_defaults(run=run)


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Show the mapping, and apply it where that is asked for."""
    if given.file:
        settings = dataclasses.replace(settings, dynamodb_mapping=given.file)
    found = mapping.of_settings(settings)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("column", "from", "type", "default"):
        table.add_column(head)
    for column, field in found.fields.items():
        table.add_row(column, field.attribute, field.kind if field.attribute else "", field.default or "")
    terminal.out.print(table)
    if given.apply:
        changed = mapping.apply(settings, found)
        terminal.say("it is in force now; run `make rebuild`" if changed else "it was in force already")
    return 0
