"""One statement of Athena's: told apart from others, checked, run.

`check` is light and needs no catalogue: the service calls it before it accepts a statement. `run` is called in a
worker, where a query is translated by `sql` and run by the engine, and all else is done in Glue and S3 by boto3.
"""

import dataclasses

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.athena.contract import Job, Outcome, QueryError
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import faults
from infra.local.athena.statements.action import Statement
from infra.local.athena.statements.statements import read

__all__ = ["check", "run"]

_TOO_LARGE = "STATEMENT_TOO_LARGE"
# Where a table is vacuumed after every commit, a statement can meet a vacuum more than once.
_TRIES = 5


def check(text: str) -> None:
    """Refuse what is no statement, as StartQueryExecution does.

    Raises:
        QueryError: `at_start`; its text is the whole message.
    """
    try:
        read(text)
    except QueryError as fault:
        if fault.at_start:
            raise
        # Others belong to the execution, which fails with them.
    except (RecursionError, ValueError):
        return


def run(job: Job, context: Context) -> Outcome:
    """Run the statement of a job; a fault of the statement is an outcome too."""
    statement, substatement = "DML", "SELECT"
    try:
        found = read(job.sql)
        statement, substatement = found.statement, found.substatement
        outcome = _of_one_version(found, context)
    except QueryError as fault:
        # A statement that EXECUTE runs is refused later than one that a client sends.
        reason = f"SYNTAX_ERROR: {fault}" if fault.at_start else str(fault)
        return _failed(reason, fault.code.removesuffix("_AT_START"), statement, substatement)
    except RecursionError:
        return _failed(f"{_TOO_LARGE}: {faults.TOO_DEEP}", _TOO_LARGE, statement, substatement)
    except ClientError as fault:
        error = fault.response["Error"]
        reason = f"{error.get('Message', '')} (Error Code: {error.get('Code', '')})"
        return _failed(f"GENERIC_INTERNAL_ERROR: {reason}", "GENERIC_INTERNAL_ERROR", statement, substatement)
    except BotoCoreError as fault:
        reason = " ".join(str(fault).split())
        return _failed(f"GENERIC_INTERNAL_ERROR: {reason}", "GENERIC_INTERNAL_ERROR", statement, substatement)
    if outcome.substatement != Outcome.substatement:
        substatement = outcome.substatement
    return dataclasses.replace(outcome, statement=statement, substatement=substatement)


def _of_one_version(found: Statement, context: Context) -> Outcome:
    """Run a statement, and again while a writer deletes what it is about to read; nothing is written before that."""
    for _ in range(_TRIES - 1):
        try:
            return found.run(context)
        except QueryError:
            if not context.catalog.is_outdated:
                raise
            context.catalog.forget()
    return found.run(context)


def _failed(reason: str, code: str, statement: str, substatement: str) -> Outcome:
    return Outcome("FAILED", reason=reason, error_code=code, statement=statement, substatement=substatement)
