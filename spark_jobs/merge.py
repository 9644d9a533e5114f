"""MERGE of rows that are in memory, file by file: only files that hold a row to replace are written anew, each apart.

delta-rs makes one file of all the files that a MERGE meets; the next narrow MERGE then has to write all of it.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.tables import Table
from spark_jobs.commit import Change, NewFile, Rewrite, marked
from spark_jobs.compaction import cut, order, rows_per_file
from spark_jobs.layout import DataFile
from spark_jobs.storage import Bucket
from spark_jobs.stored import Stored

THREADS = 2  # each has a file in memory


@dataclass(frozen=True)
class Merge:
    """What to merge.

    Args:
        rows: Columns of the table, in any order; one row per key.
        sequence: The column by which a row replaces another: the greater wins.
        app: The transaction's application.
        version: The transaction's version.
        note: Text for the commit.
    """

    rows: pa.Table
    sequence: str
    app: str
    version: int
    note: str


def run(tables: Stored, bucket: Bucket, table: Table, merge: Merge, *, now: float) -> None:
    """Replace the rows of a table whose key a row has and that are older; add the rows whose key is not there.

    Args:
        tables: Where the table lies.
        bucket: The bucket it lies in.
        table: The table.
        merge: The rows and the transaction.
        now: Seconds since 1970.

    Raises:
        ContractError: Another driver committed at the same time, or the table is of another protocol.
    """
    rewrite = Rewrite(tables, bucket, table, now=now)
    rows = merge.rows.select(rewrite.schema.names).cast(rewrite.schema)
    target = rows_per_file(table)
    with ThreadPoolExecutor(THREADS) as pool:
        files = rewrite.holding(pc.unique(rows[table.pruned[0]]).to_pylist())
        keys = rows.select([*table.key, merge.sequence]).append_column("number", _numbers(rows))
        matches = list(pool.map(lambda file: _match(rewrite, file, keys, table, merge.sequence), files))
        touched = [match for match in matches if len(match.places)]
        known = pa.chunked_array([match.known for match in matches], pa.int64())
        fresh = rows.filter(pc.invert(pc.is_in(keys["number"], known)))
        values = fresh[table.pruned[0]].to_pylist()
        homes, others = _homes(values, rewrite.files, {match.file for match in touched}, target)
        writes = [
            pool.submit(_rewritten, rewrite, match, rows, _taken(fresh, homes.get(match.file, ())), table)
            for match in touched
        ]
        written = [write.result() for write in writes]
    parts = [part for file in written for part in file.parts]
    for numbers in others:
        parts += _put(rewrite, _taken(fresh, numbers), table)
    feed = [marked(fresh, "insert")]
    for file in written:
        feed += [marked(file.before, "update_preimage"), marked(file.after, "update_postimage")]
    change = Change("MERGE", pa.concat_tables(feed), merge.app, merge.version, merge.note)
    rewrite.commit([match.file for match in touched], parts, change)


@dataclass(frozen=True)
class _Match:
    """Where the rows meet a file.

    Attributes:
        file: The file.
        known: The numbers of all rows whose key is there.
        places: Where in the file rows are replaced, rising.
        numbers: By what rows.
    """

    file: DataFile
    known: pa.Array
    places: pa.Array
    numbers: pa.Array


@dataclass(frozen=True)
class _Written:
    """What became of a file: its new files, and the rows that were replaced, before and after."""

    parts: list[NewFile]
    before: pa.Table
    after: pa.Table


def _match(rewrite: Rewrite, file: DataFile, keys: pa.Table, table: Table, sequence: str) -> _Match:
    held = rewrite.read([file], columns=[*table.key, sequence])
    first = table.pruned[0]
    held = held.append_column("place", _numbers(held)).filter(pc.is_in(held[first], keys[first]))
    both = held.join(keys, list(table.key), join_type="inner", right_suffix="_new").sort_by("place")
    newer = both.filter(pc.greater(both[f"{sequence}_new"], both[sequence]))
    return _Match(file, *(column.combine_chunks() for column in (both["number"], newer["place"], newer["number"])))


def _rewritten(rewrite: Rewrite, match: _Match, rows: pa.Table, fresh: pa.Table, table: Table) -> _Written:
    held = rewrite.read([match.file])
    after = rows.take(match.numbers)
    # in their places: the key, by which the file is sorted, stays as it is
    is_replaced = pc.is_in(_numbers(held), match.places)
    before = held.filter(is_replaced)
    columns = [
        # most columns of an update stay what they were: to put a few rows into one takes 1 to 2 ms of 100,000
        held[name]
        if before[name].equals(after[name])
        else pc.replace_with_mask(held[name].combine_chunks(), is_replaced, after[name].combine_chunks())
        for name in held.column_names
    ]
    merged = pa.table(columns, schema=held.schema)
    if len(fresh):
        merged = pa.concat_tables([merged, fresh])
    return _Written(_put(rewrite, merged, table, is_sorted=not len(fresh)), before, after)


def _put(rewrite: Rewrite, rows: pa.Table, table: Table, *, is_sorted: bool = False) -> list[NewFile]:
    """Put rows into a file, or into several if they are too many for one."""
    target = rows_per_file(table)
    if len(rows) > 2 * target or not is_sorted:
        rows = rows.sort_by([(name, "ascending") for name in order(table)])
    parts = cut(rows, table.pruned[0], target) if len(rows) > 2 * target else [rows]
    return [rewrite.put(part) for part in parts]


def _homes(
    values: Sequence[Any], files: Iterable[DataFile], touched: Set[DataFile], target: int
) -> tuple[Mapping[DataFile, list[int]], Iterable[list[int]]]:
    """Where new rows go, so that no two files come to overlap.

    A row belongs to the last file that begins at or before its value. If that one is not touched, or is full and ends
    before the value, the row goes into a new file, with those that lie between the same two files.

    Args:
        values: The rows' values in the column that files are told apart by.
        files: All files of the table.
        touched: Those that are rewritten.
        target: Rows a file is to have.

    Returns:
        By touched file, the numbers of the rows that it takes in; and those of the rows of each new file.
    """
    ordered = sorted((file for file in files if file.low is not None), key=lambda file: (file.low, file.high))
    lows = [file.low for file in ordered]
    homes: dict[DataFile, list[int]] = defaultdict(list)
    others: dict[int, list[int]] = defaultdict(list)
    for number, value in enumerate(values):
        place = bisect_right(lows, value)
        home = ordered[place - 1] if place else None
        if home and home in touched and (value <= home.high or home.rows < target):
            homes[home].append(number)
        else:
            others[place].append(number)
    return homes, others.values()


def _taken(rows: pa.Table, numbers: Sequence[int]) -> pa.Table:
    return rows.take(pa.array(numbers, pa.int64()))


def _numbers(rows: pa.Table) -> pa.Array:
    """0, 1, 2, …, one for each row."""
    return pc.indices_nonzero(pa.repeat(True, len(rows))).cast(pa.int64())  # a tenth of what Python's range takes
