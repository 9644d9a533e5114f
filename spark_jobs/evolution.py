"""The columns of silver.order_lines beyond the contract: which there are, and those that a batch adds.

They are added in one commit before the batch is written. A driver that dies in between finds them there when it runs
the plan again, and writes the same rows.
"""

import functools
from collections.abc import Callable, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame

from lakehouse.evolution import DISCARD, EVOLVE, FREEZE, MAX_COLUMNS, can_be_column, meaning
from lakehouse.logs import event
from lakehouse.strictjson import compact, parse
from lakehouse.tables import SILVER_ORDER_LINES
from spark_jobs.delta import Lakehouse
from spark_jobs.stored import Stored
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
    present = columns(tables)
    if mode == EVOLVE and (room := MAX_COLUMNS - len(present)) > 0:
        _add(tables, [row["name"] for row in unknown.new_names(changes, present, room).collect()], batch)
    return functools.partial(unknown.spread, columns=columns(tables), keep=mode != DISCARD)


def complete(rows: pa.Table, tables: Stored, mode: str, batch: str) -> pa.Table:
    """The same as `prepare` for a batch's rows that are in memory, as the contract has them."""
    present = columns(tables)
    if rows["extra"].null_count == len(rows) or (mode == FREEZE and not present):  # each stays as it is
        for name in present:
            rows = rows.append_column(name, pa.nulls(len(rows), pa.string()))
        return rows
    fields = [parse(extra) if extra else {} for extra in rows["extra"].to_pylist()]
    if mode == EVOLVE:
        fresh = {name for row in fields for name in row if can_be_column(name)}.difference(present)
        _add(tables, sorted(fresh)[: max(0, MAX_COLUMNS - len(present))], batch)
    for name in columns(tables):
        texts = [compact(row.pop(name)) if name in row else None for row in fields]
        rows = rows.append_column(name, pa.array(texts, pa.string()))
    others = [compact(row) if row and mode != DISCARD else None for row in fields]
    return rows.set_column(rows.column_names.index("extra"), "extra", pa.array(others, pa.string()))


def columns(tables: Stored) -> tuple[str, ...]:
    """The names of the columns that silver.order_lines has beyond the contract."""
    return tuple(name for name in tables.columns(SILVER_ORDER_LINES) if name not in SILVER_ORDER_LINES.names)


def _add(tables: Stored, names: Sequence[str], batch: str) -> None:
    if names:
        tables.add_columns(SILVER_ORDER_LINES, dict.fromkeys(names, meaning(batch)), batch)
        event("columns added", table=SILVER_ORDER_LINES.full_name, columns=names, batch=batch)
