"""A running gateway as a client of Athena meets it: statements asked through boto3, tables put under them."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from botocore.exceptions import ClientError
from deltalake import write_deltalake

from lakehouse.settings import Settings
from tests.stack.athena_process import ENDED, rows
from tests.stack.conftest import client

BUCKET = "shop"
DATABASE = "db"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
TEXT = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
JSON = "org.openx.data.jsonserde.JsonSerDe"
_ENDLESS_SECONDS = 30


@dataclasses.dataclass(frozen=True)
class Answer:
    """What became of a statement.

    Args:
        state: SUCCEEDED, FAILED, CANCELLED, or REFUSED by StartQueryExecution with InvalidRequestException.
        reason: StateChangeReason, or what the refusal says.
        rows: Of the result, without the header.
        execution: Its id.
    """

    state: str
    reason: str = ""
    rows: Sequence[Sequence[str | None]] = ()
    execution: str = ""


class Shop:
    """A bucket and a database of a running gateway."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.athena, self.s3, self.glue = (client(settings, name) for name in ("athena", "s3", "glue"))
        place = {"LocationConstraint": settings.aws_default_region}
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        self.glue.create_database(DatabaseInput={"Name": DATABASE})

    def start(self, sql: str, **given: Any) -> str:
        """Start an execution; its id."""
        asked = {
            "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"},
            "QueryExecutionContext": {"Database": DATABASE},
            **given,
        }
        return str(self.athena.start_query_execution(QueryString=sql, **asked)["QueryExecutionId"])

    def ask(self, sql: str, **given: Any) -> Answer:
        """Run a statement to its end; anything but an end or a refusal of the API's model fails the test."""
        try:
            execution = self.start(sql, **given)
        except ClientError as fault:
            assert fault.response["ResponseMetadata"]["HTTPStatusCode"] == 400, fault
            assert fault.response["Error"]["Code"] == "InvalidRequestException", fault
            return Answer("REFUSED", fault.response["Error"]["Message"])
        return self.end(execution)

    def end(self, execution: str) -> Answer:
        """Wait for the end of an execution."""
        end = time.monotonic() + _ENDLESS_SECONDS
        while (status := self.status(execution))["State"] not in ENDED:
            assert time.monotonic() < end, f"no end within {_ENDLESS_SECONDS} s"
            time.sleep(0.005)
        found = rows(self.athena, execution) if status["State"] == "SUCCEEDED" else []
        place = self._shown(execution)["ResultConfiguration"]["OutputLocation"]
        first = 1 if place.endswith(".csv") else 0  # texts have no header
        return Answer(status["State"], status.get("StateChangeReason", ""), found[first:], execution)

    def rows(self, sql: str, **given: Any) -> Sequence[Sequence[str | None]]:
        """The rows of a query that must succeed."""
        answer = self.ask(sql, **given)
        assert answer.state == "SUCCEEDED", f"{sql[:200]}: {answer.reason}"
        return answer.rows

    def status(self, execution: str) -> dict[str, Any]:
        """The status of an execution."""
        return dict(self._shown(execution)["Status"])

    def _shown(self, execution: str) -> dict[str, Any]:
        return dict(self.athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"])

    def put(self, key: str, body: bytes) -> None:
        """Put an object."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def add_delta(self, name: str, table: pa.Table, **options: Any) -> None:
        """Write a version of a Delta table in a folder of its name."""
        write_deltalake(f"s3://{BUCKET}/{name}", table, storage_options=self.settings.delta_options, **options)

    def register(
        self,
        name: str,
        columns: Mapping[str, str],
        serde: str = "",
        *,
        location: str | None = None,
        serde_parameters: Mapping[str, str] | None = None,
        **table: Any,
    ) -> None:
        """Put a table into Glue as it is given, past all that DDL would refuse; in a folder of its name by default."""
        described = {"SerializationLibrary": serde} if serde else {}
        place = f"s3://{BUCKET}/{name}/" if location is None else location
        storage = {
            "Location": place,
            "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
            "SerdeInfo": {**described, "Parameters": dict(serde_parameters or {})},
        }
        given = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, **table}
        self.glue.create_table(DatabaseName=DATABASE, TableInput=given)

    def register_delta(self, name: str, **given: Any) -> None:
        """Put a native Delta table into Glue."""
        self.register(name, {"col": "array<string>"}, Parameters={"table_type": "DELTA"}, **given)
