"""AthenaError of a failed execution: category, type and whether it is worth another try, by Trino's name of the fault.

Source: https://docs.aws.amazon.com/athena/latest/ug/error-reference.html; which type AWS gives which name was measured
by https://github.com/aoyagikouhei/athena-local. A name that is in neither is a user's fault of type 1000.
"""

from typing import Any

_SYSTEM, _USER = 1, 2
_TYPES = {
    "TABLE_NOT_FOUND": 1301,
    "SCHEMA_NOT_FOUND": 1301,
    "CATALOG_NOT_FOUND": 1301,
    "COLUMN_NOT_FOUND": 1006,
    "TYPE_MISMATCH": 1002,
    "FUNCTION_NOT_FOUND": 1303,
    "DIVISION_BY_ZERO": 1001,
    "INVALID_CAST_ARGUMENT": 1100,
    "NOT_SUPPORTED": 1200,
}
# By name: category, type, whether the same may succeed later.
_OTHERS = {
    "EXCEEDED_MEMORY_LIMIT": (_SYSTEM, 1, True),
    "EXCEEDED_LOCAL_MEMORY_LIMIT": (_SYSTEM, 1, True),
    "EXCEEDED_TIME_LIMIT": (_SYSTEM, 206, True),
    "GENERIC_INTERNAL_ERROR": (_SYSTEM, 200, True),
    "SERVICE_RESTARTED": (_SYSTEM, 100, True),
    "RESULT_NOT_WRITTEN": (_SYSTEM, 401, True),
}


def athena_error(error_code: str, message: str) -> dict[str, Any]:
    """The AthenaError structure."""
    category, kind, retryable = _OTHERS.get(error_code, (_USER, _TYPES.get(error_code, 1000), False))
    return {"ErrorCategory": category, "ErrorType": kind, "Retryable": retryable, "ErrorMessage": message}
