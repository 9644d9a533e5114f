"""Puts into a DuckDB connection what a translation calls: macros of `sql/macros/`, functions in Python.

A macro costs a millisecond to install, and a query calls few of them: only those, with what they call in turn.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import duckdb

from infra.local.athena.sql.functions import PYTHON_FUNCTIONS

_FOLDER = Path(__file__).parent / "macros"
_CREATE = re.compile(r"^CREATE MACRO (\w+)", re.MULTILINE)
_CALLED = re.compile(r"\b(?:tr|py)_\w+")
# A product of two short decimals that needs a long one: translations make no other of exactly 18 digits overflow.
_SHORT = "Overflow in multiplication of DECIMAL(18)"
_LONG_FACTOR = "CREATE OR REPLACE MACRO tr_factor(x) AS x + CAST(0 AS DECIMAL(19, 0))"
T = TypeVar("T")


@cache
def macros() -> dict[str, str]:
    """The statement that creates each macro, by name."""
    found: dict[str, str] = {}
    for path in sorted(_FOLDER.glob("*.sql")):
        text = path.read_text()
        starts = list(_CREATE.finditer(text))
        ends = [start.start() for start in starts[1:]] + [len(text)]
        for start, end in zip(starts, ends, strict=True):
            found[start[1]] = text[start.start() : end]
    return found


@cache
def _called(name: str) -> tuple[str, ...]:
    """A macro or function and all that it calls, those first that the others need."""
    statement = macros().get(name, "")
    inner = dict.fromkeys(found for found in _CALLED.findall(statement) if found != name)
    ordered = dict.fromkeys(needed for called in inner for needed in _called(called))
    return (*ordered, name)


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Set what every translation takes for granted; before the connection is locked down."""
    connection.execute("SET TimeZone = 'UTC'")


def install_functions(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Install what a translation calls.

    Args:
        connection: It may be locked down already.
        sql: Of the translation.
    """
    known = (called for called in _CALLED.findall(sql) if called in macros() or called in PYTHON_FUNCTIONS)
    names = dict.fromkeys(needed for called in known for needed in _called(called))
    for name in names:
        statement = macros().get(name)
        if statement is not None:
            connection.execute(statement.replace("CREATE MACRO", "CREATE OR REPLACE MACRO", 1))
        elif name in PYTHON_FUNCTIONS:
            PYTHON_FUNCTIONS[name](connection)
    # TRY would make NULL of a short product that overflows.
    if "tr_factor" in names and any("TRY(" in text for text in (sql, *(macros().get(name, "") for name in names))):
        connection.execute(_LONG_FACTOR)


def run_exact(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Run a translation, and once more with long products where short ones overflow.

    Args:
        connection: With the translation's functions.
        work: Runs it, and can do so twice.
    """
    try:
        return work()
    except Exception as error:  # of DuckDB, or of Arrow when it comes with a later batch
        if _SHORT not in str(error):
            raise
    connection.execute(_LONG_FACTOR)
    return work()
