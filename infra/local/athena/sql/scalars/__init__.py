"""Functions that DuckDB's SQL cannot say, in Python. A translation that calls one has it installed before it runs.

A function takes and gives plain Python values and is pure. It is called for no NULL, and may give None for NULL. A
fault of its input is a `fault`. No macro may call one: a macro binds when it is made, before any of these is there.
"""

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import duckdb
from duckdb.func import FunctionNullHandling

from infra.local.athena.sql.functions import python_function


def scalar(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function under a signature in DuckDB's words, like `py_sha512(BLOB) -> BLOB`."""
    head, _, result = signature.partition(" -> ")
    name, _, parameters = head.removesuffix(")").partition("(")
    types: list[Any] = [p.strip() for p in parameters.split(",")]

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        @python_function(name)
        def install(connection: duckdb.DuckDBPyConnection) -> None:
            try:
                connection.create_function(
                    name, _without_null(function), types, result, null_handling=FunctionNullHandling.SPECIAL
                )
            except (duckdb.CatalogException, duckdb.NotImplementedException) as error:
                if "already" not in str(error):
                    raise

        return function

    return register


def fault(message: str, code: str = "INVALID_FUNCTION_ARGUMENT") -> ValueError:
    """The error of a function that cannot take its input, as `runtime.runtime_error` reads it."""
    return ValueError(f"tr!{code}!{message}!tr")


def _without_null(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return call


for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
