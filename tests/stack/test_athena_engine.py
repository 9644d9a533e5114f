"""The Athena engine on the real gateway: its workers read the gateway's objects and tables, and end when they must."""

import io
import itertools
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from boto3.s3.transfer import TransferConfig
from deltalake import DeltaTable, write_deltalake

from infra.local import gateway
from infra.local.athena.contract import Job, Outcome
from infra.local.athena.engine import pages, wire
from infra.local.athena.engine.running import upload
from infra.local.daemon import ROOT
from lakehouse.settings import Settings
from tests.stack.conftest import client, make_settings, wait_until

pytestmark = pytest.mark.stack

ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE hash(a.range, b.range) = 1"


class Engine:
    """The engine of a running gateway."""

    def __init__(self, settings: Settings, process: subprocess.Popen[bytes]) -> None:
        self.settings, self.process = settings, process
        self.s3, self.glue = client(settings), client(settings, "glue")
        self._numbers = itertools.count()

    def ask(self, message: Any) -> Any:
        request = urllib.request.Request(
            f"{self.settings.aws_endpoint_url}/",
            data=json.dumps(message).encode(),
            headers={"x-amz-target": "AmazonAthena.Run"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def run(self, sql: str, columns: str, *tables: str, name: str = "", seconds: float = 50, **more: Any) -> Outcome:
        """Run a query; a table stands in it as itself, after a `:` the columns that it needs."""
        sources = {}
        for about in tables:
            table, _, needed = about.partition(":")
            sources[table] = ["db", table, needed.split(","), {}]
        described = [[f"c{place}", kind] for place, kind in enumerate(columns.split())]
        statement = json.dumps({"sql": sql, "columns": described, "sources": sources, **more})
        name = name or f"q{next(self._numbers)}"
        folder = self.settings.data_path / "athena" / name
        job = Job(name, statement, "", (), "s3://shop/results/", folder, seconds)
        outcome = wire.outcome_from(self.ask({"job": wire.job_to(job)}))
        wait_until("the job's folder is gone", lambda: not folder.exists())
        return outcome

    def rows(self, *query: str, **more: Any) -> list[list[str | None]]:
        outcome = self.run(*query, **more)
        assert outcome.state == "SUCCEEDED", outcome.reason
        key = outcome.location.removeprefix("s3://shop/")
        body, about = (self.s3.get_object(Bucket="shop", Key=f"{key}{end}")["Body"].read() for end in ("", ".metadata"))
        index = pages.index(about)
        return pages.page(body, index, 0, index.rows)

    def cancel(self, name: str) -> bool:
        return bool(self.ask({"cancel": name}))

    def workers(self) -> list[psutil.Process]:
        found = psutil.Process(self.process.pid).children()
        return [process for process in found if any("athena_engine_worker" in word for word in process.cmdline())]

    def add_delta(self, name: str, rows: pa.Table, **options: Any) -> None:
        write_deltalake(f"s3://shop/{name}", rows, storage_options=self.settings.delta_options, **options)

    def register(
        self, name: str, columns: dict[str, str], serde: str = "", *, bucket: str = "shop", **parameters: str
    ) -> None:
        self.glue.create_table(
            DatabaseName="db",
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": parameters,
                "StorageDescriptor": {
                    "Location": f"s3://{bucket}/{name}/",
                    "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
                    "SerdeInfo": {"SerializationLibrary": serde} if serde else {},
                },
            },
        )


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    settings = make_settings(tmp_path_factory.mktemp("athena"))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **gateway.process(settings).environment}
    command = [sys.executable, str(Path(__file__).with_name("athena_engine_gateway.py"))]
    with subprocess.Popen(command, env=environment, cwd=ROOT) as process:
        try:
            wait_until("the gateway answers", lambda: gateway.unready(settings) is None)
            made = Engine(settings, process)
            place = {"LocationConstraint": settings.aws_default_region}
            made.s3.create_bucket(Bucket="shop", CreateBucketConfiguration=place)
            made.glue.create_database(DatabaseInput={"Name": "db"})
            yield made
        finally:
            process.kill()


