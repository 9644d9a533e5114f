"""Puts into a DuckDB connection what a translation may call: the macros of `sql/macros/` and functions in Python."""

from functools import cache
from pathlib import Path

import duckdb

from infra.local.athena.sql.functions import PYTHON_FUNCTIONS

_FOLDER = Path(__file__).parent / "macros"


@cache
def _script() -> str:
    return "\n".join(path.read_text() for path in sorted(_FOLDER.glob("*.sql")))


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Install all macros; before the connection is locked down.

    Args:
        connection: Its time zone is set to UTC, as a translation takes for granted.
    """
    connection.execute("SET TimeZone='UTC'")
    connection.execute(_script())


def install_functions(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Install the functions in Python that a translation calls; most call none.

    Args:
        connection: It may be locked down already.
        sql: Of the translation.
    """
    for name, function in PYTHON_FUNCTIONS.items():
        if name in sql:
            function(connection)
