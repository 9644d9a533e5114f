"""What rounds of faults say of forecasts: nothing of tables that are right, a line for each that is not."""

import datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.runs import LOADED
from lakehouse.settings import Settings
from lakehouse.tables import (
    FORECAST_TABLES,
    GOLD_DAILY_PRODUCT_SALES,
    GOLD_DAILY_SALES,
    GOLD_FORECAST_ACCURACY,
    GOLD_SALES_FORECAST,
    Table,
)
from spark_jobs.accuracy import Accuracy
from spark_jobs.arrow import arrow_schema
from spark_jobs.forecasts import Loader
from tests.chaos import forecasts
from tests.unit.local_tables import LocalTables
from tests.unit.memory_bucket import MemoryBucket
from tests.unit.test_accuracy import sold

pytestmark = pytest.mark.unit


class Stack:
    """A stack whose bucket is a dictionary and whose tables are folders; two runs have landed and are loaded."""

    def __init__(self, tables: LocalTables) -> None:
        self.settings, self.bucket, self.tables = Settings(), MemoryBucket(), tables
        self.s3 = SimpleNamespace(put_object=lambda **given: self.bucket.put(given["Key"], given["Body"]))
        for table in (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES, *FORECAST_TABLES):
            self.tables.create(table)
        self.sell(datetime.date(2011, 1, 5), 1)
        for seed in (1, 2):
            assert forecasts._put(self, Random(seed))  # type: ignore[arg-type]
        self.load()

    def sell(self, day: datetime.date, version: int) -> None:
        rows = [sold(GOLD_DAILY_SALES, "country", day, country, 1, "2.500") for country in ("EIRE", "UK")]
        gold = pa.Table.from_pylist(rows, arrow_schema(GOLD_DAILY_SALES))
        self.tables.append_few(gold, GOLD_DAILY_SALES, "gold", version, "")

    def load(self) -> None:
        self.accuracy = Accuracy(self.tables)
        loader = Loader(self.tables, self.bucket, self.accuracy, clock=forecasts._clock())
        while loader.step():
            pass

    def count(self, table: Table) -> int:
        return len(self.tables.handle(table).to_pyarrow_table())


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    ids, tables = iter(range(10**18, 10**18 + 10**9, 10**7)), LocalTables(tmp_path)
    monkeypatch.setattr(forecasts.time, "time_ns", lambda: next(ids))
    monkeypatch.setattr(forecasts, "_read", lambda _, table: tables.handle(table).to_pyarrow_table())
    monkeypatch.setattr(
        forecasts,
        "_keys",
        lambda stack, prefix: [key for key in sorted(stack.bucket.objects) if key.startswith(prefix)],
    )
    monkeypatch.setattr(forecasts, "_body", lambda stack, key: stack.bucket.objects[key])
    return Stack(tables)


def test_tables_that_are_right_are_no_fault(stack: Stack) -> None:
    assert stack.count(GOLD_SALES_FORECAST) == 2 * 2 * forecasts.DAYS
    assert forecasts.differences(stack) == []  # type: ignore[arg-type]
    stack.sell(datetime.date(2011, 1, 6), 2)
    stack.accuracy.follow()
    assert forecasts.differences(stack) == []  # type: ignore[arg-type]


def test_accuracy_that_did_not_follow_gold_is_told(stack: Stack) -> None:
    stack.sell(datetime.date(2011, 1, 6), 2)
    (line,) = forecasts.differences(stack)  # type: ignore[arg-type]
    assert line.startswith("gold.forecast_accuracy: 24 rows, 24 expected; ")


def test_a_row_that_is_lost_or_there_twice_is_told(stack: Stack) -> None:
    table = GOLD_SALES_FORECAST
    rows = stack.tables.handle(table).to_pyarrow_table()
    stack.tables.append_few(rows.slice(0, 1), table, "odd", 1, "")
    assert [line.partition(";")[0] for line in forecasts.differences(stack)] == [  # type: ignore[arg-type]
        f"{table.full_name}: 25 rows, 24 expected"
    ]
    stack.tables.overwrite_few(rows.slice(1), table, "odd", 2, "", "forecast_name = 'chaos'")
    assert [line.partition(";")[0] for line in forecasts.differences(stack)] == [  # type: ignore[arg-type]
        f"{table.full_name}: 23 rows, 24 expected"
    ]


def test_a_run_that_was_refused_is_told_and_a_stack_without_runs_is_right(stack: Stack) -> None:
    key = next(one for one in stack.bucket.objects if one.startswith(LOADED))
    stack.bucket.put(key, b'{"rows": {}, "fault": "p50 is no number", "loaded_at": ""}')
    assert forecasts.differences(stack) == ["a run was refused: p50 is no number"]  # type: ignore[arg-type]
    stack.bucket.objects.clear()
    assert forecasts.differences(stack) == []  # type: ignore[arg-type]
    assert stack.count(GOLD_FORECAST_ACCURACY) == 24