def test_a_delta_table_is_read_from_the_gateways_objects(engine: Engine) -> None:
    rows = pa.table({"country": ["UK", "FR", "UK"], "orders": [1, 2, 3]})
    engine.add_delta("daily", rows, partition_by=["country"])
    engine.register("daily", {"col": "array<string>"}, table_type="DELTA")
    query = ("SELECT country, sum(orders) FROM daily GROUP BY 1 ORDER BY 1", "varchar bigint", "daily:country,orders")
    assert engine.rows(*query) == [["FR", "2"], ["UK", "4"]]
    engine.add_delta("daily", pa.table({"country": ["DE"], "orders": [7]}), mode="append")
    assert engine.rows(*query) == [["DE", "7"], ["FR", "2"], ["UK", "4"]]
    outcome = engine.run(*query)
    assert outcome.tables == ("db.daily",)
    assert outcome.scanned_bytes > 0


def test_a_table_that_was_made_anew_is_read_anew(engine: Engine) -> None:
    engine.add_delta("anew", pa.table({"n": [1]}))
    engine.register("anew", {"col": "array<string>"}, table_type="DELTA")
    query = ("SELECT sum(n) FROM anew", "bigint", "anew:n")
    for _ in range(3):  # in each worker
        assert engine.rows(*query) == [["1"]]
    for entry in engine.s3.list_objects_v2(Bucket="shop", Prefix="anew/")["Contents"]:
        engine.s3.delete_object(Bucket="shop", Key=entry["Key"])
    for number in (5, 6):
        engine.add_delta("anew", pa.table({"n": [number]}), mode="append")
    for _ in range(3):
        assert engine.rows(*query) == [["11"]]


def test_a_delta_table_in_a_bucket_that_is_gone_says_so_in_one_line(engine: Engine) -> None:
    engine.register("lost", {"col": "array<string>"}, bucket="gone", table_type="DELTA")
    outcome = engine.run("SELECT n FROM lost", "bigint", "lost:n")
    assert outcome.reason == (
        "DELTA_LAKE_BAD_DATA: Failed to read the transaction log of s3://gone/lost: "
        "NoSuchBucket: The specified bucket does not exist"
    )


def test_every_query_sees_one_version_while_silver_is_rewritten_and_vacuumed(engine: Engine) -> None:
    """All ten rows of a version have its number. A vacuum keeps the last 20, which a query may have planned."""
    engine.add_delta("versions", pa.table({"version": [0] * 10}))
    engine.register("versions", {"col": "array<string>"}, table_type="DELTA")
    stop = threading.Event()

    def rewrite() -> int:
        for version in itertools.count(1):
            if stop.is_set():
                return version
            engine.add_delta("versions", pa.table({"version": [version] * 10}), mode="overwrite")
            if version % 10 == 0:
                table = DeltaTable("s3://shop/versions", storage_options=engine.settings.delta_options)
                keep = list(range(max(0, table.version() - 20), table.version()))
                table.vacuum(0, dry_run=False, enforce_retention_duration=False, keep_versions=keep)
        raise AssertionError

    query = "SELECT min(version), max(version), count(*) FROM versions"
    with ThreadPoolExecutor(4) as threads:
        writer = threads.submit(rewrite)
        try:
            asked = [threads.submit(engine.rows, query, "bigint bigint bigint", "versions:version") for _ in range(60)]
            found = [one.result() for one in asked]
        finally:
            stop.set()
        assert writer.result() > 3
    assert all(low == high and count == "10" for [[low, high, count]] in found)
    assert len({low for [[low, _, _]] in found}) > 3


def test_a_deleted_object_does_not_hurt_the_query_that_reads_it(engine: Engine) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"n": list(range(3_000_000))}), buffer)
    engine.s3.put_object(Bucket="shop", Key="doomed/1.parquet", Body=buffer.getvalue())
    engine.register("doomed", {"n": "bigint"}, "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")
    query = "SELECT sum(hash(n) % 7) IS NOT NULL, count(DISTINCT n) FROM doomed"
    folder = engine.settings.data_path / "athena" / "doomed"
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(engine.rows, query, "boolean bigint", "doomed:n", name="doomed")
        wait_until("the object is linked", lambda: running.done() or list(folder.rglob("*.parquet")))
        engine.s3.delete_object(Bucket="shop", Key="doomed/1.parquet")
        assert running.result() == [["true", "3000000"]]
    assert engine.rows("SELECT count(*) FROM doomed", "bigint", "doomed:n") == [["0"]]


