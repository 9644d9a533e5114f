"""Gold after changes on 20 of 365 days of 5,000,000 rows: the changed days alone, beside all of it built anew."""

from collections.abc import Iterator
from functools import partial

from pyspark.sql import Column
from pyspark.sql import functions as F

from benchmarks import naive
from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.workbench import middle, told, workbench
from lakehouse.errors import ContractError
from lakehouse.settings import Settings
from lakehouse.tables import GOLD_DAILY_PRODUCT_SALES, GOLD_DAILY_SALES, SILVER_ORDER_LINES, TABLES
from spark_jobs import apply, gold
from spark_jobs.delta import Lakehouse

ROWS = 5_000_000
DAYS = 365
CHANGED_DAYS = 20
CHANGES = 2_000
ROUNDS = 5
WARM_UP = 2
ASKED_TIMES = 4.0
GOLD = (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES)


def run(given: Options) -> Iterator[Figure]:
    """Measure: rounds of late lines on 20 other days, then our own code building everything as often."""
    rounds = given.rounds_or(ROUNDS)
    ours, theirs, rebuilds = [], [], []
    with workbench() as bench:
        bench.weigh()
        there = bench.bucket("gold")
        tables = Lakehouse(bench.spark, there)
        for table in TABLES:
            tables.create(table)
        sell(tables, 1, first=0, rows=ROWS, day=F.floor(F.col("id") * DAYS / ROWS))
        gold.run(tables, 0)
        for number in range(1, WARM_UP + rounds + 1):
            day = (F.col("id") % CHANGED_DAYS) * (DAYS // CHANGED_DAYS) + number
            sell(tables, 1 + number, first=ROWS + number * CHANGES, rows=CHANGES, day=day)
            ours.append(bench.timed(lambda: require_days(gold.run(tables, 0))))
            theirs.append(
                bench.timed(
                    lambda: naive.build_gold(bench.spark, tables.url(SILVER_ORDER_LINES), f"s3://{there.bucket}/naive")
                )
            )
            told("gold_increment", number, ours[-1], theirs[-1])
        _require_same_as_naive(tables, there)
        followed = _content(tables)
        for generation in range(1, rounds + 1):  # one that gold has not seen: everything is built
            rebuilds.append(bench.timed(partial(gold.run, tables, generation)))
            told("gold_increment, all anew", generation, rebuilds[-1])
        if _content(tables) != followed:
            raise ContractError("gold by days", "what building everything gives", "the figures are worth nothing")
    measured, naively, whole = middle(ours[WARM_UP:]), middle(theirs[WARM_UP:]), middle(rebuilds)
    what = f"gold after late lines on {CHANGED_DAYS} of {DAYS} days of {ROWS:,} rows"
    yield Figure(
        "gold_increment",
        f"{what}, median",
        "s",
        measured.seconds,
        naive=naively.seconds,
        cpu_seconds=measured.cpu_seconds,
        naive_cpu_seconds=naively.cpu_seconds,
        memory_mib=measured.memory_mib,
        naive_memory_mib=naively.memory_mib,
        rounds=rounds,
        note="the tables were equal cell by cell",
    )
    yield Figure(
        "gold_increment",
        "the same, times as fast as our own code building all of gold anew",
        "times",
        whole.seconds / measured.seconds,
        asked=ASKED_TIMES,
        at_least=True,
        rounds=rounds,
        note=f"all anew: {whole.seconds:.1f} s",
    )


def sell(tables: Lakehouse, batch_id: int, *, first: int, rows: int, day: Column) -> None:
    """Append made-up order lines to silver as batch `batch_id` does: five lines an order, numbered from `first`.

    Args:
        tables: Where silver lies.
        batch_id: Of the batch.
        first: Number of the first row.
        rows: How many.
        day: A row's day from 0, computed from `id`, the row's number from 0.
    """
    number = F.col("id") + first
    at = F.lit("2023-01-01").cast("timestamp") + F.make_dt_interval(
        day.cast("int"), F.pmod(number, F.lit(24)).cast("int")
    )
    values: dict[str, Column] = {
        "source": F.lit("kafka"),
        "order_id": F.format_string("M%08d", F.floor(number / 5)),
        "line_no": F.pmod(number, F.lit(5)) + 1,
        "product_id": F.format_string("P%04d", F.pmod(F.xxhash64(number), F.lit(4_000))),
        "description": F.format_string("product %d", F.pmod(F.xxhash64(number), F.lit(4_000))),
        "quantity": F.pmod(F.xxhash64(number, F.lit("quantity")), F.lit(24)) - 2,
        "unit_price": F.pmod(F.xxhash64(number, F.lit("price")), F.lit(20_000)) / 1000,
        "customer_id": F.format_string("C%05d", F.pmod(F.xxhash64(F.floor(number / 5)), F.lit(5_000))),
        "country": F.format_string("country %d", F.pmod(F.xxhash64(F.floor(number / 5)), F.lit(38))),
        "ordered_at": at,
        "sales_date": at,
        "cdc_op": F.lit("c"),
        "cdc_sequence": F.format_string("%020d", number),
        "cdc_at": at,
        "is_deleted": F.lit(False),
        "batch_id": F.lit(batch_id),
    }
    columns = [
        values.get(column.name, F.lit(None)).cast(column.type).alias(column.name)
        for column in SILVER_ORDER_LINES.columns
    ]
    lines = tables.spark.range(rows).select(*columns)
    tables.append(lines, SILVER_ORDER_LINES, apply.application(0), batch_id, f"batch 0/{batch_id}")


def require_days(step: gold.Step) -> None:
    """Refuse a step that did not do what is to be measured.

    Raises:
        ContractError: It built other days than those that changed.
    """
    if step.days != CHANGED_DAYS:
        raise ContractError(f"gold recomputed {step.days} days", f"{CHANGED_DAYS}", "look at the step")


def _content(tables: Lakehouse) -> list[set[object]]:
    return [set(tables.read(table).collect()) for table in GOLD]


def _require_same_as_naive(tables: Lakehouse, there: Settings) -> None:
    for table in GOLD:
        # the naive description is any of the day's last ones
        columns = [F.col(column.name).cast(column.type) for column in table.columns if column.name != "description"]
        ours = tables.read(table).select(*columns)
        theirs = tables.spark.read.format("delta").load(f"s3://{there.bucket}/naive/{table.name}").select(*columns)
        if ours.exceptAll(theirs).count() or theirs.exceptAll(ours).count():
            raise ContractError(f"{table.full_name} by days", "what the naive rebuild gives", "look at both tables")
