"""A program that uses Amazon Athena through boto3, and DuckDB on the same files: what both take."""

import contextlib
import hashlib
import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import duckdb
import psutil
from botocore.config import Config

from benchmarks.workbench import Took, cpu_seconds
from infra.local import gateway, machine, status
from lakehouse import places
from lakehouse.errors import SourceError
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES
from spark_jobs.stored import Stored

POLL_SECONDS = 0.01
CLIENTS = 20
THREADS = 2  # of a query, as the service has it


@dataclass(frozen=True)
class Answer:
    """A query's end: what GetQueryExecution says, and its first page of rows, without the header."""

    execution: dict[str, Any]
    rows: list[list[str | None]]

    @property
    def server_milliseconds(self) -> int:
        """From StartQueryExecution to the end, as the service tells it."""
        return int(self.execution["Statistics"]["TotalExecutionTimeInMillis"])


class Program:
    """A program that uses Amazon Athena; its threads share it.

    Args:
        settings: Of the stack.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        config = Config(max_pool_connections=CLIENTS)
        self.athena, self.s3 = (
            boto3.client(name, config=config, **settings.client_arguments) for name in ("athena", "s3")
        )
        pid = next(one.pid for one in status.health(settings) if one.name == gateway.NAME)
        self._gateway = psutil.Process(pid)

    def run(self, sql: str) -> dict[str, Any]:
        """Run a query to its end.

        Raises:
            SourceError: It did not succeed.
        """
        place = {"OutputLocation": f"s3://{self.settings.bucket}/{places.ATHENA}"}
        started = self.athena.start_query_execution(QueryString=sql, ResultConfiguration=place)
        name = started["QueryExecutionId"]
        while True:
            found: dict[str, Any] = self.athena.get_query_execution(QueryExecutionId=name)["QueryExecution"]
            if found["Status"]["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(POLL_SECONDS)
        if found["Status"]["State"] != "SUCCEEDED":
            raise SourceError(f"{sql}: {found['Status'].get('StateChangeReason')}", "SUCCEEDED")
        return found

    def ask(self, sql: str) -> Answer:
        """Run a query and take its first page."""
        found = self.run(sql)
        page = self.athena.get_query_results(QueryExecutionId=found["QueryExecutionId"])
        rows = [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]]
        return Answer(found, rows[1:])

    def download(self, execution: dict[str, Any], path: Path) -> None:
        """Take a result's CSV."""
        bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
        self.s3.download_file(bucket, key, str(path))

    def rows(self, execution: dict[str, Any]) -> int:
        """Take all pages of a result; how many rows there are, with the header."""
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution["QueryExecutionId"])
        return sum(len(page["ResultSet"]["Rows"]) for page in pages)

    def pages(self, execution: dict[str, Any]) -> int:
        """Take all pages of a result over HTTP and look at none; how many there are."""
        url = urlsplit(self.settings.aws_endpoint_url)
        headers = {"X-Amz-Target": "AmazonAthena.GetQueryResults", "Content-Type": "application/x-amz-json-1.1"}
        given, count = {"QueryExecutionId": execution["QueryExecutionId"]}, 0
        with contextlib.closing(http.client.HTTPConnection(url.hostname or "", url.port)) as connection:
            while True:
                connection.request("POST", "/", json.dumps(given), headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != http.HTTPStatus.OK:
                    raise SourceError(body.decode(), "a page of rows")
                count += 1
                _, found, rest = body[:2000].partition(b'"NextToken": ')
                if not found:
                    return count
                given["NextToken"] = json.JSONDecoder().raw_decode(rest.decode())[0]

    def timed(self, work: Callable[[], object]) -> Took:
        """Run the work: seconds of it, CPU seconds and memory of the gateway and its workers."""
        own = [self._gateway, *self._gateway.children()]
        cpu, start = cpu_seconds(own), time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        return Took(seconds, cpu_seconds(own) - cpu, machine.resident_bytes(own) / 2**20)


class Direct:
    """DuckDB on copies of the Parquet files of silver.order_lines, with neither catalogue, log nor service.

    Args:
        program: Takes the copies.
        folder: For them.
    """

    def __init__(self, program: Program, folder: Path) -> None:
        paths = []
        for number, url in enumerate(sorted(Stored(program.settings).handle(SILVER_ORDER_LINES).file_uris())):
            bucket, _, key = url.removeprefix("s3://").partition("/")
            paths.append(str(folder / f"{number}.parquet"))
            program.s3.download_file(bucket, key, paths[-1])
        self.table = f"read_parquet({paths})"
        self._connection = duckdb.connect(config={"threads": THREADS})
        self._process = psutil.Process()

    def timed(self, sql: str) -> tuple[Took, list[list[str]]]:
        """Run a query: what it took, and its rows as texts."""
        cpu, start = cpu_seconds([self._process]), time.perf_counter()
        rows = self._connection.execute(sql).fetchall()
        seconds = time.perf_counter() - start
        took = Took(seconds, cpu_seconds([self._process]) - cpu, machine.resident_bytes([self._process]) / 2**20)
        return took, [[str(value) for value in row] for row in rows]


def digest(path: Path) -> str:
    """Of a file's lines, in whatever order."""
    with path.open("rb") as file:
        return hashlib.sha256(b"".join(sorted(file))).hexdigest()
