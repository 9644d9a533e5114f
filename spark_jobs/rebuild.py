"""Rebuild: silver and gold anew from bronze, beside the tables in force, and then put in their place.

A new generation of plans fills staged tables; the switch overwrites each table in one commit, so that readers see the
old table or the new one. Interrupted at any point, it goes on where it was when it is run again.
"""

from lakehouse import places
from lakehouse.logs import event
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES, SILVER_REJECTED
from spark_jobs import apply
from spark_jobs.delta import Lakehouse
from spark_jobs.driver import Driver
from spark_jobs.generation import Generation, mapping_in_force, read_generation, set_generation
from spark_jobs.storage import Bucket


def run(tables: Lakehouse, bucket: Bucket, settings: Settings) -> int:
    """Rebuild everything.

    Args:
        tables: The tables in force.
        bucket: The environment's bucket.
        settings: BUSINESS_TIMEZONE may differ from the one the tables were built with, as the mapping may.

    Returns:
        The number of batches that it took.
    """
    current = read_generation(bucket)
    number = 1 + (current.number if current else -1)
    staged = Lakehouse(tables.spark, settings, staged=number)
    generation = Generation(number, settings.business_timezone, mapping_in_force(bucket))
    builder = Driver(staged, bucket, settings, number, mapping=generation.fields)
    while (result := builder.batch()) is not None or builder.ledger.reconciling:
        if result:
            event("rebuilt a batch", id=result.batch_id, rows=result.rows)
    _switch(tables, staged, number, builder.ledger.newest)
    set_generation(bucket, generation)
    driver = Driver(tables, bucket, settings, number, mapping=generation.fields)
    driver.bring_gold_up()
    driver.publish()
    bucket.delete_all(places.STAGING)  # what an interrupted rebuild left under another number, too
    return builder.ledger.newest


def _switch(tables: Lakehouse, staged: Lakehouse, number: int, newest: int) -> None:
    app, note = apply.application(number), f"rebuilt as generation {number}"
    for table, order in ((SILVER_REJECTED, ("object", "position")), (SILVER_ORDER_LINES, ("order_id", "line_no"))):
        if tables.version(table) < 0:  # one that is there gets its columns with its rows, whatever it has now
            tables.create(table)
        if tables.transaction(table, app) < newest:
            rows = staged.read(table).repartitionByRange(order[0]).sortWithinPartitions(*order)
            tables.replace(rows, table, app, newest, note)
            event("table switched", table=table.full_name, generation=number)
