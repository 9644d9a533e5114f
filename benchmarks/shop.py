"""A shop's silver.order_lines and gold.daily_sales, made up, in the files that the product leaves after compaction.

Made with numpy, so that ten million lines take half a minute; what the tables hold can be told without reading them.
"""

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from lakehouse.settings import Settings
from lakehouse.tables import GOLD_DAILY_SALES, SILVER_ORDER_LINES, Table
from spark_jobs.arrow import typed
from spark_jobs.commit import Rewrite
from spark_jobs.storage import Bucket
from spark_jobs.stored import Stored

FIRST = dt.date(2021, 1, 1)
DAYS = 1826
COUNTRIES = tuple(f"Country {number:02}" for number in range(40))
PRICES = tuple(Decimal(pence) / 100 for pence in range(19, 2_000))
FILE_LINES, ORDER_LINES, FILES = 100_000, 20, 100
GOLD_FILE_ROWS = 20_000  # see spark_jobs/compaction.py
_LINES = FILES * FILE_LINES


def order_id(number: int) -> str:
    """An order's number; it rises with the time of the order."""
    return f"S{number:07}"


def write(settings: Settings) -> None:
    """Make both tables in the bucket of the settings."""
    _commit(settings, SILVER_ORDER_LINES, map(order_lines, range(FILES)))
    gold = daily_sales()
    _commit(
        settings,
        GOLD_DAILY_SALES,
        (gold.slice(start, GOLD_FILE_ROWS) for start in range(0, len(gold), GOLD_FILE_ROWS)),
    )


def order_lines(file: int) -> pa.Table:
    """The lines of one file: 5,000 orders after those of the file before, of 20 lines each."""
    rng, count = np.random.default_rng(file), FILE_LINES
    orders = np.arange(count // ORDER_LINES) + file * (count // ORDER_LINES)
    order = np.repeat(orders, ORDER_LINES)
    # Lines of an order share all but the product.
    start = int(dt.datetime.combine(FIRST, dt.time(), dt.UTC).timestamp() * 1e6)
    at = start + order * (DAYS * 86_400_000_000 // (_LINES // ORDER_LINES))
    customer = np.repeat(rng.integers(0, 20_000, len(orders)), ORDER_LINES)
    product = rng.integers(0, 4_000, count)
    times = pa.array(at, pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "source": _chosen(np.zeros(count, int), ["kafka"]),
            "order_id": _chosen(order - order[0], [order_id(number) for number in orders.tolist()]),
            "line_no": pa.array(np.tile(np.arange(1, ORDER_LINES + 1), len(orders)), pa.int32()),
            "product_id": _chosen(product, [f"{20_000 + number}" for number in range(4_000)]),
            "description": _chosen(product, [f"PRODUCT NUMBER {number} IN A BOX" for number in range(4_000)]),
            "quantity": pa.array(rng.integers(-1, 24, count), pa.int32()),
            "unit_price": _chosen(rng.integers(0, len(PRICES), count), PRICES),
            "customer_id": _chosen(customer, [f"{12_000 + number}" for number in range(20_000)]),
            "country": _chosen(customer % len(COUNTRIES), COUNTRIES),
            "ordered_at": times,
            "sales_date": times.cast(pa.timestamp("us")).cast(pa.date32()),
            "extra": pa.nulls(count, pa.string()),
            "cdc_op": _chosen(np.zeros(count, int), ["r"]),
            "cdc_sequence": pa.array([f"{number:020}" for number in range(file * count, (file + 1) * count)]),
            "cdc_at": times,
            "is_deleted": pa.array(np.zeros(count, bool)),
            "batch_id": pa.array(np.full(count, file), pa.int64()),
        }
    )


def daily_sales() -> pa.Table:
    """Sales of every day in every country, by day."""
    rng, count = np.random.default_rng(1), DAYS * len(COUNTRIES)
    gross, returned = rng.integers(10_000, 90_000, count), rng.integers(0, 9_000, count)
    days = np.repeat(np.arange(DAYS), len(COUNTRIES)) + (FIRST - dt.date(1970, 1, 1)).days
    amounts = {"gross_revenue": gross, "returned_revenue": returned, "net_revenue": gross - returned}
    return pa.table(
        {
            "sales_date": pa.array(days.astype(np.int32)).cast(pa.date32()),
            "country": _chosen(np.tile(np.arange(len(COUNTRIES)), DAYS), COUNTRIES),
            **{
                name: pa.array(rng.integers(0, 500, count), pa.int64())
                for name in ("orders", "customers", "units_sold", "units_returned")
            },
            **{name: pa.array(amount, pa.int64()).cast(pa.decimal128(22, 3)) for name, amount in amounts.items()},
        }
    )


def _chosen(places: Any, values: Sequence[Any]) -> pa.Array:
    return pa.array(values).take(pa.array(places, pa.int32()))


def _commit(settings: Settings, table: Table, files: Iterator[pa.Table]) -> None:
    tables = Stored(settings)
    tables.create(table)
    rewrite = Rewrite(tables, Bucket(settings), table, now=time.time())
    rewrite.commit([], [rewrite.put(typed(rows, table)) for rows in files])
