"""What can go wrong with a statement, in Athena's words. Raises nothing itself.

Texts measured on Athena engine version 3 are those that github.com/aoyagikouhei/athena-local and Hive's sources note.
"""

import uuid

from infra.local.athena.contract import QueryError

_DDL_TASK = "Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask."


class HiveError(QueryError):
    """A fault of Hive's DDL: its text begins with `FAILED:` and names no code of Trino's.

    Args:
        code: Trino's name of a fault of the same AthenaError.ErrorType: COLUMN_NOT_FOUND stands for 1006, which
            missing tables, databases and partitions have in DDL.
        message: What follows `FAILED: `.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.args = (f"FAILED: {message}",)


class PlainError(QueryError):
    """A fault whose text is the message alone."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.args = (message,)


def at_start(message: str) -> QueryError:
    """StartQueryExecution refuses the text; `message` is all of what it says."""
    return PlainError("SYNTAX_ERROR_AT_START", message)


def no_table(name: str) -> QueryError:
    """The table of a Hive statement is not there; `name` as the statement has it."""
    return HiveError("COLUMN_NOT_FOUND", f"SemanticException [Error 10001]: Table not found {name}")


def no_database(name: str) -> QueryError:
    """The database of a Hive statement is not there."""
    return HiveError("COLUMN_NOT_FOUND", f"SemanticException [Error 10072]: Database does not exist: {name}")


def no_partition(spec: dict[str, str]) -> QueryError:
    """The partition is not there."""
    words = ", ".join(f"{name}={value}" for name, value in spec.items())
    return HiveError("COLUMN_NOT_FOUND", f"SemanticException [Error 10006]: Partition not found {{{words}}}")


def task(message: str, code: str = "GENERIC_USER_ERROR") -> QueryError:
    """Hive's DDL task fails."""
    return HiveError(code, f"{_DDL_TASK} {message}")


def glue(service_code: str, message: str) -> QueryError:
    """Glue refuses what the DDL task asks of it."""
    return task(
        f"{message} (Service: AmazonDataCatalog; Status Code: 400; Error Code: {service_code}; "
        f"Request ID: {uuid.uuid4()}; Proxy: null)"
    )


NOT_SUPPORTED = "Queries of this type are not supported"
# Trino's, of a statement that is nested deeper than its stack.
TOO_DEEP = "statement is too large (stack overflow during analysis)"
CLEAN_TABLE = (
    "You may need to manually clean the data at location '{}' before retrying. "
    "Athena will not delete data in your account."
)
CLEAN_FILES = (
    "If a data manifest file was generated at '{}', you may need to manually clean the data from locations specified "
    "in the manifest. Athena will not delete data in your account."
)


def advised(fault: QueryError, advice: str) -> QueryError:
    """The fault of CTAS or INSERT with the sentence that Athena adds."""
    text = str(fault)
    found = PlainError(fault.code, f"{text}{'' if text.endswith('.') else '.'} {advice}")
    found.line, found.column = fault.line, fault.column
    return found
