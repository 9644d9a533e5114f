"""One Spark session and one gateway for the whole tier; each test has a bucket, and so tables, of its own."""

import dataclasses
import gc
import os
import warnings
from collections.abc import Iterator

import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession

from infra.local import javac
from infra.local.java import find_java
from lakehouse.settings import Settings
from spark_jobs import kept, session
from tests.spark.site import Site
from tests.stack.conftest import client, make_settings, started


@pytest.fixture(scope="package")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The gateway all tests of the tier share."""
    with started(make_settings(tmp_path_factory.mktemp("gateway")), "gateway") as settings:
        yield settings


@pytest.fixture(scope="package")
def spark(gateway: Settings) -> Iterator[SparkSession]:
    """The session all tests of the tier share, with the jars compiled from these sources."""
    os.environ["JAVA_HOME"] = str(find_java(gateway).home)
    javac.build(gateway, print)
    built = session.build(gateway, javac.spark_class_path(gateway).split(os.pathsep))
    yield built
    gateway_of_jvm = built.sparkContext._gateway
    built.stop()
    gateway_of_jvm.shutdown()
    gateway_of_jvm.proc.stdin.close()  # its JVM ends with that
    gateway_of_jvm.proc.wait(timeout=30)
    SparkContext._gateway = SparkContext._jvm = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # py4j leaves its sockets to the garbage collector
        gc.collect()


@pytest.fixture(autouse=True)
def small_days_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done for a large day that changes again is done for every day."""
    monkeypatch.setattr(kept, "LEAST_LINES", 0)


@pytest.fixture
def site(gateway: Settings, spark: SparkSession, request: pytest.FixtureRequest) -> Site:
    """An environment with an empty bucket on the shared gateway."""
    return new_site(gateway, spark, request.node.nodeid)


def new_site(gateway: Settings, spark: SparkSession, name: str, **changes: object) -> Site:
    """An environment with an empty bucket whose name is made from `name`."""
    bucket = f"t{abs(hash(name)) % 10**15}"
    client(gateway).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return Site(spark, dataclasses.replace(gateway, bucket=bucket, **changes))  # type: ignore[arg-type]
