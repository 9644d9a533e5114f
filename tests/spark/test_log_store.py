"""ConditionalLogStore on the real gateway: no commit is lost between writers, and a lost answer is no conflict."""

import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from lakehouse.settings import Settings
from lakehouse.tables import SILVER_REJECTED
from spark_jobs.arrow import arrow_schema
from tests.spark.site import Site

pytestmark = pytest.mark.spark

STORE = "io.saleslake.spark.ConditionalLogStore"


class Store:
    """The store itself, and paths in the site's bucket."""

    def __init__(self, site: Site) -> None:
        self._jvm: Any = site.spark.sparkContext._jvm
        self._conf = site.spark.sparkContext._jsc.hadoopConfiguration()  # type: ignore[union-attr]
        self._store = self._jvm.io.saleslake.spark.ConditionalLogStore(self._conf)
        self._bucket = site.settings.bucket

    def write(self, key: str, text: str, overwrite: bool = False) -> bool:
        """Write one action; False if the store says that the file exists."""
        actions = self._jvm.java.util.ArrayList()
        actions.add(text)
        path = self._jvm.org.apache.hadoop.fs.Path(f"s3://{self._bucket}/{key}")
        try:
            self._store.write(path, actions.iterator(), overwrite, self._conf)
        except Py4JJavaError as fault:
            if fault.java_exception.getClass().getName() == "java.nio.file.FileAlreadyExistsException":
                return False
            raise
        return True


@contextmanager
def losing_answers(settings: Settings, lose: list[str]) -> Iterator[int]:
    """A proxy before the gateway that carries out the first PUT of each key that ends with one of `lose`, unanswered.

    Yields:
        Its port. Keys that were lost are taken out of `lose`.
    """
    target = urlsplit(settings.aws_endpoint_url)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            onward = http.client.HTTPConnection(target.hostname or "", target.port, timeout=20)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "expect")}
            onward.request(self.command, self.path, body, headers)
            answer = onward.getresponse()
            text = answer.read()
            onward.close()
            lost = next((ending for ending in lose if self.path.split("?")[0].endswith(ending)), None)
            if self.command == "PUT" and lost:
                lose.remove(lost)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(text))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = forward  # noqa: N815 (names of the standard library)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def through(spark: SparkSession, bucket: str, port: int) -> None:
    """Send Spark's requests for a bucket to another port."""
    conf = spark.sparkContext._jsc.hadoopConfiguration()  # type: ignore[union-attr]
    conf.set(f"fs.s3a.bucket.{bucket}.endpoint", f"http://127.0.0.1:{port}")


def row(writer: str, number: int) -> dict[str, Any]:
    return {"raw": f"{writer} {number}", "reason": "r", "object": writer, "position": number, "batch_id": 1}


def test_the_session_commits_through_it(spark: SparkSession) -> None:
    assert spark.conf.get("spark.delta.logStore.s3.impl") == STORE


def test_of_two_writers_of_one_file_one_is_told_that_it_lost(site: Site) -> None:
    store = Store(site)
    with ThreadPoolExecutor(2) as pool:
        for number in range(30):
            key = f"race/{number:020d}.json"
            told = list(pool.map(store.write, [key, key], ["one", "two"]))
            assert sorted(told) == [False, True], number
            assert site.bucket.get(key) == (b"one\n" if told[0] else b"two\n")


def test_an_overwrite_overwrites(site: Site) -> None:
    store = Store(site)
    assert store.write("some/00000000000000000001.json", "one")
    assert store.write("some/00000000000000000001.json", "two", overwrite=True)
    assert site.bucket.get("some/00000000000000000001.json") == b"two\n"


def test_no_append_of_two_writers_is_lost(site: Site) -> None:
    site.driver()
    tables = site.tables()
    fields = "raw STRING, reason STRING, object STRING, position BIGINT, batch_id BIGINT"

    def by_spark(writer: str) -> int:
        for number in range(6):
            values = [tuple(row(writer, number).values())]
            frame = site.spark.createDataFrame(values, fields).coalesce(1)
            frame.write.format("delta").mode("append").save(tables.url(SILVER_REJECTED))
        return 6

    def by_another_program(writer: str) -> int:
        for number in range(12):
            rows = pa.Table.from_pylist([row(writer, number)], arrow_schema(SILVER_REJECTED))
            write_deltalake(site.delta(SILVER_REJECTED), rows, mode="append")
        return 12

    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(by_spark, "a"), pool.submit(by_spark, "b"), pool.submit(by_another_program, "c")]
        acknowledged = sum(writer.result() for writer in work)
    assert len({found["raw"] for found in site.rows(SILVER_REJECTED)}) == acknowledged == 24
    assert tables.version(SILVER_REJECTED) == 24


def test_a_lost_answer_to_ones_own_commit_is_no_conflict(site: Site) -> None:
    site.driver()
    lose = ["silver/rejected/_delta_log/00000000000000000001.json", "own/1.json", "other/1.json"]
    with losing_answers(site.settings, lose) as port:
        through(site.spark, site.settings.bucket, port)
        store = Store(site)
        assert store.write("own/1.json", "mine")
        assert site.bucket.get("own/1.json") == b"mine\n"
        assert not store.write("own/1.json", "another's")

        rows = site.spark.createDataFrame([tuple(row("a", 1).values())], "raw STRING, reason STRING, object STRING, "
                                          "position BIGINT, batch_id BIGINT")  # fmt: skip
        site.tables().append(rows, SILVER_REJECTED, "app", 1, "note")
    assert lose == ["other/1.json"]
    assert site.tables().version(SILVER_REJECTED) == 1
    assert len(site.rows(SILVER_REJECTED)) == 1
