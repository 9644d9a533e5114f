"""From silver to gold: recompute the days that changed since gold's last silver version, or everything."""

import datetime
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.logs import event
from lakehouse.tables import GOLD_DAILY_PRODUCT_SALES, GOLD_DAILY_SALES, SILVER_ORDER_LINES, Table
from spark_jobs.arrow import arrow_schema
from spark_jobs.delta import Lakehouse
from spark_jobs.kept import Kept
from spark_jobs.transforms import gold as transforms
from spark_jobs.transforms import gold_few

BUILDS = {GOLD_DAILY_PRODUCT_SALES: transforms.daily_product_sales, GOLD_DAILY_SALES: transforms.daily_sales}
FEW_ROWS = 5_000_000  # lines up to which gold is computed in the driver's memory


@dataclass(frozen=True)
class Step:
    """What a step of gold did.

    Args:
        silver_version: The version of silver.order_lines that gold shows now.
        gold_version: gold.daily_sales' version that shows it.
        days: How many days were recomputed; None for all.
        committed_at: Seconds since 1970.
        changed: The days that were recomputed; None for all.
        written: By full name, the version that the step committed of each table that it wrote.
    """

    silver_version: int
    gold_version: int
    days: int | None
    committed_at: float
    changed: frozenset[datetime.date] | None = frozenset()
    written: Mapping[str, int] = field(default_factory=dict)


def application(tables: Lakehouse, generation: int) -> str:
    """The name under which gold is written: it changes with silver's table, whose versions gold counts by."""
    return f"gold/{generation}/{tables.table_id(SILVER_ORDER_LINES)}"


def run(
    tables: Lakehouse,
    generation: int,
    known: Mapping[int, frozenset[datetime.date]] = MappingProxyType({}),
    kept: Kept | None = None,
) -> Step:
    """Bring both gold tables up to silver's newest version.

    Args:
        tables: Where silver and gold lie.
        generation: The generation of silver's content; a new one means that all of gold is built anew.
        known: By version of silver, the days that it changed, where they are known; the change feed knows them all.
        kept: The days that this driver keeps; None to read every day.

    Returns:
        What was done; for the table that had most to do.
    """
    app = application(tables, generation)
    version = tables.version(SILVER_ORDER_LINES)
    days: frozenset[datetime.date] | None = frozenset()
    written: dict[str, int] = {}
    if version <= 0:  # silver has never been written: there is nothing to show
        return Step(version, tables.version(GOLD_DAILY_SALES), 0, time.time())
    done = {table: tables.transaction(table, app) for table in BUILDS}
    if min(done.values()) < version:
        since = min(done.values())
        days = _changed_days(tables, since, version, known)
        quick = kept.sales(tables, app, range(since, version + 1), days) if kept and days is not None else {}
        slow = _sales(tables, version, None if days is None else days - quick.keys())
        sales = {table: _together(slow[table], [rows[table] for rows in quick.values()]) for table in BUILDS}
        # side by side: a commit is waiting
        with ThreadPoolExecutor(len(BUILDS)) as pool:
            behind = [table for table in BUILDS if done[table] < version]
            writes = [pool.submit(_write, tables, table, sales[table], days, app, version) for table in behind]
            for write in writes:
                write.result()
        written = {table.full_name: tables.version(table) for table in behind}
    most = None if days is None else len(days)
    return Step(version, tables.version(GOLD_DAILY_SALES), most, time.time(), days, written)


def _sales(
    tables: Lakehouse, version: int, days: frozenset[datetime.date] | None
) -> Mapping[Table, DataFrame | pa.Table]:
    """The rows of both gold tables for these days of a version of silver, all days for None."""
    if days is not None and not days:
        return {table: arrow_schema(table).empty_table() for table in BUILDS}
    lines, rows = tables.scan(SILVER_ORDER_LINES, version, gold_few.COLUMNS, "sales_date", days)
    if rows <= FEW_ROWS:
        return gold_few.daily(lines, days)
    is_wanted = ~F.col("is_deleted")
    if days is not None:
        is_wanted &= F.col("sales_date").isin(sorted(days))
    order_lines = tables.read(SILVER_ORDER_LINES, version).where(is_wanted)
    return {table: build(order_lines) for table, build in BUILDS.items()}


def _together(rows: DataFrame | pa.Table, others: Sequence[pa.Table]) -> DataFrame | pa.Table:
    if not others:
        return rows
    return pa.concat_tables([rows.toArrow() if isinstance(rows, DataFrame) else rows, *others])


def _changed_days(
    tables: Lakehouse, since: int, version: int, known: Mapping[int, frozenset[datetime.date]]
) -> frozenset[datetime.date] | None:
    """The days of silver's rows that changed since a version, that of the older of the gold tables; None for all."""
    if since < 0:
        return None
    versions = range(since + 1, version + 1)
    if all(number in known for number in versions):
        return frozenset[datetime.date]().union(*(known[number] for number in versions))
    days = tables.changed(SILVER_ORDER_LINES, "sales_date", since + 1, version)
    if days is None:
        event("change feed is gone: gold is rebuilt", level=30, since=since, version=version)
    return days


def _write(
    tables: Lakehouse,
    table: Table,
    sales: DataFrame | pa.Table,
    days: frozenset[datetime.date] | None,
    app: str,
    version: int,
) -> None:
    note = f"silver version {version}"
    if days is None and isinstance(sales, DataFrame):
        tables.overwrite(sales.sortWithinPartitions(*table.key), table, app, version, note)
        return
    rows = sales.toArrow() if isinstance(sales, DataFrame) else sales
    if days is None or days:
        rows = rows.sort_by([(name, "ascending") for name in table.key])
        listed = ", ".join(f"DATE '{day.isoformat()}'" for day in sorted(days or ()))
        tables.overwrite_few(rows, table, app, version, note, where=f"sales_date IN ({listed})" if days else None)
    else:  # no day changed: the version moves on all the same
        tables.append_few(rows, table, app, version, note)
