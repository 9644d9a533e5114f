"""DuckDB's errors in Athena's words; no path of this machine gets into them."""

import importlib
import re

import duckdb

from infra.local.athena.contract import QueryError

# A fault that SQL itself raises, by a CAST of such a text.
_RAISED = re.compile(r"tr!([A-Z_]+)!(.*?)!tr", re.DOTALL)
_PATH = re.compile(r"(?:/[^\s'\",:]+)+/[^\s'\",:]+")
_WORDS = (
    (re.compile(r"malformed json|unexpected content after document", re.I), "HIVE_CURSOR_ERROR"),
    (
        re.compile(
            r"json transform error|failed to cast value|csv error|csv parser|invalid unicode|parquet|gzip|zstd"
            r"|decompress|malformed",
            re.I,
        ),
        "HIVE_BAD_DATA",
    ),
    (re.compile(r"division by zero", re.I), "DIVISION_BY_ZERO"),
    (re.compile(r"more than one row returned by a subquery", re.I), "SUBQUERY_MULTIPLE_ROWS"),
    (re.compile(r"out of range|overflow", re.I), "NUMERIC_VALUE_OUT_OF_RANGE"),
)
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (duckdb.InterruptException, "EXCEEDED_TIME_LIMIT"),
    (duckdb.ConversionException, "INVALID_CAST_ARGUMENT"),
    (duckdb.OutOfRangeException, "NUMERIC_VALUE_OUT_OF_RANGE"),
    (duckdb.IOException, "HIVE_CANNOT_OPEN_SPLIT"),
    (duckdb.PermissionException, "PERMISSION_DENIED"),
    (duckdb.InvalidInputException, "INVALID_FUNCTION_ARGUMENT"),
)
# Trino's, of a statement that is nested deeper than its stack.
TOO_DEEP = "statement is too large (stack overflow during analysis)"
EXHAUSTED = "Query exhausted resources at this scale factor"


def fault(error: BaseException) -> QueryError:
    """What Athena would say of an error of DuckDB."""
    if isinstance(error, QueryError):
        return error
    text = str(error)
    if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)) or "temp_directory" in text:
        return QueryError("EXCEEDED_MEMORY_LIMIT", EXHAUSTED)
    if "expression depth limit" in text:
        return QueryError("STATEMENT_TOO_LARGE", TOO_DEEP)
    raised = _RAISED.search(text)
    if raised:
        return QueryError(raised[1], raised[2])
    words = _first_line(text)
    if not any(pattern.search(words) for pattern, _ in _WORDS[:2]):
        found = _of_query(error)
        if found and found.code != "GENERIC_INTERNAL_ERROR":
            return found
    code = _code(error, words)
    return QueryError(code, "Row is not a valid JSON Object" if code == "HIVE_CURSOR_ERROR" else words)


def _code(error: BaseException, words: str) -> str:
    if isinstance(error, duckdb.Error):
        for pattern, code in _WORDS:
            if pattern.search(words):
                return code
        for kind, code in _KINDS:
            if isinstance(error, kind):
                return code
    return "GENERIC_INTERNAL_ERROR"


def _of_query(error: BaseException) -> QueryError | None:
    """What the translator says of an error in its SQL."""
    try:
        told: QueryError = importlib.import_module("infra.local.athena.sql.runtime").runtime_error(error)
    except ModuleNotFoundError:
        return None
    return told


def raised(code: str, words: str, target: str) -> str:
    """An expression of a type that raises a fault.

    Args:
        code: Of the fault.
        words: An expression that gives its text.
        target: DuckDB's type.
    """
    return f"CAST(CAST('tr!{code}!' || {words} || '!tr' AS BIGINT) AS VARCHAR)::{target}"


def _first_line(text: str) -> str:
    line = next((line for line in text.splitlines() if line.strip()), "no reason given")
    line = re.sub(r"^[A-Z][A-Za-z ]+ Error: ", "", line.strip())
    return _PATH.sub("a file", line)
