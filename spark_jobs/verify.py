"""Verify: recompute silver and gold from bronze by another way, and compare every row and every cell.

Forecasts are compared with the export files that are still there.

Reads only; needs no Spark session and no lease, and can run beside the driver as long as nothing new arrives.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from lakehouse import places
from lakehouse.errors import ContractError
from lakehouse.evolution import DISCARD, gather, only
from lakehouse.settings import Settings
from lakehouse.strictjson import MalformedError
from lakehouse.tables import (
    GOLD_DAILY_PRODUCT_SALES,
    GOLD_DAILY_SALES,
    GOLD_FORECAST_ACCURACY,
    GOLD_FORECAST_BACKTEST,
    GOLD_SALES_FORECAST,
    SILVER_ORDER_LINES,
    SILVER_REJECTED,
    Table,
)
from spark_jobs import compare_forecasts, expiry
from spark_jobs.arrow import arrow_schema
from spark_jobs.generation import Generation, read_generation
from spark_jobs.recompute import GOLD, OLDER, Recomputed
from spark_jobs.recompute_accuracy import accuracy
from spark_jobs.storage import Bucket

Report = Callable[[str, int, int | None], None]
CHUNK = 50_000


@dataclass
class Verification:
    """What was compared and what differs.

    Attributes:
        rows: By table, how many rows were compared.
        differences: One line each; empty if all is equal.
        read: Lines of bronze read.
        damaged: Bronze objects that could not be read whole, or were gone; no difference, but worth knowing.
    """

    rows: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    read: int = 0
    damaged: list[str] = field(default_factory=list)


def run(settings: Settings, report: Report = lambda what, done, total: None) -> Verification:
    """Compare silver and gold with what bronze comes to.

    Args:
        settings: The environment.
        report: Told what is done, how much of it, and of how much.

    Raises:
        ContractError: A table does not exist.
        SourceError: The bucket does not answer.
    """
    bucket = Bucket(settings)
    roots = (places.BRONZE_KAFKA, places.BRONZE_DYNAMODB, places.ERRORS)
    entries = [entry for root in roots for entry in bucket.entries(root)]
    recomputed = _beginning(bucket, settings)
    for done, entry in enumerate(entries, start=1):
        body = bucket.get(entry.key)
        if body is not None:
            recomputed.add(entry.key, body)
        report("bronze read again", done, len(entries))
    if recomputed.expired_sequence:
        recomputed.forget(_tombstones(settings))
    verification = Verification(read=recomputed.rows, damaged=recomputed.damaged)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    connection.register("recomputed", _silver(recomputed, settings))
    connection.execute("CREATE TABLE order_lines AS FROM recomputed")
    for done, table in enumerate((SILVER_ORDER_LINES, GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES), start=1):
        expected = GOLD.get(table.full_name, "SELECT * FROM order_lines")
        _compare(connection, settings, table, expected, verification)
        report("tables compared", done, 3)
    _compare_rejected(settings, recomputed, verification)
    if _exists(settings, GOLD_FORECAST_ACCURACY):  # no driver may have run since this version came
        for table in (GOLD_SALES_FORECAST, GOLD_FORECAST_BACKTEST):
            verification.rows[table.full_name] = _rows(settings, table).count_rows()
        verification.differences += compare_forecasts.differences(bucket, partial(_rows, settings))
        _compare_accuracy(connection, settings, verification)
    return verification


def _beginning(bucket: Bucket, settings: Settings) -> Recomputed:
    """Nothing yet but what silver has forgotten and, for that, has rejected."""
    generation = read_generation(bucket) or Generation(0, settings.business_timezone)
    expired = expiry.in_force(_delta(settings, SILVER_ORDER_LINES), bucket, generation.number)
    if not expired:
        return Recomputed(mapping=generation.fields)
    rejected = _rows(settings, SILVER_REJECTED).to_table(
        columns=["object", "position"], filter=ds.field("reason") == OLDER
    )
    lines = zip(*(column.to_pylist() for column in rejected.columns), strict=True)
    return Recomputed(expired=frozenset(lines), expired_sequence=expired, mapping=generation.fields)


def _tombstones(settings: Settings) -> set[tuple[str, str, int]]:
    """The keys of silver's tombstones."""
    held = ds.field("is_deleted")
    rows = _rows(settings, SILVER_ORDER_LINES).to_table(columns=["source", "order_id", "line_no"], filter=held)
    return set(zip(*(column.to_pylist() for column in rows.columns), strict=True))


def _silver(recomputed: Recomputed, settings: Settings) -> pa.Table:
    """What silver should hold, all unknown fields of a row in `extra`."""
    fields = [column for column in arrow_schema(SILVER_ORDER_LINES) if column.name != "batch_id"]
    columns = _columns_of_unknown_fields(_rows(settings, SILVER_ORDER_LINES))
    batches, rows = [], []
    for row in recomputed.silver_rows(settings.business_timezone):
        if row["extra"] and settings.unknown_columns == DISCARD:
            row["extra"] = only(row["extra"], columns)
        rows.append(row)
        if len(rows) == CHUNK:
            batches.append(pa.RecordBatch.from_pylist(rows, schema=pa.schema(fields)))
            rows = []
    batches.append(pa.RecordBatch.from_pylist(rows, schema=pa.schema(fields)))
    return pa.Table.from_batches(batches)


