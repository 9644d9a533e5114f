"""Asks Athena in SQL through its API, here and on AWS alike: start, wait, fetch page by page, stop.

Prints nothing; commands/query.py does.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakehouse import places
from lakehouse.errors import ContractError, LakehouseError, SourceError
from lakehouse.settings import Settings

Row = tuple[str | None, ...]

_FIRST_SECONDS, _LONGEST_SECONDS = 0.005, 0.5
# Why a statement fails before data has come, and where the catalogue was lost with the process that kept it.
_NO_DATA, _NO_ENTRY = "Metadata not found in transaction log", ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND")


@dataclass(frozen=True)
class Answer:
    """What a statement answers.

    Args:
        names: Of the columns; none for a statement that answers nothing.
        types: Of the columns, as Athena's ColumnInfo has them.
        rows: Texts as Athena writes them, None for NULL; read from the API as they are asked for.
        updated: Rows that were written; None where none were.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: Iterator[Row]
    updated: int | None = None


class Athena:
    """Athena over the lake of one environment.

    Args:
        settings: Bucket, database prefix and how the AWS API is reached.
        client: Of boto3; made of the settings if not given.
    """

    def __init__(self, settings: Settings, client: Any = None) -> None:
        self._settings = settings
        tries = Config(retries={"total_max_attempts": 3}, connect_timeout=2, read_timeout=30)
        self._client = client or boto3.client("athena", config=tries, **settings.client_arguments)

    def ask(self, sql: str, *, rows: int = 0) -> Answer:
        """Run one statement and wait for its end; an interrupt stops it.

        Args:
            sql: In Athena's dialect; names without a database are gold's.
            rows: How many are going to be read, at most; 0 for all.

        Raises:
            ContractError: Athena refuses the statement, or it failed; the reason is one line.
            SourceError: Athena does not answer.
        """
        try:
            return self._ask(sql, rows)
        except ClientError as fault:
            raise self._explain(fault) from fault
        except BotoCoreError as fault:
            place = self._settings.aws_endpoint_url or "AWS"
            raise SourceError(f"Athena: {fault}", f"an answer of {place}", "run `make up`") from fault

    def _ask(self, sql: str, rows: int) -> Answer:
        settings = self._settings
        execution_id = self._client.start_query_execution(
            QueryString=sql,
            WorkGroup=settings.athena_workgroup,
            QueryExecutionContext={"Database": f"{settings.database_prefix}gold"},
            ResultConfiguration={"OutputLocation": f"s3://{settings.bucket}/{places.ATHENA}"},
        )["QueryExecutionId"]
        try:
            execution = self._finished(execution_id)
        except KeyboardInterrupt:
            self._client.stop_query_execution(QueryExecutionId=execution_id)
            raise
        status = execution["Status"]
        if status["State"] != "SUCCEEDED":
            raise self._failed(status.get("StateChangeReason", status["State"]))
        given = {"QueryExecutionId": execution_id, "MaxResults": min(rows + 1, 1000) if rows else 1000}
        first = self._client.get_query_results(**given)
        columns = first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        writes = execution.get("SubstatementType") in ("INSERT", "UNLOAD", "CREATE_TABLE_AS_SELECT")
        return Answer(
            tuple(column["Name"] for column in columns) if not writes else (),
            tuple(column["Type"] for column in columns) if not writes else (),
            self._rows(first, given, is_dml=execution.get("StatementType") == "DML"),
            first.get("UpdateCount") if writes else None,
        )

    def _finished(self, execution_id: str) -> dict[str, Any]:
        pause = _FIRST_SECONDS
        while True:
            found: dict[str, Any] = self._client.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
            if found["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return found
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_SECONDS)

    def _rows(self, page: dict[str, Any], given: dict[str, Any], *, is_dml: bool) -> Iterator[Row]:
        width = len(page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"])
        is_first = True
        while True:
            # What a query answers begins with its header.
            for row in page["ResultSet"]["Rows"][1 if is_first and is_dml else 0 :]:
                yield _row([value.get("VarCharValue") for value in row.get("Data", [])], width, is_padded=not is_dml)
            if "NextToken" not in page:
                return
            is_first = False
            page = self._client.get_query_results(**given | {"NextToken": page["NextToken"], "MaxResults": 1000})

    def _explain(self, fault: ClientError) -> LakehouseError:
        error = fault.response["Error"]
        if error.get("Code") == "InvalidRequestException":
            return self._failed(error.get("Message", ""))
        place = self._settings.aws_endpoint_url or "AWS"
        return SourceError(f"Athena: {fault}", f"an answer of {place}", "see `make logs`")

    def _failed(self, reason: str) -> ContractError:
        line = " ".join(reason.split())
        if _NO_DATA in line:
            return ContractError(
                f"SQL: {line}", "data that has come that far", "run `make replay` or see `make status`"
            )
        if line.startswith(_NO_ENTRY):
            return ContractError(f"SQL: {line}", "", "`python -m infra catalog sync` brings the lake's own tables back")
        return ContractError(f"SQL: {line}")


def _row(values: list[str | None], width: int, *, is_padded: bool) -> Row:
    """A row; SHOW and DESCRIBE pad values, and may answer several columns as one text with tabs."""
    if not is_padded:
        return tuple(values)
    if len(values) == 1 < width and values[0] is not None:
        values = [*values[0].split("\t", width - 1)]
    return tuple(value.rstrip() if value else value for value in [*values, *[""] * (width - len(values))])
