"""DuckDB's errors while a query runs, told with Trino's codes and words."""

import re
from collections.abc import Callable

from infra.local.athena.contract import QueryError

_NAMES = {"INT8": "tinyint", "INT16": "smallint", "INT32": "integer", "INT64": "bigint", "BOOL": "boolean",
          "FLOAT": "real", "DOUBLE": "double", "TIMESTAMP": "timestamp(3)", "DATE": "date"}  # fmt: skip
_WORDS = {"tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INT", "bigint": "BIGINT", "real": "REAL",
          "double": "DOUBLE", "boolean": "BOOLEAN"}  # fmt: skip
_RAISED = re.compile(r"tr!([A-Z_]+)!(.*?)!tr", re.DOTALL)


def runtime_error(error: Exception) -> QueryError:
    """Tell an error of DuckDB as Athena would.

    Args:
        error: What DuckDB raised while it bound or ran a translation.
    """
    text = str(error)
    raised = _RAISED.search(text)
    if raised:
        return QueryError(raised[1], raised[2])
    for pattern, make in _PATTERNS:
        found = pattern.search(text)
        if found:
            return make(found)
    kind = type(error).__name__
    if kind == "InterruptException":
        return QueryError("EXCEEDED_TIME_LIMIT", "Query exceeded the maximum execution time limit")
    if kind == "OutOfMemoryException":
        return QueryError("EXCEEDED_MEMORY_LIMIT", "Query exceeded per-node memory limit")
    return QueryError("GENERIC_INTERNAL_ERROR", text.partition("\n")[0])


def _cast(found: re.Match[str]) -> QueryError:
    kind = _NAMES.get(found[2].upper().partition("(")[0], found[2].lower())
    return QueryError("INVALID_CAST_ARGUMENT", f"Cannot cast '{found[1]}' to {_WORDS.get(kind, kind)}")


def _date(found: re.Match[str]) -> QueryError:
    return QueryError("INVALID_CAST_ARGUMENT", f"Value cannot be cast to {found[1]}: {found[2]}")


def _fixed(code: str, message: str) -> Callable[[re.Match[str]], QueryError]:
    return lambda found: QueryError(code, message)


def _arithmetic(found: re.Match[str]) -> QueryError:
    kind = _NAMES.get(found[1], found[1].lower())
    operation = re.search(r"in (\w+) of", found[0])
    name = operation[1] if operation else "arithmetic"
    return QueryError("NUMERIC_VALUE_OUT_OF_RANGE", f"{kind} {name} overflow: {found[2]}")


def _range(found: re.Match[str]) -> QueryError:
    kind = _NAMES.get(found[2], found[2].lower())
    return QueryError("NUMERIC_VALUE_OUT_OF_RANGE", f"Out of range for {kind}: {found[1]}")


def _decimal_text(found: re.Match[str]) -> QueryError:
    kind = found[2].replace(",", ", ")
    return QueryError("INVALID_CAST_ARGUMENT", f"Cannot cast VARCHAR '{found[1]}' to {kind}. Value is not a number.")


def _decimal_range(found: re.Match[str]) -> QueryError:
    return QueryError("INVALID_CAST_ARGUMENT", f"Cannot cast DECIMAL '{found[1]}' to {found[2].replace(',', ', ')}")


_PATTERNS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], QueryError]]] = [
    (re.compile(r"invalid (date|timestamp) field format: \"(.*?)\""), _date),
    (re.compile(r"(date|timestamp) field value out of range: \"(.*?)\""), _date),
    (re.compile(r"Could not convert string '(.*?)' to ([A-Z0-9(),]+)", re.DOTALL), _cast),
    (re.compile(r"Overflow in \w+ of (INT\d+) \((.*?)\)!"), _arithmetic),
    (re.compile(r"Division by zero"), _fixed("DIVISION_BY_ZERO", "Division by zero")),
    (re.compile(r"Could not convert string \"(.*?)\" to (DECIMAL\(\d+,\d+\))", re.DOTALL), _decimal_text),
    (re.compile(r"Casting value \"(\S+)\" to type (DECIMAL\(\d+,\d+\)) failed"), _decimal_range),
    (re.compile(r"Could not cast value (\S+) to (DECIMAL\(\d+,\d+\))"), _decimal_range),
    (re.compile(r"Overflow in \w+ of DECIMAL"),
     _fixed("NUMERIC_VALUE_OUT_OF_RANGE", "Decimal overflow")),
    (re.compile(r"More than one row returned by a subquery"),
     _fixed("SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows")),
    (re.compile(r"with value (\S+) can't be cast because the value is out of range for the destination type (\w+)"),
     _range),
]  # fmt: skip
