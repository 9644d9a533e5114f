"""Maintenance changes how the tables lie, not what they hold; and it may die at any step."""

from typing import Any

import pyarrow as pa
import pytest

from lakehouse.tables import (
    GOLD_DAILY_PRODUCT_SALES,
    GOLD_DAILY_SALES,
    OPS_BATCHES,
    OPS_BRONZE_OBJECTS,
    SILVER_ORDER_LINES,
    SILVER_REJECTED,
    TABLES,
    Table,
)
from spark_jobs import apply, commit, compaction, gold
from spark_jobs.commit import Rewrite
from spark_jobs.storage import Bucket
from tests.spark.site import Site, change
from tests.spark.test_crashes import crash

pytestmark = pytest.mark.spark

NOW = 4e9  # long after the tests: no file is hot


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of a few rows are compacted as tables of millions are."""
    monkeypatch.setattr(compaction, "ROWS_PER_FILE", 20)
    monkeypatch.setattr(compaction, "GOLD_ROWS_PER_FILE", 4)
    monkeypatch.setattr(compaction, "LEAST_FILES", 2)


def batches(site: Site, count: int, start: int = 1) -> Any:
    """A driver that has brought new orders, changes, deletes and bad lines to gold, batch by batch."""
    driver = site.driver()
    for number in range(start, start + count):
        day = f"2011-01-{1 + number % 20:02d}T12:00:00+00:00"
        site.land(
            [
                *(change("c", 100 * number + line, f"{number:05d}", line, ordered_at=day) for line in range(1, 6)),
                change("u", 100 * number + 6, f"{max(1, number - 1):05d}", 1, quantity=number, ordered_at=day),
                change("d", 100 * number + 7, f"{max(1, number - 2):05d}", 2),
                b"{",
            ]
        )
        driver.step()
        driver.publish()
    return driver


def everything(site: Site) -> dict[str, list[dict[str, Any]]]:
    return {table.full_name: sorted(site.delta(table).to_pyarrow_table().to_pylist(), key=repr) for table in TABLES}


def by_spark(site: Site, table: Table) -> list[dict[str, Any]]:
    return sorted((row.asDict() for row in site.tables().read(table).collect()), key=repr)


def physical(site: Site, table: Table) -> list[pa.Table]:
    """The rows of each file as they lie in it."""
    handle = site.delta(table)
    dataset = handle.to_pyarrow_dataset()
    return [fragment.to_table(schema=dataset.schema) for fragment in dataset.get_fragments()]


def compact(site: Site, table: Table) -> int:
    """All pieces of work that are worth it; returns how many files were rewritten."""
    rewritten = 0
    while found := compaction.run(site.tables(), site.bucket, table, now=NOW):
        rewritten += found
    return rewritten


@pytest.mark.usefixtures("small_files")
def test_compaction_changes_files_only(site: Site) -> None:
    driver = batches(site, 8)
    before, results = everything(site), dict(driver.ledger.results)
    tables = site.tables()
    apps = {table: apply.application(0) for table in (SILVER_ORDER_LINES, SILVER_REJECTED)}
    apps |= dict.fromkeys((GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES), gold.application(tables, 0))
    apps |= dict.fromkeys((OPS_BATCHES, OPS_BRONZE_OBJECTS), "ops/0")
    written = {table: tables.transaction(table, app) for table, app in apps.items()}
    versions = {table: tables.version(table) for table in TABLES}
    for table in TABLES:
        assert compact(site, table) > 1, table.full_name
        assert compact(site, table) == 0, table.full_name
    assert everything(site) == before
    for table in TABLES:
        assert by_spark(site, table) == sorted(before[table.full_name], key=repr)
        assert tables.transaction(table, apps[table]) == written[table]
        low, order = table.pruned[0], compaction.order(table)
        ends = []
        for part in physical(site, table):
            rows = part.select(order).to_pylist()
            assert rows == sorted(rows, key=lambda row: tuple(row[name] for name in order)), table.full_name
            ends.append((rows[0][low], rows[-1][low]))
        for one, two in zip(sorted(ends), sorted(ends)[1:], strict=False):
            assert one[1] < two[0], "one key lies in one file"
        statistics = pa.table(site.delta(table).get_add_actions(flatten=True)).to_pylist()
        assert sorted((row[f"min.{low}"], row[f"max.{low}"]) for row in statistics) == sorted(ends)
        assert sum(row["num_records"] for row in statistics) == len(before[table.full_name])
        assert all(row[f"null_count.{low}"] == 0 for row in statistics)

    # the change feed knows nothing of it, and gold goes on by days
    version = tables.version(SILVER_ORDER_LINES)
    assert tables.changes(SILVER_ORDER_LINES, versions[SILVER_ORDER_LINES] + 1, version).count() == 0
    feed = site.delta(SILVER_ORDER_LINES).load_cdf(versions[SILVER_ORDER_LINES] + 1, version)
    assert sum(batch.num_rows for batch in feed) == 0
    site.land([change("u", 9_000, "00003", 3, quantity=7, ordered_at="2011-01-04T00:00:00+00:00")])
    driver.batch()
    assert driver.bring_gold_up().days == 1
    assert driver.ledger.results[9].outcomes["applied"] == 1
    assert len(results) == 8
    assert site.differences() == []


@pytest.mark.usefixtures("small_files")
def test_statistics_of_what_compaction_wrote_prune(site: Site) -> None:
    batches(site, 6)
    compact(site, SILVER_ORDER_LINES)
    files = Rewrite(site.tables(), site.bucket, SILVER_ORDER_LINES, now=NOW).files
    assert len(files) > 1
    order_lines = site.tables().read(SILVER_ORDER_LINES)
    for file in files:
        found = order_lines.where(order_lines.order_id == file.low).inputFiles()
        assert [path.rpartition("/")[2] for path in found] == [file.path]


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("method", ["put", "create"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_compaction_may_die_at_any_step(site: Site, method: str, when: str) -> None:
    batches(site, 4)
    before = everything(site)
    prefix = "silver/order_lines/"
    with crash(Bucket, method, when, lambda key, *_, **__: key.startswith(prefix)):
        compact(site, SILVER_ORDER_LINES)
    assert everything(site) == before
    compact(site, SILVER_ORDER_LINES)
    assert everything(site) == before
    batches(site, 1, start=5)
    assert site.differences() == []


@pytest.mark.usefixtures("small_files")
def test_compaction_leaves_hot_files_alone(site: Site) -> None:
    batches(site, 4)
    tables = site.tables()
    newest = max(file.modified_at for file in Rewrite(tables, site.bucket, SILVER_ORDER_LINES, now=NOW).files)
    assert compaction.run(tables, site.bucket, SILVER_ORDER_LINES, now=newest + 1) == 0
    assert compaction.run(tables, site.bucket, SILVER_ORDER_LINES, now=newest + 1 + compaction.HOT_SECONDS) > 0


@pytest.mark.usefixtures("small_files")
def test_what_compaction_and_a_checkpoint_of_delta_rs_leave_is_what_spark_reads(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = batches(site, 4)
    monkeypatch.setattr(commit, "CHECKPOINT_INTERVAL", 1)
    before = everything(site)
    assert compact(site, SILVER_ORDER_LINES)
    version = site.tables().version(SILVER_ORDER_LINES)
    log = [entry.key for entry in site.bucket.entries("silver/order_lines/_delta_log/")]
    assert f"silver/order_lines/_delta_log/{version:020d}.checkpoint.parquet" in log
    for key in log:  # the checkpoint must do alone
        if key.endswith((".json", ".crc")):
            site.bucket.delete(key)
    site.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    assert by_spark(site, SILVER_ORDER_LINES) == before[SILVER_ORDER_LINES.full_name]
    assert site.tables().transaction(SILVER_ORDER_LINES, apply.application(0)) == 4
    site.land([change("u", 9_000, "00003", 3, quantity=7)])
    assert driver.step()
    assert site.differences() == []
