"""Rows of silver.order_lines for those who compare it with the shop: read by deltalake alone, in its own threads.

Not by pyarrow's dataset of it: its threads ask Python for files, and one that still does so when the process ends
aborts it, after all was done (2 of 30 runs on a loaded machine).
"""

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from lakehouse.places import table_url
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES


def rows(settings: Settings, schema: pa.Schema, condition: str, version: int | None = None) -> pa.Table:
    """The rows that a condition in SQL chooses, in the schema's columns and types.

    Args:
        settings: Where the bucket is.
        schema: Columns of silver.order_lines.
        condition: Text of our own, never anybody's input.
        version: Of the table; None for the newest.

    Raises:
        TableNotFoundError: There is no table.
    """
    url = table_url(settings.bucket, SILVER_ORDER_LINES.layer, SILVER_ORDER_LINES.name)
    silver = DeltaTable(url, version=version, storage_options=settings.delta_options)
    return of_table(silver, schema, condition)


def of_table(silver: DeltaTable, schema: pa.Schema, condition: str) -> pa.Table:
    """As `rows`, of a table that is open."""
    query = f"SELECT {', '.join(schema.names)} FROM silver WHERE {condition}"  # noqa: S608 (text of our own)
    return pa.table(QueryBuilder().register("silver", silver).execute(query).read_all()).cast(schema)
