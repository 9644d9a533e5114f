"""Lags as a driver measures them: per change, from S3's own time of the object, into ops.batches."""

import time
from datetime import UTC, datetime

import pytest

from lakehouse.envelopes import encode
from lakehouse.tables import OPS_BATCHES
from tests.spark.site import Site, order_line

pytestmark = pytest.mark.spark


def made(number: int, at: float) -> bytes:
    line = order_line(str(number))
    return encode("c", number, datetime.fromtimestamp(at, UTC), None, line)


def test_lags_are_told_per_layer_and_one_late_change_does_not_stretch_the_others(site: Site) -> None:
    now = time.time()
    values = [made(number, now - 2 + number / 100) for number in range(1, 101)]
    values += [made(101, now - 3000), made(102, now - 5e8), made(103, now + 7200)]
    site.land([*values, values[0], b"{}"])
    driver = site.run()
    read = driver.ledger.results[1].objects[0]
    assert read.landed_at == pytest.approx(now, abs=5)
    assert sum(spread.rows for spread in read.spreads) == read.outcomes["applied"] == 103
    driver.publish()
    row = site.delta(OPS_BATCHES).to_pyarrow_table().to_pylist()[0]
    assert (row["ahead"], row["history"]) == (1, 1)
    assert row["bronze_lag_seconds"] < row["bronze_lag_p95_seconds"] < 10
    assert 2990 < row["bronze_lag_max_seconds"] < row["silver_lag_max_seconds"] < row["gold_lag_max_seconds"] < 3600
    assert row["bronze_lag_seconds"] < row["silver_lag_seconds"] < row["gold_lag_seconds"]


def test_a_table_of_an_earlier_version_is_given_the_columns_it_lacks(site: Site) -> None:
    older = [column for column in OPS_BATCHES.names if "_p95_" not in column and "_max_" not in column]
    older = [column for column in older if column not in ("ahead", "history")]
    site.land([made(1, time.time())])
    driver = site.run()
    driver.publish()
    table = site.delta(OPS_BATCHES)
    url, content = table.table_uri, table.to_pyarrow_table().select(older)
    _put_in_place(site, url, content)
    assert set(site.delta(OPS_BATCHES).to_pyarrow_table().column_names) == set(older)
    site.land([made(2, time.time())])
    site.run().publish()
    rows = sorted(site.delta(OPS_BATCHES).to_pyarrow_table().to_pylist(), key=lambda row: row["batch_id"])
    assert [row["gold_lag_max_seconds"] is None for row in rows] == [True, False]
    assert site.differences() == []


def _put_in_place(site: Site, url: str, content: object) -> None:
    """The table as a version without the newer columns would have left it, its transaction with it."""
    from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake  # noqa: PLC0415

    options = site.settings.delta_options
    prefix = url.removeprefix(f"s3://{site.settings.bucket}/").rstrip("/") + "/"
    site.bucket.delete_all(prefix)
    DeltaTable.create(url, content.schema, storage_options=options)  # type: ignore[attr-defined]
    once = CommitProperties(app_transactions=[Transaction("ops/0", 1)])
    write_deltalake(url, content, mode="append", storage_options=options, commit_properties=once)
