"""query: ask the tables in SQL, with one statement or at a prompt, and print the answer."""

import argparse
import contextlib
import csv
import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from infra.commands import terminal
from infra.local.lake import Lake
from lakehouse.errors import LakehouseError
from lakehouse.settings import Settings

ROWS = 40
_PROMPT, _MORE = "saleslake> ", "       ... "
_LEFT = ("string", "large_string", "date32[day]")


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("query", help="ask the tables in SQL; without SQL, at a prompt")
    command.add_argument("sql", nargs="?", default="", metavar="SQL", help="a SELECT over silver, gold and ops")
    formats = ("table", "csv", "json")
    command.add_argument("--format", choices=formats, help="table on a terminal, csv elsewhere; json is one row a line")
    command.add_argument("--limit", type=int, default=ROWS, metavar="N", help=f"rows of a table ({ROWS}); 0 for all")
    command.set_defaults(run=query)


def query(settings: Settings, given: argparse.Namespace) -> int:
    """Answer the given SQL, that of stdin, or what is typed at the prompt."""
    lake = Lake(settings)
    format_ = given.format or ("table" if sys.stdout.isatty() else "csv")
    sql = given.sql.strip() or ("" if sys.stdin.isatty() else sys.stdin.read().strip())
    if sql:
        answer(lake, sql, format_, given.limit)
    elif sys.stdin.isatty():
        prompt(lake, format_, given.limit)
    return 0


def answer(lake: Lake, sql: str, format_: str, limit: int) -> None:
    """Print the rows of a statement."""
    rows = lake.query(sql)
    if format_ == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(rows.schema.names)
        writer.writerows([_text(value) for value in row] for row in _rows(rows))
    elif format_ == "json":
        for row in _rows(rows):
            sys.stdout.write(json.dumps(dict(zip(rows.schema.names, row, strict=True)), default=_text) + "\n")
    else:
        _print_table(rows, limit)


def prompt(lake: Lake, format_: str, limit: int) -> None:
    """Read statements that end with a semicolon until `.quit` or Ctrl-D; Ctrl-C drops the one being typed."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401, PLC0415  (line editing and history for `input`, where there is one)
    terminal.say("SQL ends with a semicolon; .tables lists the tables, .quit ends")
    typed = ""
    while True:
        try:
            line = input(_MORE if typed else _PROMPT)
        except EOFError:
            terminal.say("")
            return
        except KeyboardInterrupt:
            typed = ""
            terminal.say("")
            continue
        command = line.strip().rstrip(";").strip() if not typed else ""
        if command in (".quit", ".exit"):
            return
        typed = f"{typed}\n{line}".strip()
        if typed.endswith(";") or command.startswith("."):
            _reply(lake, typed, format_, limit)
            typed = ""


def _reply(lake: Lake, typed: str, format_: str, limit: int) -> None:
    try:
        if typed.startswith(".tables"):
            for found in lake.presence():
                terminal.say(f"{found.name:32} {found.meaning if found.is_there else 'not there yet'}")
        elif typed.startswith("."):
            terminal.error(f"{typed}; expected .tables or .quit")
        else:
            answer(lake, typed, format_, limit)
    except LakehouseError as fault:
        terminal.error(str(fault))
    except KeyboardInterrupt:
        terminal.say("")


def _rows(rows: pa.RecordBatchReader) -> Iterator[tuple[Any, ...]]:
    for batch in rows:
        columns = [pa.chunked_array([column]).to_pylist(maps_as_pydicts="lossy") for column in batch.columns]
        yield from zip(*columns, strict=True)


def _print_table(rows: pa.RecordBatchReader, limit: int) -> None:
    names, found = rows.schema.names, list(itertools.islice(_rows(rows), limit + 1 if limit else None))
    cut = bool(limit) and len(found) > limit
    shown = [[_text(value) for value in row] for row in (found[:limit] if cut else found)]
    widths = [max(map(cell_len, column)) for column in zip(names, *shown, strict=True)]
    if shown and sum(widths) + 3 * len(widths) > terminal.out.width:
        _print_records(names, shown)
    elif names:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name, type_ in zip(names, rows.schema.types, strict=True):
            table.add_column(name, justify="left" if str(type_) in _LEFT else "right", no_wrap=True)
        for row in shown:
            table.add_row(*map(Text, row))
        terminal.out.print(table)
    terminal.say(
        f"the first {limit} rows; --limit N or --format csv for more"
        if cut
        else f"{len(shown)} row{'s' if len(shown) != 1 else ''}"
    )


def _print_records(names: list[str], rows: list[list[str]]) -> None:
    """A row too wide for the terminal as lines of name and value."""
    width = max(map(cell_len, names))
    for number, row in enumerate(rows, start=1):
        terminal.say(f"─ row {number}")
        for name, value in zip(names, row, strict=True):
            terminal.say(f"  {name:{width}}  {value}")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return json.dumps(value, default=_text)
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat(sep=" ") if hasattr(value, "hour") and hasattr(value, "year") else str(value)
