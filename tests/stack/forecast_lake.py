"""Gold tables of the tests: the UCI sales by day, computed by DuckDB, or a few days of made-up ones; no Spark."""

import dataclasses
import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import write_deltalake

from generator.dataset import FILE
from infra.commands import catalog
from lakehouse import places
from lakehouse.settings import Settings
from lakehouse.tables import GOLD_DAILY_PRODUCT_SALES, GOLD_DAILY_SALES, Table

_TYPES: dict[str, Any] = {
    "date": pa.date32(),
    "string": pa.string(),
    "bigint": pa.int64(),
    "decimal(18,3)": pa.decimal128(18, 3),
}
FIRST = datetime.date(2024, 1, 1)


def write(settings: Settings, table: Table, rows: list[dict[str, Any]], mode: Any = "overwrite") -> None:
    """Rows as a gold table; measures that are not given are 0."""
    schema = pa.schema([(column.name, _TYPES[column.type]) for column in table.columns])
    kinds = {"bigint": 0, "decimal(18,3)": Decimal(0)}
    zero = {column.name: kinds.get(column.type) for column in table.columns}
    found = pa.Table.from_pylist([{**zero, **row} for row in rows], schema=schema)
    url = places.table_url(settings.bucket, table.layer, table.name)
    write_deltalake(url, found, storage_options=settings.delta_options, mode=mode)


def small(settings: Settings, days: int = 90, countries: tuple[str, ...] = ("France", "United Kingdom")) -> None:
    """Sales of some countries that rise through the week."""
    rows = []
    for size, country in enumerate(countries, start=1):
        for number in range(days):
            day = FIRST + datetime.timedelta(days=number)
            revenue = Decimal(size * (100 + 20 * day.weekday() + number % 5))
            rows.append({"sales_date": day, "country": country, "units_sold": number, "net_revenue": revenue})
    write(settings, GOLD_DAILY_SALES, rows)
    catalog.tables(settings)


def uci(settings: Settings) -> None:
    """Both tables of gold over the whole data set."""
    revenue, taken = 'CAST("Quantity" * CAST("UnitPrice" AS decimal(12,3)) AS decimal(18,3))', '"Quantity" > 0'
    for table, column, key in (
        (GOLD_DAILY_SALES, "country", '"Country"'),
        (GOLD_DAILY_PRODUCT_SALES, "product_id", '"StockCode"'),
    ):
        found = duckdb.sql(
            f'SELECT CAST("InvoiceDate" AS date) AS sales_date, CAST({key} AS varchar) AS {column}, '
            f'CAST(sum(CASE WHEN {taken} THEN "Quantity" ELSE 0 END) AS bigint) AS units_sold, '
            f"CAST(sum({revenue}) AS decimal(18,3)) AS net_revenue FROM '{FILE}' GROUP BY 1, 2"
        )
        names = [one[0] for one in found.description]
        write(settings, table, [dict(zip(names, row, strict=True)) for row in found.fetchall()])
    catalog.tables(settings)


def in_bucket(settings: Settings, bucket: str, **changes: Any) -> Settings:
    """The settings with a lake of its own, apart from others on the same gateway, and without a driver that loads."""
    own = {"bucket": bucket, "database_prefix": f"{bucket}_", "forecast_load_seconds": 0}
    return dataclasses.replace(settings, **own, **changes)
