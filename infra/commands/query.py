"""query: ask the tables in SQL, with one statement, a file or at a prompt, and print what Athena answers."""

import argparse
import contextlib
import csv
import itertools
import json
import math
import sys
from pathlib import Path
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from infra.aws.athena import Answer, Athena
from infra.commands import terminal
from lakehouse.errors import ConfigError, LakehouseError
from lakehouse.settings import Settings

ROWS = 40
_PROMPT, _MORE = "saleslake> ", "       ... "
_NUMBERS = ("tinyint", "smallint", "integer", "bigint", "float", "double", "decimal")
_TABLES = """\
SELECT table_schema || '.' || table_name AS name, lower(table_type) AS kind
FROM information_schema.tables
WHERE table_schema <> 'information_schema'
ORDER BY 1"""


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("query", help="ask the tables in SQL; without SQL, at a prompt")
    command.add_argument("sql", nargs="?", default="", metavar="SQL", help="a statement in Athena's SQL")
    command.add_argument("--file", type=Path, metavar="PATH", help="read the statement from a file")
    formats = ("table", "csv", "json")
    command.add_argument("--format", choices=formats, help="table on a terminal, csv elsewhere; json is one row a line")
    command.add_argument("--limit", type=int, default=ROWS, metavar="N", help=f"rows of a table ({ROWS}); 0 for all")
    command.set_defaults(run=query)


def query(settings: Settings, given: argparse.Namespace) -> int:
    """Answer the given SQL, that of a file or of stdin, or what is typed at the prompt."""
    athena = Athena(settings)
    format_ = given.format or ("table" if sys.stdout.isatty() else "csv")
    sql = given.sql.strip() or _text_of(given.file)
    if not sql and not sys.stdin.isatty():
        sql = sys.stdin.read().strip()
    if sql:
        answer(athena, sql, format_, given.limit)
    elif sys.stdin.isatty():
        prompt(athena, format_, given.limit)
    return 0


def answer(athena: Athena, sql: str, format_: str, limit: int) -> None:
    """Print the rows of a statement."""
    found = athena.ask(sql, rows=limit + 1 if format_ == "table" and limit else 0)
    if found.updated is not None:
        terminal.progress(f"{found.updated} row{'s' if found.updated != 1 else ''} written")
    elif format_ == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        if found.names:
            writer.writerow(found.names)
        writer.writerows(map(_shown, row) for row in found.rows)
    elif format_ == "json":
        for row in found.rows:
            values = map(_value, row, found.types)
            sys.stdout.write(json.dumps(dict(zip(found.names, values, strict=True))) + "\n")
    else:
        _print_table(found, limit)


def prompt(athena: Athena, format_: str, limit: int) -> None:
    """Read statements that end with a semicolon until `.quit` or Ctrl-D; Ctrl-C drops or stops the one under way."""
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
            _reply(athena, typed, format_, limit)
            typed = ""


def _reply(athena: Athena, typed: str, format_: str, limit: int) -> None:
    try:
        if typed.startswith(".tables"):
            answer(athena, _TABLES, format_, 0)
        elif typed.startswith("."):
            terminal.error(f"{typed}; expected .tables or .quit")
        else:
            answer(athena, typed, format_, limit)
    except LakehouseError as fault:
        terminal.error(str(fault))
    except KeyboardInterrupt:
        terminal.say("stopped")


def _text_of(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{path}: {fault}", "a file of SQL", "correct the path") from fault


def _print_table(found: Answer, limit: int) -> None:
    rows = list(itertools.islice(found.rows, limit + 1 if limit else None))
    cut = bool(limit) and len(rows) > limit
    shown = [list(map(_shown, row)) for row in (rows[:limit] if cut else rows)]
    widths = [max(map(cell_len, column)) for column in zip(found.names, *shown, strict=True)] if found.names else []
    if shown and sum(widths) + 3 * len(widths) > terminal.out.width and len(widths) > 1:
        _print_records(found.names, shown)
    elif found.names:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name, type_ in zip(found.names, found.types, strict=True):
            table.add_column(name, justify="right" if type_ in _NUMBERS else "left", no_wrap=True)
        for row in shown:
            table.add_row(*map(Text, row))
        terminal.out.print(table)
    else:
        for row in shown:
            terminal.say("  ".join(row))
    if found.names:
        terminal.say(
            f"the first {limit} rows; --limit N or --format csv for more"
            if cut
            else f"{len(shown)} row{'s' if len(shown) != 1 else ''}"
        )


def _print_records(names: tuple[str, ...], rows: list[list[str]]) -> None:
    """A row too wide for the terminal as lines of name and value."""
    width = max(map(cell_len, names))
    for number, row in enumerate(rows, start=1):
        terminal.say(f"─ row {number}")
        for name, value in zip(names, row, strict=True):
            terminal.say(f"  {name:{width}}  {value}")


def _shown(value: str | None) -> str:
    return "" if value is None else value


def _value(text: str | None, type_: str) -> Any:
    """A value for JSON: numbers that JSON holds exactly, and true and false; all else is text."""
    if text is None:
        return None
    if type_ == "boolean":
        return text == "true"
    if type_ in ("tinyint", "smallint", "integer", "bigint"):
        return int(text)
    if type_ in ("float", "double") and math.isfinite(float(text)):
        return float(text)
    return text