def test_a_large_result_is_whole_and_described(engine: Engine) -> None:
    outcome = engine.run("SELECT i, repeat('x', 60) || i FROM range(1000000) t(i)", "bigint varchar")
    key = outcome.location.removeprefix("s3://shop/")
    assert engine.s3.head_object(Bucket="shop", Key=key)["ContentLength"] > 64 << 20
    about = pages.index(engine.s3.get_object(Bucket="shop", Key=f"{key}.metadata")["Body"].read())
    span = f"bytes={about.offsets[999]}-{about.offsets[1000] - 1}"
    last = pages.table_rows(engine.s3.get_object(Bucket="shop", Key=key, Range=span)["Body"].read().decode(), 2)
    assert about.rows == outcome.rows == 1_000_000
    assert [int(row[0] or "") for row in last] == list(range(998_999, 999_999))


def test_a_file_too_large_for_one_request_is_uploaded_in_parts(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(bytes(range(256)) * (45 << 10))
    upload(
        engine.s3, path, "shop", "large.csv", TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=5 << 20)
    )
    found = engine.s3.get_object(Bucket="shop", Key="large.csv")
    assert found["Body"].read() == path.read_bytes()
    assert found["ETag"].endswith('-3"')


def test_what_was_written_is_read_back(engine: Engine) -> None:
    outcome = engine.run(
        "SELECT i AS a, i % 2 AS c1 FROM range(10) t(i)",
        "bigint integer",
        destination="s3://shop/new/",
        options={"partitioned_by": ["c1"]},
    )
    files, partitions, folders = json.loads(outcome.location)
    assert outcome.updated == 10
    assert sorted(partitions) == [["0"], ["1"]]
    assert all(file.startswith(tuple(folders)) for file in files)
    engine.register("new", {"c0": "bigint"}, "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")
    assert engine.rows("SELECT sum(c0) FROM new", "bigint", "new:c0") == [["45"]]


def test_a_stopped_query_really_stops_and_its_worker_lives(engine: Engine) -> None:
    before = {process.pid for process in engine.workers()}
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(engine.run, ENDLESS, "bigint", name="endless")
        wait_until("the query can be stopped", lambda: engine.cancel("endless"))
        start = time.monotonic()
        assert running.result().error_code == "USER_CANCELED"
        assert time.monotonic() - start < 2.5
    assert engine.rows("SELECT 1", "integer") == [["1"]]
    assert before & {process.pid for process in engine.workers()}


def test_a_query_over_its_time_fails(engine: Engine) -> None:
    assert engine.run(ENDLESS, "bigint", seconds=0.5).error_code == "EXCEEDED_TIME_LIMIT"


def test_a_query_over_its_memory_fails(engine: Engine) -> None:
    sql = "SELECT len(list(i || '-' || hash(i))) FROM range(200000000) t(i)"
    outcome = engine.run(sql, "bigint")
    assert outcome.reason == "EXCEEDED_MEMORY_LIMIT: Query exhausted resources at this scale factor"


def test_many_clients_get_their_own_rows(engine: Engine) -> None:
    with ThreadPoolExecutor(20) as threads:
        asked = {n: threads.submit(engine.rows, f"SELECT {n} * i FROM range(3) t(i)", "bigint") for n in range(60)}
        assert {n: one.result() for n, one in asked.items()} == {n: [["0"], [str(n)], [str(2 * n)]] for n in range(60)}


def test_a_killed_worker_is_replaced(engine: Engine) -> None:
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(engine.run, ENDLESS, "bigint", name="killed")
        wait_until("a worker is at work", (engine.settings.data_path / "athena" / "killed").exists)
        for process in engine.workers():
            process.kill()
        assert running.result().error_code == "EXCEEDED_MEMORY_LIMIT"
    assert engine.rows("SELECT 1", "integer") == [["1"]]


def test_workers_end_with_the_gateway(tmp_path: Path, engine: Engine) -> None:
    """The last test of the module: it ends the gateway that the others use."""
    assert engine.rows("SELECT 1", "integer") == [["1"]]
    workers = engine.workers()
    assert workers
    engine.process.kill()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive
