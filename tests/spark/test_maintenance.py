"""Maintenance changes how the tables lie, not what they hold; and it may die at any step."""

import logging
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from lakehouse.settings import Settings
from lakehouse.tables import (
    FORECAST_TABLES,
    GOLD_DAILY_PRODUCT_SALES,
    GOLD_DAILY_SALES,
    OPS_BATCHES,
    OPS_BRONZE_OBJECTS,
    SILVER_ORDER_LINES,
    SILVER_REJECTED,
    TABLES,
    Table,
)
from spark_jobs import apply, commit, compaction, expiry, gold, maintenance, vacuum
from spark_jobs.commit import Rewrite
from spark_jobs.delta import Lakehouse
from spark_jobs.maintenance import Maintenance
from spark_jobs.storage import Bucket
from tests.spark.conftest import new_site
from tests.spark.site import Site, change
from tests.spark.test_crashes import crash
from tests.spark.test_damage import commanded

pytestmark = pytest.mark.spark

STREAMED = [table for table in TABLES if table not in FORECAST_TABLES]  # these batches make no forecasts
BATCHES = 5
LATER = time.time() + 10 * 86400  # every file is older than the retention of deleted files


def batch(number: int) -> list[bytes]:
    """New lines of one order and, from the fourth batch on, changes and deletes of an older one; and a bad line."""
    day = f"2011-01-{number:02d}T12:00:00+00:00"
    values = [change("c", 100 * number + line, f"{number:05d}", line, ordered_at=day) for line in range(1, 6)]
    if number > 3:
        old = f"{number - 3:05d}"
        values += [change("u", 100 * number + 6, old, 1, ordered_at=day), change("d", 100 * number + 7, old, 2)]
    if number == 4:
        values.append(change("d", 100 * number + 8, old, 4))
    return [*values, b"{"]


@pytest.fixture(scope="module")
def messy(gateway: Settings, spark: SparkSession) -> Site:
    """An environment after some batches, for `site` to copy."""
    site = new_site(gateway, spark, "messy")
    driver = site.driver()
    for number in range(1, BATCHES + 1):
        site.land(batch(number))
        driver.step()
        driver.publish()
    return site


@pytest.fixture
def site(messy: Site, gateway: Settings, spark: SparkSession, request: pytest.FixtureRequest) -> Site:
    """A copy of that environment."""
    copied = new_site(gateway, spark, request.node.nodeid)
    for entry in messy.bucket.entries(""):
        copied.bucket.put(entry.key, messy.bucket.present(entry.key))
    copied._ends = dict(messy._ends)
    return copied


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of a few rows are compacted as tables of millions are."""
    monkeypatch.setattr(compaction, "ROWS_PER_FILE", 10)
    monkeypatch.setattr(compaction, "GOLD_ROWS_PER_FILE", 10)
    monkeypatch.setattr(compaction, "LEAST_FILES", 1)
    monkeypatch.setattr(compaction, "HOT_SECONDS", -10.0)


def everything(site: Site) -> dict[str, list[dict[str, Any]]]:
    return {table.full_name: sorted(site.delta(table).to_pyarrow_table().to_pylist(), key=repr) for table in TABLES}


def by_spark(site: Site, table: Table) -> list[dict[str, Any]]:
    return sorted((row.asDict() for row in site.tables().read(table).collect()), key=repr)


def feed_by_spark(site: Site, start: int, end: int) -> list[dict[str, Any]]:
    """silver.order_lines' change feed of these versions."""
    feed = site.spark.read.format("delta").option("readChangeFeed", "true")
    feed = feed.option("startingVersion", start).option("endingVersion", end)
    rows = feed.load(site.tables().url(SILVER_ORDER_LINES)).drop("_commit_timestamp", "_commit_version")
    return [row.asDict() for row in rows.collect()]


