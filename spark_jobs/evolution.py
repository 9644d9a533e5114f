"""The columns of silver.order_lines beyond the contract: which there are, and those that a batch adds.

They are added in one commit before the batch is written. A driver that dies in between finds them there when it runs
the plan again, and writes the same rows.
"""

import functools
from collections.abc import Callable

import pyarrow as pa
from pyspark.sql import DataFrame

from lakehouse.evolution import DISCARD, EVOLVE, FREEZE, MAX_COLUMNS, meaning
from lakehouse.logs import event
from lakehouse.tables import SILVER_ORDER_LINES
from spark_jobs.delta import Lakehouse
from spark_jobs.transforms import unknown


def prepare(
    changes: DataFrame, tables: Lakehouse, mode: str, batch: str, *, has_extra: bool
) -> Callable[[DataFrame], DataFrame]:
    """Make silver.order_lines ready for the unknown fields of a batch.

    Args:
        changes: The batch's applied changes, with `extra`.
        tables: Where silver lies.
        mode: UNKNOWN_COLUMNS; see lakehouse/evolution.py.
        batch: The batch as it is named in commits.
        has_extra: Whether any of the changes has an unknown field.

    Returns:
        What brings the batch's rows, as the contract has them, to the columns of the table.
    """
    if not has_extra:
        return functools.partial(unknown.without_fields, columns=columns(tables))
    if mode == EVOLVE:
        _evolve(changes, tables, batch)
    return functools.partial(unknown.spread, columns=columns(tables), keep=mode != DISCARD)


def complete(rows: pa.Table, tables: Lakehouse, mode: str, batch: str) -> pa.Table:
    """The same as `prepare` for a batch's rows that are in memory, as the contract has them."""
    present = columns(tables)
    has_extra = rows["extra"].null_count < len(rows)
    if has_extra and (present or mode != FREEZE):
        changes = tables.spark.createDataFrame(rows)
        return prepare(changes, tables, mode, batch, has_extra=True)(changes).toArrow()
    for name in present:
        rows = rows.append_column(name, pa.nulls(len(rows), pa.string()))
    return rows


def columns(tables: Lakehouse) -> tuple[str, ...]:
    """The names of the columns that silver.order_lines has beyond the contract."""
    return tuple(name for name in tables.columns(SILVER_ORDER_LINES) if name not in SILVER_ORDER_LINES.names)


def _evolve(changes: DataFrame, tables: Lakehouse, batch: str) -> None:
    present = columns(tables)
    room = MAX_COLUMNS - len(present)
    if room <= 0:
        return
    fresh = [row["name"] for row in unknown.new_names(changes, present, room).collect()]
    if fresh:
        tables.add_columns(SILVER_ORDER_LINES, dict.fromkeys(fresh, meaning(batch)), batch)
        event("columns added", table=SILVER_ORDER_LINES.full_name, columns=fresh, batch=batch)
