"""DDL against the gateway's own Glue and S3, through boto3, which checks every request against the API's model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from infra.local.athena import statements
from infra.local.athena.contract import Column, Job, Translation
from infra.local.athena.engine.context import Selected, Written
from infra.local.athena.statements import query
from infra.local.athena.tables.catalog import Glue
from lakehouse.settings import Settings
from tests.stack.conftest import client

pytestmark = pytest.mark.stack

QUERY = "SELECT 1 AS id, DATE '2024-01-02' AS day"
COLUMNS = (Column("id", "integer"), Column("day", "date"))


class Context:
    """A context of real clients; what a query would write is one object in each folder."""

    def __init__(self, job: Job, settings: Settings) -> None:
        self.job, self.settings = job, settings
        self.s3, self.glue = client(settings), client(settings, "glue")
        self.catalog = Glue(self.glue, self.s3)
        self.lines: list[str] = []

    def write(self, translation: Translation, destination: str, **form: Any) -> Written:
        folder = f"{destination}day=2024-01-02/" if form["partitioned_by"] else destination
        bucket, _, key = f"{folder}1.parquet".removeprefix("s3://").partition("/")
        self.s3.put_object(Bucket=bucket, Key=key, Body=b"rows")
        partitions = (("2024-01-02",),) if form["partitioned_by"] else ()
        return Written((f"s3://{bucket}/{key}",), 1, partitions, (folder,) if partitions else ())

    def publish(self, columns: Sequence[Column], rows: Sequence[Sequence[str | None]]) -> Selected:
        self.lines = ["\t".join(value or "" for value in row) for row in rows]
        return Selected(tuple(columns), f"{self.job.output}e1.txt", len(rows))


class Shop:
    """Runs statements in a database and a bucket of their own."""

    def __init__(self, settings: Settings, bucket: str) -> None:
        self.settings, self.bucket, self.database = settings, bucket, f"db_{bucket}"
        self.s3, self.glue = client(settings), client(settings, "glue")

    def run(self, sql: str) -> list[str]:
        sql = sql.replace("@", f"s3://{self.bucket}")
        statements.check(sql)
        job = Job("e1", sql, self.database, (), f"s3://{self.bucket}/results/", Path(), 10.0)
        context = Context(job, self.settings)
        outcome = statements.run(job, context)  # type: ignore[arg-type]
        if outcome.state == "FAILED":
            return [outcome.reason]
        return context.lines

    def table(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.glue.get_table(DatabaseName=self.database, Name=name)["Table"]
        return found


@pytest.fixture
def shop(gateway: Settings, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(query, "translate", lambda *_: Translation("", COLUMNS, {}))
    found = Shop(gateway, bucket)
    assert found.run(f"CREATE DATABASE {found.database} COMMENT 'mine' LOCATION '@/mine/'") == []
    return found


def test_a_hive_table_lives_its_whole_life(shop: Shop) -> None:
    create = (
        "CREATE EXTERNAL TABLE sales (id int COMMENT 'c', tags array<string>) PARTITIONED BY (day date) "
        "CLUSTERED BY (id) INTO 2 BUCKETS STORED AS PARQUET LOCATION '@/sales/' TBLPROPERTIES ('a' = 'b')"
    )
    assert shop.run(create) == []
    assert shop.run(create)[0].endswith("AlreadyExistsException(message:Table sales already exists)")
    for day in ("2024-01-02", "2024-01-03"):
        shop.s3.put_object(Bucket=shop.bucket, Key=f"sales/day={day}/1.parquet", Body=b"rows")
    assert len(shop.run("MSCK REPAIR TABLE sales")) == 3
    assert shop.run("ALTER TABLE sales ADD PARTITION (day = '2024-01-04') LOCATION '@/own/'") == []
    assert "already exists" in shop.run("ALTER TABLE sales ADD PARTITION (day = '2024-01-04')")[0]
    assert shop.run("ALTER TABLE sales PARTITION (day='2024-01-04') RENAME TO PARTITION (day='2024-01-05')") == []
    assert shop.run("ALTER TABLE sales PARTITION (day='2024-01-05') SET LOCATION '@/other/'") == []
    assert shop.run("ALTER TABLE sales DROP PARTITION (day = '2024-01-02')") == []
    assert shop.run("SHOW PARTITIONS sales") == ["day=2024-01-03", "day=2024-01-05"]
    assert shop.run("ALTER TABLE sales ADD COLUMNS (more map<string,int>)") == []
    assert shop.run("ALTER TABLE sales CHANGE COLUMN id id bigint COMMENT 'd'") == []
    assert shop.run("ALTER TABLE sales SET TBLPROPERTIES ('a' = 'c')") == []
    table = shop.table("sales")
    assert [column["Type"] for column in table["StorageDescriptor"]["Columns"]] == [
        "bigint",
        "array<string>",
        "map<string,int>",
    ]
    assert table["Parameters"]["a"] == "c"
    assert [key["Name"] for key in table["PartitionKeys"]] == ["day"]
    again = shop.run("SHOW CREATE TABLE sales")
    assert shop.run("DROP TABLE sales") == []
    assert shop.run("\n".join(again)) == []
    assert shop.table("sales")["StorageDescriptor"] == table["StorageDescriptor"]
    assert "is not empty" in shop.run(f"DROP DATABASE {shop.database}")[0]
    assert shop.run(f"DROP DATABASE {shop.database} CASCADE") == []
    assert "Database does not exist" in shop.run("SHOW TABLES")[0]
    assert shop.s3.list_objects_v2(Bucket=shop.bucket, Prefix="sales/")["KeyCount"] == 2


def test_a_delta_table_takes_its_columns_from_its_log(shop: Shop) -> None:
    rows = pa.table({"id": pa.array([1], pa.int64()), "price": pa.array([None], pa.decimal128(12, 3)), "ok": [True]})
    write_deltalake(f"s3://{shop.bucket}/lake", rows, storage_options=shop.settings.delta_options)
    assert shop.run("CREATE EXTERNAL TABLE lake LOCATION '@/lake/' TBLPROPERTIES ('table_type' = 'DELTA')") == []
    assert [column["Type"] for column in shop.table("lake")["StorageDescriptor"]["Columns"]] == [
        "bigint",
        "decimal(12,3)",
        "boolean",
    ]
    again = shop.run("SHOW CREATE TABLE lake")
    assert shop.run("DROP TABLE lake") == []
    assert shop.run("\n".join(again)) == []
    assert (
        "Metadata not found"
        in shop.run("CREATE EXTERNAL TABLE no LOCATION '@/nothing/' TBLPROPERTIES ('table_type' = 'DELTA')")[0]
    )


def test_ctas_insert_unload_and_views_leave_what_glue_takes(shop: Shop) -> None:
    ctas = f"CREATE TABLE t WITH (external_location = '@/t/', partitioned_by = ARRAY['day']) AS {QUERY}"
    assert shop.run(ctas) == []
    assert shop.run("SHOW PARTITIONS t") == ["day=2024-01-02"]
    assert shop.run(f"INSERT INTO t {QUERY}") == []
    assert shop.run("SHOW PARTITIONS t") == ["day=2024-01-02"]
    assert shop.run(ctas.replace("TABLE t ", "TABLE u "))[0].startswith("HIVE_PATH_ALREADY_EXISTS: ")
    assert shop.run(f"UNLOAD ({QUERY}) TO '@/out/' WITH (format = 'PARQUET')") == []
    body = shop.s3.get_object(Bucket=shop.bucket, Key="results/e1-manifest.csv")["Body"].read().decode()
    assert body == f"s3://{shop.bucket}/out/1.parquet"
    assert shop.run(f"CREATE VIEW seen AS {QUERY}") == []
    assert shop.run(f"CREATE OR REPLACE VIEW seen AS {QUERY}") == []
    assert shop.run("DESCRIBE seen") == ["id\tinteger", "day\tdate"]
    assert shop.run("SHOW CREATE VIEW seen")[1] == QUERY
    assert shop.run("SHOW VIEWS") == ["seen"]
    assert shop.run("DROP VIEW seen") == []


def test_a_bucket_that_is_not_there_is_a_reason(shop: Shop) -> None:
    assert "NoSuchBucket" in shop.run(f"UNLOAD ({QUERY}) TO 's3://absent/out/' WITH (format = 'PARQUET')")[0]
