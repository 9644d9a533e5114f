"""Compaction: neighbouring files of a table rewritten in the order of its key, in parts of a good size."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.tables import Table
from spark_jobs.commit import Rewrite
from spark_jobs.delta import ROWS_PER_FILE, Lakehouse
from spark_jobs.layout import DataFile, choose, cost
from spark_jobs.storage import Bucket

GOLD_ROWS_PER_FILE = 20_000  # a step of gold rewrites the files of its days: two weeks of the data set
MOST_ROWS = 250_000  # in a piece of work, unless a single file has more
HUGE_ROWS = 2_000_000  # a file of more would not fit into the driver's memory beside everything else
HOT_SECONDS = 120.0  # a file that changed so recently is likely to change again: to rewrite it is work lost
LEAST_FILES = 8  # that a piece must save, or as much in overlaps


def rows_per_file(table: Table) -> int:
    """Rows that a file of the table is to have."""
    return GOLD_ROWS_PER_FILE if table.layer == "gold" else ROWS_PER_FILE


def order(table: Table) -> list[str]:
    """The columns that rows are sorted by within a file: first the one that files differ by; no maps."""
    first = table.pruned[0]
    maps = {column.name for column in table.columns if column.type.startswith("map<")}
    return [first, *(name for name in table.key if name != first and name not in maps)]


def run(tables: Lakehouse, bucket: Bucket, table: Table, *, now: float) -> int:
    """Rewrite the files of a table that are most worth it.

    Args:
        tables: Where the table lies.
        bucket: The bucket it lies in.
        table: The table.
        now: Seconds since 1970.

    Returns:
        How many files were rewritten; 0 if nothing was worth it.

    Raises:
        ContractError: Another driver committed at the same time, or the table is of another protocol.
    """
    rewrite, target = Rewrite(tables, bucket, table, now=now), rows_per_file(table)
    # Spark's MERGE of a large batch may leave a file that every small one then rewrites: that cannot wait
    free = [
        file
        for file in rewrite.files
        if file.rows <= HUGE_ROWS and (file.modified_at < now - HOT_SECONDS or file.rows > 2 * target)
    ]
    chosen = choose(free, target=target, most=MOST_ROWS, gain=LEAST_FILES * target // 10)
    if not chosen:
        return 0
    rows = rewrite.read(chosen).sort_by([(name, "ascending") for name in order(table)])
    parts = list(cut(rows, table.pruned[0], target))
    after = [*(set(rewrite.files) - set(chosen)), *(_described(part, table.pruned[0], now) for part in parts)]
    if cost(after, target) >= cost(rewrite.files, target):  # the parts overlap what was not chosen too much
        return 0
    rewrite.commit(chosen, [rewrite.put(part) for part in parts])
    return len(chosen)


def cut(rows: pa.Table, column: str, target: int) -> Iterator[pa.Table]:
    """Equal parts of about `target` rows; rows with one value of the column, by which they are sorted, stay together.

    Example:
        >>> [part["n"].to_pylist() for part in cut(pa.table({"n": [1, 2, 2, 2, 3, 4]}), "n", target=2)]
        [[1, 2, 2, 2], [3, 4]]
    """
    values = rows.column(column).combine_chunks()
    # the places where the value is another one than in the row before
    changes = pc.add(pc.indices_nonzero(pc.fill_null(pc.not_equal(values[1:], values[:-1]), True)), 1)
    count = -(-len(rows) // target)
    ends = [len(rows) * number // count for number in range(1, count)]
    ends = [pc.min(changes.filter(pc.greater_equal(changes, end))).as_py() or len(rows) for end in ends]
    start = 0
    for end in sorted({*ends, len(rows)}):
        yield rows.slice(start, end - start)
        start = end


def _described(part: pa.Table, column: str, now: float) -> DataFile:
    ends = pc.min_max(part.column(column)).as_py()
    return DataFile("", 0, len(part), ends["min"], ends["max"], now)
