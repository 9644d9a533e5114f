"""PREPARE, EXECUTE and DEALLOCATE: prepared statements are kept by the Athena API, under the job's workgroup."""

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import boto3
from botocore.exceptions import ClientError

from infra.local.athena.contract import Job, Outcome, QueryError
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers
from infra.local.athena.statements.action import Action, Statement
from infra.local.athena.statements.query import within
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.tokens import Token, scan

Read = Callable[[str], Statement]


def prepare(read: Read) -> Callable[[Reader], Action]:
    """PREPARE name FROM statement, given who reads statements."""

    def reading(reader: Reader) -> Action:
        reader.expect("PREPARE")
        name = reader.name()
        reader.expect("FROM")
        text = reader.rest
        if not text:
            reader.refuse("<statement>")
        _refuse_own_kind(reader.next)
        read(within(reader.text, reader.next.start if reader.next else 0))

        def run(context: Context) -> Outcome:
            given = {"StatementName": name, "WorkGroup": context.job.workgroup, "QueryStatement": text}
            client = _client(context)
            try:
                client.create_prepared_statement(**given)
            except ClientError as fault:
                if _text(fault).find("already exist") < 0:
                    raise QueryError("INVALID_REQUEST", _text(fault)) from fault
                client.update_prepared_statement(**given)
            return answers.done(context)

        return run

    return reading


def execute(read: Read) -> Callable[[Reader], Action]:
    """EXECUTE name [USING expression, …] and EXECUTE IMMEDIATE 'statement' [USING …], given who reads statements."""

    def reading(reader: Reader) -> Action:
        reader.expect("EXECUTE")
        text = reader.string() if reader.accept("IMMEDIATE") else ""
        name = "" if text else reader.name()
        values = tuple(reader.expressions()) if reader.accept("USING") else ()
        reader.end()

        def run(context: Context) -> Outcome:
            sql = text or _stored(context, name)
            _refuse_own_kind(next(iter(scan(sql)), None))
            job = dataclasses.replace(context.job, sql=sql, parameters=values or context.job.parameters)
            return read(sql).run(cast(Context, _Executing(context, job)))

        return run

    return reading


def deallocate(reader: Reader) -> Action:
    """DEALLOCATE PREPARE name."""
    reader.expect("DEALLOCATE", "PREPARE")
    name = reader.name()
    reader.end()

    def run(context: Context) -> Outcome:
        try:
            _client(context).delete_prepared_statement(StatementName=name, WorkGroup=context.job.workgroup)
        except ClientError as fault:
            raise QueryError("NOT_FOUND", _text(fault)) from fault
        return answers.done(context)

    return run


class _Executing:
    """The context of a statement that another one runs: all of it but the job."""

    def __init__(self, context: Context, job: Job) -> None:
        self._context, self.job = context, job

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def _refuse_own_kind(first: Token | None) -> None:
    """A prepared statement runs no other, as in Trino; else one could run itself."""
    if first is not None and first.word in ("PREPARE", "EXECUTE", "DEALLOCATE"):
        raise QueryError("NOT_SUPPORTED", f"Invalid statement type for prepared statement: {first.word}")


def _stored(context: Context, name: str) -> str:
    found = {key.lower(): text for key, text in context.job.prepared.items()}
    if name not in found:
        raise QueryError("NOT_FOUND", f"Prepared statement not found: {name}")
    return found[name]


def _client(context: Context) -> Any:
    # The account is the key id, as the gateway has it.
    own = {"aws_access_key_id": context.job.account, "region_name": context.job.region}
    return boto3.client(
        "athena", **context.settings.client_arguments | {name: value for name, value in own.items() if value}
    )


def _text(fault: ClientError) -> str:
    return str(fault.response["Error"].get("Message", ""))