def _exists(settings: Settings, table: Table) -> bool:
    url = places.table_url(settings.bucket, table.layer, table.name)
    return DeltaTable.is_deltatable(url, storage_options=settings.delta_options)


def _rows(settings: Settings, table: Table) -> ds.Dataset:
    return _delta(settings, table).to_pyarrow_dataset()


def _delta(settings: Settings, table: Table) -> DeltaTable:
    url = places.table_url(settings.bucket, table.layer, table.name)
    try:
        return DeltaTable(url, storage_options=settings.delta_options)
    except TableNotFoundError as fault:
        raise ContractError(
            f"table {table.full_name} does not exist", "tables to verify", "run `python -m spark_jobs backfill` first"
        ) from fault


def _columns_of_unknown_fields(order_lines: ds.Dataset) -> list[str]:
    return [name for name in order_lines.schema.names if name not in SILVER_ORDER_LINES.names]


def _gathered(order_lines: ds.Dataset) -> pa.RecordBatchReader:
    """Silver with all unknown fields of a row in `extra`: which of them have a column depends on the order of arrival.

    To gather them is quick where no row of a batch has a column filled.
    """
    columns = _columns_of_unknown_fields(order_lines)
    schema = pa.schema([field for field in order_lines.schema if field.name not in columns])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in order_lines.to_batches():
            texts = [batch.column(name) for name in columns]
            if any(column.null_count < batch.num_rows for column in texts):
                rows = zip(*(column.to_pylist() for column in (batch.column("extra"), *texts)), strict=True)
                gathered = [_gather(extra, dict(zip(columns, row, strict=True))) for extra, *row in rows]
                at = batch.schema.get_field_index("extra")
                batch = batch.set_column(at, schema.field("extra"), pa.array(gathered, schema.field("extra").type))  # noqa: PLW2901
            yield batch.select(schema.names)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _gather(extra: str | None, columns: dict[str, str | None]) -> str | None:
    try:
        return gather(extra, columns)
    except (MalformedError, TypeError):  # nobody wrote that: it is to show as a difference
        return f"damaged: {extra} {columns}"


def _compare(
    connection: duckdb.DuckDBPyConnection, settings: Settings, table: Table, expected: str, verification: Verification
) -> None:
    names = ", ".join(name for name in table.names if name != "batch_id")
    rows = _rows(settings, table)
    connection.register("stored", _gathered(rows) if table is SILVER_ORDER_LINES else rows)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE ours AS SELECT {names} FROM stored")  # noqa: S608
    connection.execute(f"CREATE OR REPLACE TEMP TABLE theirs AS SELECT {names} FROM ({expected})")  # noqa: S608
    counts = connection.execute("SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM theirs)").fetchone()
    have, want = counts or (0, 0)
    verification.rows[table.full_name] = have
    if have != want:
        verification.differences.append(f"{table.full_name}: {have} rows, bronze comes to {want}")
    for label, left, right in (("only in the table", "ours", "theirs"), ("missing in the table", "theirs", "ours")):
        # as text: duckdb hands out a timestamp with a zone through pytz only, which is no dependency of ours
        odd = connection.execute(
            f"SELECT odd::VARCHAR FROM (FROM {left} EXCEPT ALL FROM {right} ORDER BY ALL LIMIT 3) AS odd"  # noqa: S608
        ).fetchall()
        verification.differences += [f"{table.full_name}: {label}: {row}" for (row,) in odd]


def _compare_accuracy(connection: duckdb.DuckDBPyConnection, settings: Settings, verification: Verification) -> None:
    """Compare gold.forecast_accuracy with the forecasts held one by one against gold as bronze has it."""
    forecasts = _rows(settings, GOLD_SALES_FORECAST).to_table()
    first = pc.min(forecasts["forecast_date"]).as_py()
    sales = {}
    for name, rows in GOLD.items():
        if pc.any(pc.equal(forecasts["source_table"], name)).as_py():
            found = connection.sql(f"SELECT * FROM ({rows}) WHERE sales_date >= ?", params=[first])  # noqa: S608
            sales[name] = found.to_arrow_table().to_pylist()
    expected = accuracy(forecasts.to_pylist(), sales)
    connection.register("expected_accuracy", pa.Table.from_pylist(expected, arrow_schema(GOLD_FORECAST_ACCURACY)))
    _compare(connection, settings, GOLD_FORECAST_ACCURACY, "SELECT * FROM expected_accuracy", verification)


def _compare_rejected(settings: Settings, recomputed: Recomputed, verification: Verification) -> None:
    stored = _rows(settings, SILVER_REJECTED).to_table(columns=["object", "position", "reason", "batch_id"])
    places_read = Counter(zip(*(column.to_pylist() for column in stored.columns), strict=True))
    twice = sorted(row for row, count in places_read.items() if count > 1)
    verification.differences += [f"{SILVER_REJECTED.full_name}: more than once: {row}" for row in twice[:3]]
    gone = {row[0] for row in places_read if row[2] == "missing_object"}
    verification.damaged += sorted(gone)
    found = {row[:3] for row in places_read if row[2] != "missing_object"}
    verification.rows[SILVER_REJECTED.full_name] = stored.num_rows
    for label, odd in (
        ("only in the table", found - recomputed.rejected),
        ("missing in the table", recomputed.rejected - found),
    ):
        verification.differences += [f"{SILVER_REJECTED.full_name}: {label}: {row}" for row in sorted(odd)[:3]]
