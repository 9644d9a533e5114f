"""What the tables must hold, worked out from the data set itself in SQL, another way than the one of the pipeline.

Knows nothing of messages, noise or batches: only the file, and how many of its lines were replayed.
"""
# ruff: noqa: S608  (SQL made of our own names and numbers; neither can be a parameter)

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from generator import dataset
from generator.journal import Journal
from generator.replay import SHOP
from lakehouse.places import KAFKA, SOURCES
from lakehouse.settings import Settings

COLUMNS = "order_id, line_no, product_id, description, quantity, unit_price, customer_id, country, ordered_at"
IS_SIMULATED = "order_id LIKE 'S%'"
"""Orders of the simulated shop; none of the data set's has such a number."""

_MONEY = "CAST(sum({}) AS DECIMAL(18, 3))"
MEASURES = ", ".join(
    f"{expression} AS {name}"
    for name, expression in {
        "orders": "count(DISTINCT (source, order_id)) FILTER (quantity > 0)",
        "customers": "count(DISTINCT (source, customer_id)) FILTER (customer_id IS NOT NULL)",
        "units_sold": "CAST(sum(greatest(quantity, 0)) AS BIGINT)",
        "units_returned": "CAST(sum(greatest(-quantity, 0)) AS BIGINT)",
        "gross_revenue": _MONEY.format("greatest(quantity, 0) * unit_price"),
        "returned_revenue": _MONEY.format("greatest(-quantity, 0) * unit_price"),
        "net_revenue": _MONEY.format("quantity * unit_price"),
    }.items()
)
DESCRIPTION = "arg_max(description, (ordered_at, source, order_id, line_no)) FILTER (description IS NOT NULL)"
SUMS = {
    "order lines": "count(*)",
    "units": "CAST(sum(quantity) AS BIGINT)",
    "revenue": _MONEY.format("quantity * unit_price"),
    "orders": "count(DISTINCT order_id)",
    "countries": "count(DISTINCT country)",
}


def replayed_lines(settings: Settings) -> dict[str, int]:
    """By source, the lines of the data set, from the first, that the replays of this data folder have sent."""
    found = dict.fromkeys(SOURCES, 0)
    for run in Journal(settings.data_path, SHOP).runs():
        found[run.recipe.sink] = max(found[run.recipe.sink], run.steps)
    return {source: lines for source, lines in found.items() if lines}


def order_lines(connection: duckdb.DuckDBPyConnection, lines: Mapping[str, int], time_zone: str = "UTC") -> None:
    """Make the table `truth` of order lines: of each source the first lines of the data set in time order.

    Args:
        connection: A database of its own; it must be free to read files.
        lines: How many, by source.
        time_zone: Where a sale gets its date.
    """
    connection.execute("SET TimeZone = 'UTC'")
    for number, (source, count) in enumerate(lines.items()):
        connection.execute(
            f"{'INSERT INTO' if number else 'CREATE TABLE'} truth{'' if number else ' AS'} {_LINES}",
            {"source": source, "zone": time_zone, "file": str(dataset.FILE), "lines": count},
        )


_LINES = f"""
        SELECT CAST($source AS VARCHAR) AS source, {COLUMNS},
               CAST(timezone($zone, ordered_at) AS DATE) AS sales_date
        FROM (
            SELECT InvoiceNo AS order_id,
                   CAST(row_number() OVER (PARTITION BY InvoiceNo ORDER BY file_row_number) AS INTEGER) AS line_no,
                   StockCode AS product_id, Description AS description, CAST(Quantity AS INTEGER) AS quantity,
                   CAST(UnitPrice AS DECIMAL(12, 3)) AS unit_price, CAST(CustomerID AS VARCHAR) AS customer_id,
                   Country AS country, timezone('UTC', InvoiceDate) AS ordered_at, file_row_number
            FROM read_parquet($file, file_row_number = true)
        )
        ORDER BY ordered_at, file_row_number
        LIMIT $lines
"""


def sums(connection: duckdb.DuckDBPyConnection, table: str, source: str = KAFKA) -> dict[str, object]:
    """The sums that the data set is known by, over a source's rows in a table of order lines."""
    row = connection.execute(f"SELECT {', '.join(SUMS.values())} FROM {table} WHERE source = ?", [source]).fetchone()
    return dict(zip(SUMS, row or (), strict=True))


def daily(connection: duckdb.DuckDBPyConnection, order_lines: str, by: str) -> pa.Table:
    """Gold's measures over order lines, one row per sales_date and `by`, in that order."""
    name = f", {DESCRIPTION} AS description" if by == "product_id" else ""
    return connection.sql(
        f"SELECT sales_date, {by}, {MEASURES}{name} FROM {order_lines} GROUP BY ALL ORDER BY 1, 2"
    ).to_arrow_table()
