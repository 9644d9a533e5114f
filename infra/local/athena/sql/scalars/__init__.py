"""Functions that DuckDB's SQL cannot say, in Python, and the macros: `install` puts both into a connection.

A function takes and gives plain Python values and is pure. It is called for no NULL, and may give None for NULL. A
fault of its input is a ValueError whose text is `CODE: message`, as the macro `tr_fail` words it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

MACROS = Path(__file__).parent.parent / "macros"


@dataclass(frozen=True)
class Scalar:
    """A function: its name in SQL, its types in DuckDB's words."""

    name: str
    parameters: tuple[str, ...]
    result: str
    function: Callable[..., Any]


SCALARS: dict[str, Scalar] = {}


def scalar(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function under a signature like `tr_sha512(BLOB) -> BLOB`."""
    head, _, result = signature.partition(" -> ")
    name, _, parameters = head.removesuffix(")").partition("(")

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        SCALARS[name] = Scalar(name, tuple(p.strip() for p in parameters.split(",")), result, function)
        return function

    return register


def fault(message: str, code: str = "INVALID_FUNCTION_ARGUMENT") -> ValueError:
    """The error of a function that cannot take its input."""
    return ValueError(f"{code}: {message}")


def _without_null(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return call


def install(connection: Any) -> None:
    """Define all functions and macros in a DuckDB connection."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    for entry in SCALARS.values():
        connection.create_function(
            entry.name, _without_null(entry.function), list(entry.parameters), entry.result, null_handling="special"
        )
    for file in sorted(MACROS.glob("*.sql")):
        connection.execute(file.read_text())
