"""When each change was made and shown, from bronze, the operations tables and gold's log on a real object store."""

import dataclasses
import time
from typing import Any

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from benchmarks import lags
from benchmarks.bronze import Sink
from benchmarks.observer import Observer
from generator.steps import Message, envelope
from lakehouse import places
from lakehouse.errors import ContractError
from lakehouse.settings import Settings
from lakehouse.tables import OPS_BATCHES, OPS_BRONZE_OBJECTS, SILVER_REJECTED, Table
from spark_jobs.storage import Bucket
from tests.stack.conftest import wait_until

pytestmark = pytest.mark.stack

LONG_AGO = 1_700_000_000_000


def write(settings: Settings, table: Table, rows: list[dict[str, Any]], silver_version: int | None = None) -> None:
    url = places.table_url(settings.bucket, table.layer, table.name)
    shown = [Transaction("gold/0/silver's id", silver_version)] if silver_version else []
    write_deltalake(
        url,
        pa.Table.from_pylist(rows),
        mode="append",
        storage_options=settings.delta_options,
        commit_properties=CommitProperties(app_transactions=shown),
    )


def message(lsn: int, millis: int, key: str = "{}") -> Message:
    return Message(key.encode(), envelope("c", lsn, millis, "null", '{"quantity":1}').encode(), lsn, "insert")


def test_every_change_is_followed_from_bronze_to_gold(gateway: Settings, bucket: str) -> None:
    settings, sink = dataclasses.replace(gateway, bucket=bucket), Sink()
    made = [LONG_AGO + 10 * number for number in range(6)]
    first = sink.objects([message(number, made[number]) for number in range(4)])
    # change 3 again, a malformed one, a tombstone, one of another run
    noise = [message(3, made[3]), message(4, made[4]), Message(b"{}", None, 0, "tombstone"), message(900, LONG_AGO)]
    second = sink.objects([*noise, message(5, made[5])])
    for key, body in {**first, **second}.items():
        Bucket(settings).put(key, body)
    (one,), (two,) = first, second
    write(settings, OPS_BRONZE_OBJECTS, [{"object": one, "batch_id": 1}, {"object": two, "batch_id": 2}])
    write(settings, OPS_BATCHES, [{"batch_id": 1, "silver_version": 3}, {"batch_id": 2, "silver_version": 5}])
    write(settings, SILVER_REJECTED, [{"object": two, "position": 1}])
    with Observer(settings) as observer:
        started = time.time()
        for silver_version in (3, 7):
            for table in lags.GOLD:
                write(settings, table, [{"orders": 1}], silver_version)
            known = {
                table.name: DeltaTable(
                    places.table_url(bucket, "gold", table.name), storage_options=settings.delta_options
                ).version()
                for table in lags.GOLD
            }
            wait_until(
                "both are seen",
                lambda known=known: {name: seen[-1][0] for name, seen in observer.seen.items() if seen} == known,
            )
    rows = lags.changes(settings, observer.seen, range(6)).sort_by("lsn").to_pydict()
    assert rows["lsn"] == [0, 1, 2, 3, 5]
    assert rows["made_at"] == [made[lsn] / 1000 for lsn in rows["lsn"]]
    shown = {
        1: max(seen[0][1] for seen in observer.seen.values()),
        2: max(seen[1][1] for seen in observer.seen.values()),
    }
    assert rows["seen_at"] == [shown[1]] * 4 + [shown[2]]
    assert started < shown[1] < shown[2]
    assert all(-1 < seen - committed < 5 for seen, committed in zip(rows["seen_at"], rows["committed_at"], strict=True))
    with pytest.raises(ContractError, match="1 of 5 changes were never seen"):
        lags.changes(settings, {name: seen[:1] for name, seen in observer.seen.items()}, range(6))
