"""A day that is kept against the same day read whole, over random histories of lines."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.tables import SILVER_ORDER_LINES, Table
from spark_jobs.arrow import arrow_schema
from spark_jobs.transforms import gold_few, newest
from spark_jobs.transforms.day import UNCHANGED, Day

pytestmark = pytest.mark.unit

DAY, OTHER = datetime.date(2011, 1, 1), datetime.date(2011, 1, 2)
SCHEMA = arrow_schema(SILVER_ORDER_LINES)
Key = tuple[str, str, int]
Row = dict[str, Any]

KEYS = st.tuples(st.sampled_from(("kafka", "dynamodb")), st.sampled_from("abcd"), st.integers(1, 3))
ROWS = st.fixed_dictionaries(
    {
        "product_id": st.sampled_from("PQ"),
        "description": st.sampled_from((None, "x", "y", "z")),
        "quantity": st.integers(-2, 3),
        "unit_price": st.integers(-2000, 9999).map(lambda mills: Decimal(mills) / 1000),
        "customer_id": st.sampled_from((None, "1", "2", "3")),
        "country": st.sampled_from(("UK", "EIRE")),
        "ordered_at": st.integers(0, 3).map(lambda hour: datetime.datetime(2011, 1, 1, hour, tzinfo=datetime.UTC)),
        "sales_date": st.sampled_from((DAY, DAY, DAY, OTHER)),
        "is_deleted": st.just(False),
    }
)
TOMBSTONE = dict.fromkeys(SILVER_ORDER_LINES.names) | {"is_deleted": True}
STEPS = st.lists(st.dictionaries(KEYS, st.one_of(ROWS, st.just(TOMBSTONE)), min_size=1, max_size=6), max_size=8)


def lines(rows: Mapping[Key, Row]) -> pa.Table:
    given = [
        {**row, "source": source, "order_id": order_id, "line_no": line_no}
        for (source, order_id, line_no), row in rows.items()
    ]
    return pa.Table.from_pylist(given, SCHEMA).select(gold_few.COLUMNS)


def told(tables: Mapping[Table, pa.Table]) -> dict[str, tuple[pa.Schema, list[Row]]]:
    return {table.full_name: (rows.schema, sorted(rows.to_pylist(), key=repr)) for table, rows in tables.items()}


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(KEYS, ROWS, max_size=12), STEPS, st.integers(1, 3))
def test_a_day_that_follows_changes_is_the_day_that_is_read(
    first: dict[Key, Row], steps: list[dict[Key, Row]], keep: int
) -> None:
    held = dict(first)

    def read() -> pa.RecordBatchReader:
        return lines(held).to_reader()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(newest, "KEEP", keep)
        day = Day(DAY, read)
        for step in steps:
            gone = {key: held[key] for key in step if key in held}
            orders = {key[:2] for key in step}
            others = {key: row for key, row in held.items() if key[:2] in orders and key not in step}
            held |= step
            assert day.move(lines(gone), lines(step), lines(others).select(UNCHANGED), read)
    assert told(day.tables()) == told(gold_few.daily(read(), {DAY}))


def test_a_line_that_goes_without_ever_having_come_is_found_out() -> None:
    rows = {("kafka", "a", 1): {"product_id": "P", "quantity": 1, "unit_price": Decimal(1), "country": "UK"}}
    rows = {key: {**row, "sales_date": DAY, "is_deleted": False} for key, row in rows.items()}
    nothing = lines({})
    for row in ({}, {"customer_id": "1"}):
        strange = {key: {**given, **row} for key, given in rows.items()}
        day = Day(DAY, nothing.to_reader)
        assert not day.move(lines(strange), nothing, nothing, nothing.to_reader)