def as_text(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Rows for a comparison of Spark's with Arrow's, whose times have a zone."""
    return sorted(
        ({name: str(value).removesuffix("+00:00") for name, value in row.items()} for row in rows),
        key=repr,
    )


def compact(site: Site, table: Table) -> int:
    """All pieces of work that are worth it; returns how many files were rewritten."""
    rewritten = 0
    while found := compaction.run(site.tables(), site.bucket, table, now=time.time()):
        rewritten += found
    return rewritten


def test_compaction_changes_files_only(site: Site) -> None:
    before, tables = everything(site), site.tables()
    apps = {table: apply.application(0) for table in (SILVER_ORDER_LINES, SILVER_REJECTED)}
    apps |= dict.fromkeys((GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES), gold.application(tables, 0))
    apps |= dict.fromkeys((OPS_BATCHES, OPS_BRONZE_OBJECTS), "ops/0")
    written = {table: tables.transaction(table, app) for table, app in apps.items()}
    since = tables.version(SILVER_ORDER_LINES)
    for table in STREAMED:
        assert compact(site, table) > 1, table.full_name
        assert compact(site, table) == 0, table.full_name
    assert everything(site) == before
    for table in STREAMED:
        assert as_text(by_spark(site, table)) == as_text(before[table.full_name])
        assert tables.transaction(table, apps[table]) == written[table]
        sorted_and_told_apart(site, table)
    pruned_by_statistics(site)

    # the change feed knows nothing of it, and gold goes on by days
    version = tables.version(SILVER_ORDER_LINES)
    assert version > since
    assert feed_by_spark(site, since + 1, version) == []
    assert tables.changed(SILVER_ORDER_LINES, "order_id", since + 1, version) == frozenset()
    site.land([change("u", 9_000, "00003", 3, quantity=7, ordered_at="2011-01-03T00:00:00+00:00")])
    driver = site.driver()
    result = driver.batch()
    assert result and result.outcomes["applied"] == 1
    assert driver.bring_gold_up().days == 1
    assert site.differences() == []


def sorted_and_told_apart(site: Site, table: Table) -> None:
    """Each file is sorted, no key lies in two, and the statistics say what lies in it."""
    rewrite, names = Rewrite(site.tables(), site.bucket, table, now=0), compaction.order(table)
    files = sorted(rewrite.files, key=lambda file: file.low)
    for file in files:
        keys = list(zip(*(column.to_pylist() for column in rewrite.read([file]).select(names).columns), strict=True))
        assert keys == sorted(keys), table.full_name
        assert (len(keys), keys[0][0], keys[-1][0]) == (file.rows, file.low, file.high), table.full_name
    assert all(one.high < two.low for one, two in pairwise(files)), table.full_name
    statistics = pa.table(site.delta(table).get_add_actions(flatten=True))
    for name in table.pruned:
        assert pa.compute.sum(statistics[f"null_count.{name}"]).as_py() == sum(
            row[name] is None for row in site.delta(table).to_pyarrow_table().select([name]).to_pylist()
        )


def pruned_by_statistics(site: Site) -> None:
    files = Rewrite(site.tables(), site.bucket, SILVER_ORDER_LINES, now=0).files
    assert len(files) > 1
    order_lines = site.tables().read(SILVER_ORDER_LINES)
    found = order_lines.where(order_lines.order_id == files[0].low).inputFiles()
    assert [path.rpartition("/")[2] for path in found] == [files[0].path]


def test_compaction_leaves_hot_files_alone_but_for_those_that_are_much_too_large(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "HOT_SECONDS", 120.0)
    monkeypatch.setattr(compaction, "ROWS_PER_FILE", 50)
    tables = site.tables()
    newest = max(file.modified_at for file in Rewrite(tables, site.bucket, SILVER_ORDER_LINES, now=0).files)
    assert compaction.run(tables, site.bucket, SILVER_ORDER_LINES, now=newest + 1) == 0
    assert compaction.run(tables, site.bucket, SILVER_ORDER_LINES, now=newest + 121) > 0
    monkeypatch.setattr(compaction, "ROWS_PER_FILE", 5)
    assert compaction.run(tables, site.bucket, SILVER_ORDER_LINES, now=newest + 1) == 1


def test_spark_reads_what_compaction_and_a_checkpoint_of_delta_rs_leave(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "CHECKPOINT_INTERVAL", 1)
    before, log = everything(site), "silver/order_lines/_delta_log/"
    assert compact(site, SILVER_ORDER_LINES)
    version = site.tables().version(SILVER_ORDER_LINES)
    keys = [entry.key for entry in site.bucket.entries(log)]
    assert f"{log}{version:020d}.checkpoint.parquet" in keys
    # the checkpoint must do, with the one commit that a clean-up of the log would leave
    site.bucket.delete_keys([key for key in keys if key.endswith((".json", ".crc")) and f"{version:020d}" not in key])
    assert as_text(by_spark(site, SILVER_ORDER_LINES)) == as_text(before[SILVER_ORDER_LINES.full_name])
    assert site.tables().transaction(SILVER_ORDER_LINES, apply.application(0)) == BATCHES
    site.land([change("u", 9_000, "00003", 3, quantity=7)])
    assert site.driver().step()
    assert site.differences() == []


def keep_for_hours(site: Site, hours: int) -> None:
    for table in TABLES:
        site.delta(table).alter.set_table_properties({vacuum.RETENTION: f"interval {hours} hours"})


def objects(site: Site, prefix: str) -> set[str]:
    return {entry.key for entry in site.bucket.entries(prefix)}


def test_vacuum_deletes_what_no_version_needs_any_more(site: Site) -> None:
    before, root = everything(site), "silver/order_lines/"
    compact(site, SILVER_ORDER_LINES)
    site.bucket.put(f"{root}part-forgotten.parquet", b"of a commit that never came")
    there = objects(site, root)
    assert vacuum.run(site.tables(), site.bucket, SILVER_ORDER_LINES, now=time.time()) == 0, "all is too young"
    # files removed within the hour stay, whatever their own age; what was in no version does not
    assert vacuum.run(site.tables(), site.bucket, SILVER_ORDER_LINES, now=LATER) > 0
    gone = there - objects(site, root)
    assert f"{root}part-forgotten.parquet" in gone
    assert all("_change_data" in key for key in gone - {f"{root}part-forgotten.parquet"})
    assert site.tables().read(SILVER_ORDER_LINES, 1).count() > 0

    keep_for_hours(site, 0)
    for table in TABLES:
        vacuum.run(site.tables(), site.bucket, table, now=LATER)
    left = {key for key in objects(site, root) if "_delta_log" not in key}
    assert left == {root + file.path for file in Rewrite(site.tables(), site.bucket, SILVER_ORDER_LINES, now=0).files}
    assert everything(site) == before
    assert as_text(by_spark(site, SILVER_ORDER_LINES)) == as_text(before[SILVER_ORDER_LINES.full_name])
    site.land([change("u", 9_000, "00003", 3, quantity=7)])
    assert site.driver().step()
    assert site.differences() == []


def test_vacuum_waits_for_gold(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.land([change("u", 9_000, "00003", 3, quantity=7)])
    driver = site.driver()
    driver.batch()
    work = Maintenance(driver._tables, site.bucket, driver.ledger, driver.publisher, site.settings, lambda: LATER)
    work.run()
    assert objects(site, "silver/order_lines/_change_data/") == set()
    assert "change feed is gone: gold is rebuilt" not in caplog.messages
    assert site.differences() == []


def test_tombstones_expire_with_the_sequence_that_is_distrusted_from_then_on(site: Site) -> None:
    tables, since = site.tables(), site.tables().version(SILVER_ORDER_LINES)
    deleted = [row for row in site.delta(SILVER_ORDER_LINES).to_pyarrow_table().to_pylist() if row["is_deleted"]]
    assert len(deleted) > 2
    live = [row for row in everything(site)[SILVER_ORDER_LINES.full_name] if not row["is_deleted"]]
    for through, expected in ((0, 0), (BATCHES - 1, len(deleted) - 1), (BATCHES - 1, 0), (BATCHES, 1), (BATCHES, 0)):
        assert expiry.run(tables, site.bucket, 0, through=through, now=time.time()) == expected
        gone = [row["cdc_sequence"] for row in deleted if row["batch_id"] <= through]
        in_force = expiry.in_force(tables.handle(SILVER_ORDER_LINES), site.bucket, 0)
        assert in_force == ({"kafka": max(gone)} if gone else {})
        left = sorted((row for row in deleted if row["batch_id"] > through), key=repr)
        assert everything(site)[SILVER_ORDER_LINES.full_name] == sorted([*live, *left], key=repr)
    version = tables.version(SILVER_ORDER_LINES)
    assert version == since + 2
    rows = feed_by_spark(site, since + 1, version)
    assert {row.pop("_change_type") for row in rows} == {"delete"}
    assert as_text(rows) == as_text(deleted)
    assert site.driver().bring_gold_up().days == 0
    assert site.differences() == []


def test_a_piece_of_expiry_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "MOST_ROWS", 1)
    deleted = [row for row in everything(site)[SILVER_ORDER_LINES.full_name] if row["is_deleted"]]
    pieces = 0
    while found := expiry.run(site.tables(), site.bucket, 0, through=BATCHES, now=time.time()):
        assert found < len(deleted)
        pieces += 1
    assert pieces > 1
    assert not [row for row in everything(site)[SILVER_ORDER_LINES.full_name] if row["is_deleted"]]


# what is patched, in the order in which a piece of work goes on: after the last of them it is done
STEPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("compact", (("put", "silver/order_lines/part-"), ("create", "silver/order_lines/_delta_log/"))),
    (
        "expire",
        (
            ("put", "ops/expired/"),
            ("put", "silver/order_lines/part-"),
            ("put", "silver/order_lines/_change_data/"),
            ("create", "silver/order_lines/_delta_log/"),
        ),
    ),
    ("vacuum", (("delete_keys", ""),)),
    ("fold", (("put", "ops/pages/"), ("create", "ops/checkpoints/"), ("delete_keys", ""))),
)


def test_a_piece_of_work_may_die_at_any_step(site: Site) -> None:
    work: dict[str, Callable[[], object]] = {
        "compact": lambda: compaction.run(site.tables(), site.bucket, SILVER_ORDER_LINES, now=time.time()),
        "expire": lambda: expiry.run(site.tables(), site.bucket, 0, through=BATCHES, now=time.time()),
        "vacuum": lambda: vacuum.run(site.tables(), site.bucket, SILVER_ORDER_LINES, now=LATER),
        "fold": lambda: site.driver().ledger.fold(BATCHES),
    }
    before = everything(site)
    rows = before[SILVER_ORDER_LINES.full_name]
    live = [row for row in rows if not row["is_deleted"]]
    totals = site.driver().ledger.totals
    for name, steps in STEPS:
        for method, prefix in steps:
            for when in ("before", "after"):
                with crash(Bucket, method, when, lambda key, *_, prefix=prefix, **__: str(key).startswith(prefix)):
                    work[name]()
                is_done = name in ("vacuum", "fold") or (name, method, when) == ("expire", "create", "after")
                expected = live if is_done else rows
                assert everything(site) == {**before, SILVER_ORDER_LINES.full_name: expected}, (name, method, when)
        assert site.differences() == [], name
        assert work["compact" if name == "compact" else "expire"]() == 0
    driver = site.driver()
    assert (driver.ledger.totals, driver.ledger.find()) == (totals, [])
    assert list(driver.ledger.results) == [BATCHES]


def test_the_stream_does_what_is_due_and_says_so(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "saleslake")
    driver, now = site.driver(), time.time()
    work = Maintenance(driver._tables, site.bucket, driver.ledger, driver.publisher, site.settings, lambda: now)
    assert work.step() is None
    now = LATER + 100 * 86400
    done = []
    while name := work.step():
        done.append(name)
    assert {"expire tombstones", "compact silver.order_lines", "compact gold.daily_sales"} <= set(done)
    assert caplog.messages.count("maintained") == len(done)
    assert work.step() is None
    assert site.differences() == []
    assert maintenance.FOLD_BATCHES > BATCHES


def test_gold_need_not_ask_the_change_feed_after_maintenance(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    driver, version = site.driver(), site.tables().version(SILVER_ORDER_LINES)
    driver.bring_gold_up()
    for piece in driver.maintenance._pieces:
        piece.looked_at = 0.0 if piece.name == "compact silver.order_lines" else LATER
    assert driver.maintain() == "compact silver.order_lines"
    assert site.tables().version(SILVER_ORDER_LINES) == version + 1
    site.land([change("u", 9_000, "00003", 3, quantity=7, ordered_at="2011-01-03T00:00:00+00:00")])
    monkeypatch.setattr(Lakehouse, "changed", None)
    assert driver.batch()
    assert driver.bring_gold_up().days == 1
    assert site.differences() == []


def test_the_command_finishes_what_was_begun_and_does_everything_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site.land(batch(BATCHES + 1))
    assert site.driver()._next_plan()
    monkeypatch.setattr(maintenance, "FOLD_BATCHES", 2)
    assert commanded(site, monkeypatch, "maintain") == 0
    assert capsys.readouterr().err.count('"event": "maintained"') >= len(STREAMED)
    ledger = site.driver().ledger
    assert (ledger.pending, ledger.checkpoint.through, list(ledger.results)) == ([], BATCHES, [BATCHES + 1])
    assert site.differences() == []
