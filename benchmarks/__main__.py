"""The benchmarks' command line: `python -m benchmarks [NAME …] [--rounds N] [--minutes N] [--trial]`.

Without a name, all of them; figures are kept in benchmarks/results.jsonl, and docs/benchmarks.md is written from it.
"""

import argparse
import dataclasses
import importlib
import signal
import sys
from collections.abc import Iterator
from types import ModuleType

from benchmarks import NAMES, figure, page
from benchmarks.figure import Figure
from benchmarks.options import Options
from infra.local.java import find_java
from lakehouse import logs
from lakehouse.errors import LakehouseError
from lakehouse.settings import load


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    logs.configure("INFO")
    names = given.names or list(NAMES)
    code = 0
    for name in [] if given.page else names:
        found = []
        try:
            for one in measure(name, Options(given.rounds, given.minutes)):
                print(page.line(one), flush=True)
                found.append(one)
        except LakehouseError as fault:
            print(f"error: {name}: {fault}", file=sys.stderr)
            code = 1
        if found and not given.trial:
            figure.keep(found)
    if not given.trial:
        page.write(figure.read())
    return code


def measure(name: str, options: Options) -> Iterator[Figure]:
    """Run a benchmark: its figures as they come, with the command and the machine they come from."""
    module: ModuleType = importlib.import_module(f"benchmarks.{name}")
    command = f"python -m benchmarks {name}"
    if options.rounds is not None:
        command += f" --rounds {options.rounds}"
    if options.minutes is not None:
        command += f" --minutes {options.minutes:g}"
    where = figure.machine(str(find_java(load()).home))
    for one in module.run(options):
        yield dataclasses.replace(one, command=command, machine=where)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures both pipelines.")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=f"{', '.join(NAMES)}; all")
    parser.add_argument("--rounds", type=int, metavar="N", help="measured rounds or batches")
    parser.add_argument("--minutes", type=float, metavar="N", help="of load, for freshness and catch_up")
    parser.add_argument("--trial", action="store_true", help="print the figures, keep nothing")
    parser.add_argument("--page", action="store_true", help="measure nothing: write docs/benchmarks.md")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the stack is stopped too
    sys.exit(main())
