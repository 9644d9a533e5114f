"""docs: write the pages that are made from the contracts, docs/tables.md and .env.example."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.commands import terminal
from infra.local.daemon import ROOT
from infra.local.lake import Lake
from lakehouse import settings as settings_module
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES, TABLES, Column, Table, View, views

_INTRODUCTION = """\
# Tables

Made from `lakehouse/tables.py` by `make docs`; change that file, not this one.

All are Delta tables at `s3://<bucket>/<layer>/<table>`. Types are Spark SQL's. Times are UTC; a date is the sale's
day in `BUSINESS_TIMEZONE`.
"""


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("docs", help="write docs/tables.md and .env.example from lakehouse/")
    command.add_argument(
        "--lake", action="store_true", help="print the page on tables with the columns this lake has gained"
    )
    command.set_defaults(run=docs)


def docs(settings: Settings, given: argparse.Namespace) -> int:
    """Write every page that is out of date; or print the page on tables as this lake has them."""
    if given.lake:
        sys.stdout.write(tables(Lake(settings).unknown_columns()))
        return 0
    for name, text in pages().items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            terminal.say(f"wrote {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return 0


def pages() -> dict[str, str]:
    """By path from the project's folder, the text of each page that is made."""
    return {"docs/tables.md": tables(), ".env.example": settings_module.example()}


def tables(unknown: Sequence[Column] = ()) -> str:
    """The page on tables and views; `unknown` are the columns of silver.order_lines beyond the contract."""
    shown = [
        dataclasses.replace(table, columns=(*table.columns, *unknown)) if table is SILVER_ORDER_LINES else table
        for table in TABLES
    ]
    return _INTRODUCTION + "".join(map(_table, shown)) + "".join(map(_view, views(column.name for column in unknown)))


def _view(view: View) -> str:
    return f"\n## {view.full_name}\n\nView. {view.meaning}\n\n```sql\n{view.body}\n```\n"


def _table(table: Table) -> str:
    rows = "".join(
        f"| `{column.name}` | {column.type} | {'yes' if column.nullable else 'no'} | {_cell(column.meaning)} |\n"
        for column in table.columns
    )
    key = ", ".join(f"`{name}`" for name in table.key)
    head = "| column | type | null | meaning |\n|---|---|---|---|\n"
    return f"\n## {table.full_name}\n\n{table.meaning} {table.grain.capitalize()}; key {key}.\n\n{head}{rows}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
