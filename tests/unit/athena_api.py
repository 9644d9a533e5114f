"""The Athena service over a pool that does what a test says: calls by name, answers checked against their shapes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.parsers import create_parser

from forecasting.service import model
from infra.local.athena.contract import Column, Job, Outcome, QueryError
from infra.local.athena.engine import cells
from infra.local.athena.service.notices import Notices
from infra.local.athena.service.outside import CatalogError, Outside
from infra.local.athena.service.service import PREFIXES, AthenaService

ACCOUNT, REGION = "000000000000", "eu-west-1"
NOW = 1_700_000_000.0
PLACE = {"OutputLocation": "s3://results/here/"}
COLUMNS = (Column("day", "date"), Column("price", "decimal(18,3)"))


class RefusedError(Exception):
    """An error answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status, self.code, self.message = status, body["__type"], body["Message"]
        self.athena_code, self.body = body.get("AthenaErrorCode"), body
        super().__init__(f"{self.code}: {self.message}")


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class HandPool:
    """Jobs wait until a test begins and ends them."""

    def __init__(self) -> None:
        self.jobs: dict[str, tuple[Job, Callable[[Outcome], None], Callable[[], None]]] = {}
        self.cancelled: list[str] = []

    def submit(self, job: Job, done: Callable[[Outcome], None], started: Callable[[], None] = lambda: None) -> None:
        self.jobs[job.execution_id] = (job, done, started)

    def cancel(self, execution_id: str) -> bool:
        self.cancelled.append(execution_id)
        return execution_id in self.jobs

    def stop(self) -> None:
        for _, done, _ in self.jobs.values():
            done(Outcome("FAILED", "Query was canceled", "USER_CANCELED"))

    def begin(self, execution_id: str) -> Job:
        job, _, started = self.jobs[execution_id]
        started()
        return job

    def end(self, execution_id: str, **outcome: Any) -> None:
        job, finished, _ = self.jobs[execution_id]
        given: dict[str, Any] = {"state": "SUCCEEDED", "columns": COLUMNS, "rows": 2, "scanned_bytes": 512}
        given |= {"location": f"{job.output}{execution_id}.csv", "tables": ("gold.sales",)}
        given |= {"milliseconds": {"planning": 3.0, "execution": 7.0, "publishing": 2.0}}
        finished(Outcome(**{**given, **outcome}))


class Api:
    """A service on a folder, its workers in the test's hands."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.pool = folder, Clock(), HandPool()
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.metrics: list[dict[str, Any]] = []
        self.tables: dict[str, Any] = {}
        self.number = 0
        self.objects: set[str] = set()
        self.gone: set[str] = set()
        self.rows: list[list[str | None]] = [["2024-01-02", "1.500"], ["2024-01-03", None]]
        self.is_ready = True
        self.open()

    def open(self) -> None:
        """Open the service, the first time or after a kill."""
        self.pool = HandPool()
        self.notices = Notices(self._events, lambda *put: self.metrics.extend(put[2]))
        outside = Outside(
            self.pool,
            self._rows,
            glue=self._glue,
            exists=lambda account, region, location: location in self.objects,
            check=self._check,
        )
        self.service = AthenaService(self.folder, outside, notices=self.notices, clock=self.clock)
        self.service.start(lambda: self.is_ready)

    def kill(self) -> None:
        """What a kill leaves: the file, and nobody who was told."""
        self.service._file.close()

    def sent(self) -> None:
        """Wait until all notices are sent."""
        self.notices.stop()

    def __call__(self, operation: str, /, *, account: str = ACCOUNT, region: str = REGION, **members: Any) -> Any:
        return self.send(f"AmazonAthena.{operation}", json.dumps(members).encode(), account=account, region=region)

    def send(self, target: str, body: bytes, *, account: str = ACCOUNT, region: str = REGION) -> Any:
        status, headers, answer = self.service.answer(target, body, account=account, region=region)
        if status != 200:
            raise RefusedError(status, json.loads(answer))
        operation = model.operation(target, PREFIXES)
        assert operation is not None
        parsed = create_parser("json").parse(
            {"status_code": status, "headers": headers, "body": answer}, operation.output_shape
        )
        return {name: value for name, value in parsed.items() if name != "ResponseMetadata"}

    def start(self, sql: str = "SELECT 1", token: str = "", **members: Any) -> str:
        """Start an execution; its id."""
        given: dict[str, Any] = {"ResultConfiguration": PLACE, **members, "QueryString": sql}
        self.number += 1
        return str(
            self("StartQueryExecution", ClientRequestToken=token or f"{self.number:032d}", **given)["QueryExecutionId"]
        )

    def done(self, sql: str = "SELECT 1", *, members: dict[str, Any] | None = None, **outcome: Any) -> str:
        """An execution that has come to its end."""
        found = self.start(sql, **(members or {}))
        self.pool.begin(found)
        self.pool.end(found, **outcome)
        return found

    def execution(self, execution_id: str, **options: Any) -> Any:
        return self("GetQueryExecution", QueryExecutionId=execution_id, **options)["QueryExecution"]

    def state(self, execution_id: str) -> str:
        return str(self.execution(execution_id)["Status"]["State"])

    def _events(self, account: str, region: str, entries: list[dict[str, Any]]) -> None:
        self.events += [(account, region, json.loads(entry["Detail"])) for entry in entries]

    def _check(self, sql: str) -> None:
        if "FROM FROM" in sql:
            raise QueryError("SYNTAX_ERROR_AT_START", "mismatched input 'FROM'", 1, 10)

    def _rows(self, account: str, region: str, location: str, *, start: int, count: int) -> bytes:
        if location in self.gone:
            raise FileNotFoundError(location)
        return cells.listed(self.rows[start : start + count])

    def _glue(self, account: str, region: str, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        if operation == "GetDatabases":
            return {"DatabaseList": [{"Name": name} for name in self.tables]}
        database = members.get("DatabaseName") or members["Name"]
        if database not in self.tables:
            raise CatalogError("EntityNotFoundException", f"Database {database} not found.")
        if operation == "GetDatabase":
            return {"Database": {"Name": database, "Description": "of tests"}}
        found = self.tables[database]
        if operation == "GetTables":
            half = len(found) // 2
            first = "NextToken" not in members
            return {"TableList": found[:half], "NextToken": "more"} if first else {"TableList": found[half:]}
        for table in found:
            if table["Name"] == members["Name"]:
                return {"Table": table}
        raise CatalogError("EntityNotFoundException", f"Table {members['Name']} not found.")
