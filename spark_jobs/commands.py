"""The commands of `python -m spark_jobs`: each starts a session, takes the lease, works, and gives it back."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lakehouse.errors import ContractError
from lakehouse.logs import event
from lakehouse.settings import SUBMITTED, Settings
from spark_jobs import class_archive, cloudwatch, loop, prometheus, session
from spark_jobs import rebuild as rebuilding
from spark_jobs import verify as verifying
from spark_jobs.delta import Lakehouse
from spark_jobs.driver import Driver
from spark_jobs.generation import current_generation
from spark_jobs.lease import Lease
from spark_jobs.storage import Bucket

READY_FILE = "spark.ready"
RUNTIME_FILE = "spark.json"


def stream(settings: Settings) -> None:
    """Bring bronze to gold until SIGTERM or Ctrl-C, then stop between two batches."""
    stop = threading.Event()
    (settings.data_path / READY_FILE).unlink(missing_ok=True)  # of a driver that was killed
    for sort in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sort, lambda *_: stop.set())
    with (
        _driver(settings, patience_seconds=600) as driver,
        prometheus.served(driver.metrics, settings),
        cloudwatch.reported(driver.metrics, settings),
        _ready(settings),
    ):
        event("streaming", bucket=settings.bucket)
        loop.run(driver, stop, settings.poll_millis / 1000)
        event("stopped")


def backfill(settings: Settings) -> None:
    """Bring everything that lies in bronze, and every forecast that has been made, to gold, then stop.

    Raises:
        ContractError: At the end, when an object was damaged; what could be read of it is in the tables.
    """
    with _driver(settings, patience_seconds=2 * settings.lease_seconds) as driver:
        before = len(driver.damaged)
        batches = 0
        while (found := driver.step()) or driver.ledger.reconciling:
            batches += found
        driver.bring_gold_up()
        forecasts = 0
        while driver.load_forecast():
            forecasts += 1
        driver.publish()
        event("backfilled", batches=batches, forecasts=forecasts)
        damaged = driver.damaged[before:]
    if damaged:
        raise ContractError(
            f"{len(damaged)} bronze objects are damaged, the first is {damaged[0]}",
            "whole gzip objects",
            "see silver.rejected where position is -1",
        )


def maintain(settings: Settings) -> None:
    """Do all maintenance there is to do, due or not, then stop; a batch that was begun is finished first."""
    with _driver(settings, patience_seconds=2 * settings.lease_seconds) as driver:
        while driver.ledger.pending:
            driver.step()
        driver.bring_gold_up()
        driver.publish()
        event("maintained all", pieces=driver.maintenance.run())


def rebuild(settings: Settings) -> None:
    """Build silver and gold anew from bronze and put them in the place of the old ones."""
    with _leased(settings, patience_seconds=2 * settings.lease_seconds) as (tables, bucket, _):
        batches = rebuilding.run(tables, bucket, settings)
        event("rebuilt", batches=batches)


def verify(settings: Settings) -> None:
    """Compare silver and gold with what bronze comes to, by another way.

    Raises:
        ContractError: Something differs.
    """
    verification = verifying.run(settings)
    event("verified", read=verification.read, rows=verification.rows, damaged=len(verification.damaged))
    for difference in verification.differences:
        event("differs", level=40, what=difference)
    if verification.differences:
        raise ContractError(
            f"{len(verification.differences)} differences, the first: {verification.differences[0]}",
            "tables equal to what bronze comes to",
            "see docs/runbook.md, or run `make rebuild`",
        )


def runtime(settings: Settings) -> tuple[list[str], str]:
    """The driver's class path and Java home: from the settings, else as `make install` noted them in the cache.

    A driver that spark-submit has started has both.
    """
    if settings.spark_master == SUBMITTED:
        return [], ""
    noted: dict[str, str] = {}
    note = settings.cache_path / RUNTIME_FILE
    if note.is_file():
        noted = json.loads(note.read_text(encoding="utf-8"))
    class_path = settings.spark_class_path or noted.get("class_path", "")
    return [entry for entry in class_path.split(os.pathsep) if entry], settings.java_home or noted.get("java_home", "")


@contextmanager
def lakehouse(settings: Settings) -> Iterator[tuple[Lakehouse, Bucket]]:
    """A session over the tables in force, and the bucket."""
    bucket = Bucket(settings)
    bucket.folders("ops/")  # an unreachable bucket is said before a session is started for it
    class_path, java_home = runtime(settings)
    if java_home:
        os.environ["JAVA_HOME"] = java_home
    archive = class_archive.find(settings, class_path, java_home)
    spark = session.build(settings, class_path, archive.java_options() if archive else "")
    try:
        with class_archive.kept(archive, spark):
            yield Lakehouse(spark, settings), bucket
    finally:
        spark.stop()


@contextmanager
def _leased(settings: Settings, patience_seconds: float) -> Iterator[tuple[Lakehouse, Bucket, Lease]]:
    with lakehouse(settings) as (tables, bucket):
        lease = Lease(bucket, settings.lease_seconds)
        lease.acquire(patience_seconds)
        try:
            yield tables, bucket, lease
        finally:
            lease.release()


@contextmanager
def _driver(settings: Settings, patience_seconds: float) -> Iterator[Driver]:
    with _leased(settings, patience_seconds) as (tables, bucket, lease):
        generation = current_generation(bucket, settings)
        yield Driver(tables, bucket, settings, generation.number, lease.check, generation.fields)


@contextmanager
def _ready(settings: Settings) -> Iterator[None]:
    """Say by a file with this process's id that the driver works."""
    ready = Path(settings.data_path) / READY_FILE
    ready.parent.mkdir(parents=True, exist_ok=True)
    ready.write_text(f"{os.getpid()}\n", encoding="utf-8")
    try:
        yield
    finally:
        ready.unlink(missing_ok=True)
