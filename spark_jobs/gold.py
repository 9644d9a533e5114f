"""From silver to gold: recompute the days that changed since gold's last silver version, or everything."""

import datetime
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.logs import event
from lakehouse.tables import GOLD_DAILY_PRODUCT_SALES, GOLD_DAILY_SALES, SILVER_ORDER_LINES, Table
from spark_jobs.delta import Lakehouse
from spark_jobs.transforms import gold as transforms

BUILDS = ((GOLD_DAILY_PRODUCT_SALES, transforms.daily_product_sales), (GOLD_DAILY_SALES, transforms.daily_sales))
FEW_DAYS = 30  # up to which a table's rows go into one file


@dataclass(frozen=True)
class Step:
    """What a step of gold did.

    Args:
        silver_version: The version of silver.order_lines that gold shows now.
        gold_version: gold.daily_sales' version that shows it.
        days: How many days were recomputed; None for all.
        committed_at: Seconds since 1970.
    """

    silver_version: int
    gold_version: int
    days: int | None
    committed_at: float


def application(tables: Lakehouse, generation: int) -> str:
    """The name under which gold is written: it changes with silver's table, whose versions gold counts by."""
    return f"gold/{generation}/{tables.table_id(SILVER_ORDER_LINES)}"


def run(tables: Lakehouse, generation: int) -> Step:
    """Bring both gold tables up to silver's newest version.

    Args:
        tables: Where silver and gold lie.
        generation: The generation of silver's content; a new one means that all of gold is built anew.

    Returns:
        What was done; for the table that had most to do.
    """
    app = application(tables, generation)
    version = tables.version(SILVER_ORDER_LINES)
    most: int | None = 0
    if version <= 0:  # silver has never been written: there is nothing to show
        return Step(version, tables.version(GOLD_DAILY_SALES), 0, time.time())
    done = {table.full_name: tables.transaction(table, app) for table, _ in BUILDS}
    if min(done.values()) < version:
        days = _changed_days(tables, done, version)
        live = tables.read(SILVER_ORDER_LINES, version).where(~F.col("is_deleted"))
        if days:
            live = live.where(F.col("sales_date").isin(sorted(days)))
        # side by side: while one commits, which is waiting, the other computes
        with ThreadPoolExecutor(len(BUILDS)) as pool:
            behind = [(table, build) for table, build in BUILDS if done[table.full_name] < version]
            writes = [
                pool.submit(_write, tables, table, build(live) if days is None or days else None, days, app, version)
                for table, build in behind
            ]
            for write in writes:
                write.result()
        most = None if days is None else len(days)
    return Step(version, tables.version(GOLD_DAILY_SALES), most, time.time())


def _changed_days(tables: Lakehouse, done: dict[str, int], version: int) -> set[datetime.date] | None:
    """The days of silver's rows that changed since the older of the gold tables; None for all days."""
    since = min(done.values())
    if since < 0:
        return None
    try:
        feed = tables.changes(SILVER_ORDER_LINES, since + 1, version)
        rows = feed.select("sales_date").where(F.col("sales_date").isNotNull()).distinct().collect()
    except (PySparkException, Py4JJavaError) as fault:
        event("change feed is gone: gold is rebuilt", level=30, since=since, version=version, reason=str(fault)[:200])
        return None
    return {row["sales_date"] for row in rows}


def _write(
    tables: Lakehouse,
    table: Table,
    sales: DataFrame | None,
    days: set[datetime.date] | None,
    app: str,
    version: int,
) -> None:
    note = f"silver version {version}"
    if sales is None:  # no day changed: the version moves on all the same
        nothing = tables.read(table).limit(0)
        tables.append(nothing, table, app, version, note)
        return
    if days is not None and len(days) <= FEW_DAYS:
        sales = sales.coalesce(1)
    sales = sales.sortWithinPartitions(*table.key)
    if days is None:
        tables.overwrite(sales, table, app, version, note)
    else:
        listed = ", ".join(f"DATE'{day.isoformat()}'" for day in sorted(days))
        tables.overwrite(sales, table, app, version, note, where=f"sales_date IN ({listed})")
