"""Silver and gold against what they must hold: rows lost, duplicated, stale or resurrected, gold rows that differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from lakehouse import places
from lakehouse.settings import Settings
from lakehouse.tables import GOLD_DAILY_PRODUCT_SALES, GOLD_DAILY_SALES, SILVER_ORDER_LINES, SILVER_REJECTED, Table
from spark_jobs.recompute import GOLD

EXAMPLES = 5
_KEY = "source, order_id, line_no"
_WRONG = {
    # a key that silver does not have, be it live or a tombstone
    "lost": f"SELECT 'key', {_KEY} FROM expected ANTI JOIN silver USING ({_KEY})",
    # a row beyond the first of its key
    "duplicated": f"""SELECT 'key', {_KEY} FROM (
        SELECT {_KEY}, row_number() OVER (PARTITION BY {_KEY}) AS number FROM silver) WHERE number > 1""",
    # a row that is live though it was deleted, or that was never sent
    "resurrected": f"""SELECT DISTINCT 'key', {_KEY} FROM silver LEFT JOIN expected USING ({_KEY})
        WHERE expected.is_deleted IS NULL OR (expected.is_deleted AND NOT silver.is_deleted)""",
    # any other difference from the newest change
    "stale": f"""SELECT DISTINCT 'key', {_KEY} FROM (FROM silver EXCEPT FROM expected) AS odd
        JOIN expected USING ({_KEY}) WHERE NOT (expected.is_deleted AND NOT odd.is_deleted)""",
}


@dataclass(frozen=True)
class Verdict:
    """How the tables differ from what they must hold.

    Args:
        counts: Rows that are lost, duplicated, resurrected, stale, that differ in gold, or were rejected twice.
        examples: A few of them, in words.
        rows: Rows of silver that were compared.
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    rows: int = 0

    @property
    def is_right(self) -> bool:
        """Whether nothing differs."""
        return not any(self.counts.values())


def tables(settings: Settings) -> dict[str, pa.Table]:
    """The tables as they are, by name, read without Spark."""
    return {
        table.full_name: _read(settings, table)
        for table in (SILVER_ORDER_LINES, SILVER_REJECTED, GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES)
    }


def _read(settings: Settings, table: Table) -> pa.Table:
    url = places.table_url(settings.bucket, table.layer, table.name)
    return DeltaTable(url, storage_options=settings.delta_options).to_pyarrow_table()


def compare(found: Mapping[str, pa.Table], expected: pa.Table) -> Verdict:
    """Compare the tables with the rows that silver must hold.

    Args:
        found: What `tables` gives.
        expected: What `Expected.rows` gives; its columns are compared.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    connection.register("silver_found", found[SILVER_ORDER_LINES.full_name])
    connection.register("expected_found", expected)
    columns = ", ".join(expected.schema.names)
    connection.execute(f"CREATE TABLE silver AS SELECT {columns} FROM silver_found")
    connection.execute(f"CREATE TABLE expected AS SELECT {columns} FROM expected_found")
    connection.execute("CREATE VIEW order_lines AS FROM expected")
    queries = dict(_WRONG)
    for table in (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES):
        names = ", ".join(table.names)
        connection.register(f"{table.name}_found", found[table.full_name])
        connection.execute(f"CREATE TABLE {table.name} AS SELECT {names} FROM {table.name}_found")
        connection.execute(f"CREATE TABLE {table.name}_right AS SELECT {names} FROM ({GOLD[table.full_name]})")
        queries[table.full_name] = f"""
            SELECT 'only there', * FROM (FROM {table.name} EXCEPT ALL FROM {table.name}_right)
            UNION ALL SELECT 'missing', * FROM (FROM {table.name}_right EXCEPT ALL FROM {table.name})"""
    connection.register("rejected", found[SILVER_REJECTED.full_name])
    queries["rejected twice"] = """
        SELECT object, position FROM rejected GROUP BY ALL HAVING count(*) > 1"""
    counts, examples = {}, []
    for name, query in queries.items():
        counts[name] = connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0]  # type: ignore[index]
        some = connection.execute(f"SELECT odd::VARCHAR FROM ({query} ORDER BY ALL LIMIT {EXAMPLES}) AS odd")
        examples += [f"{name}: {row}" for (row,) in some.fetchall()]
    return Verdict(counts, tuple(examples), found[SILVER_ORDER_LINES.full_name].num_rows)
