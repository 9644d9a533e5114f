"""Expiry of tombstones: silver forgets deletes that are old, and from then on distrusts what is older than they were.

The commit that deletes tombstones carries, as a transaction, the newest batch whose tombstones have expired. What
their highest sequence was lies in the bucket under that batch's number, written before: it counts once the commit is
there. A transaction outlives checkpoints and the clean-up of the log.
"""

import json
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from lakehouse import places
from lakehouse.logs import event
from lakehouse.tables import SILVER_ORDER_LINES
from spark_jobs.commit import Change, Rewrite, marked
from spark_jobs.delta import Lakehouse
from spark_jobs.layout import DataFile
from spark_jobs.storage import Bucket

MOST_ROWS = 250_000  # of the files that a piece of work rewrites, unless a single batch has more


def application(generation: int) -> str:
    """The name under which tombstones are deleted. Its transaction is the newest batch whose tombstones expired."""
    return f"expired/{generation}"


def in_force(order_lines: DeltaTable, bucket: Bucket, generation: int) -> dict[str, str]:
    """By source, the highest sequence of an expired tombstone; empty if none has expired.

    Args:
        order_lines: silver.order_lines at its newest version.
        bucket: The bucket it lies in.
        generation: That of the batches.
    """
    through = order_lines.transaction_version(application(generation))
    found: dict[str, str] = {}
    return found if through is None else json.loads(bucket.present(places.expired(generation, through)))


def run(tables: Lakehouse, bucket: Bucket, generation: int, *, through: int, now: float) -> int:
    """Delete the tombstones that batches up to one have written.

    Args:
        tables: Where silver lies.
        bucket: The bucket it lies in.
        generation: That of the batches.
        through: The newest batch that was planned longer ago than TOMBSTONE_RETENTION_DAYS.
        now: Seconds since 1970.

    Returns:
        How many were deleted; where there are many, of the oldest batches only.

    Raises:
        ContractError: Another driver committed at the same time, or the table is of another protocol.
    """
    app = application(generation)
    if through <= max(0, tables.transaction(SILVER_ORDER_LINES, app)):
        return 0
    rewrite = Rewrite(tables, bucket, SILVER_ORDER_LINES, now=now)
    found = _Tombstones.within(rewrite, through)
    if not found.rows:
        return 0
    expired = in_force(tables.handle(SILVER_ORDER_LINES), bucket, generation)
    for source, sequence in zip(found.sequences["source"], found.sequences["cdc_sequence_max"], strict=True):
        expired[source.as_py()] = max(expired.get(source.as_py(), ""), sequence.as_py())
    bucket.put(places.expired(generation, found.through), json.dumps(expired).encode())
    kept, deleted = [], []
    for file in found.files:
        rows = rewrite.read([file])
        doomed = pc.and_(rows["is_deleted"], pc.less_equal(rows["batch_id"], found.through))
        deleted.append(rows.filter(doomed))
        kept.append(rows.filter(pc.invert(doomed)))
    feed = marked(pa.concat_tables(deleted), "delete")
    parts = [rewrite.put(rows) for rows in kept if len(rows)]
    rewrite.commit(found.files, parts, Change("DELETE", feed, app, found.through))
    event("tombstones expired", rows=found.rows, batches=found.through, sequence=expired)
    return found.rows


@dataclass(frozen=True)
class _Tombstones:
    """Tombstones that batches up to `through` wrote, the files they lie in and by source their highest sequence."""

    through: int
    rows: int
    files: list[DataFile]
    sequences: pa.Table

    @classmethod
    def within(cls, rewrite: Rewrite, through: int) -> "_Tombstones":
        """Those of all batches up to one, or of as many batches as a piece of work can do."""
        wanted = ds.field("is_deleted") & (ds.field("batch_id") <= through)
        columns = ["source", "batch_id", "cdc_sequence"]
        held = [(file, rewrite.read([file], columns=columns, filter=wanted)) for file in rewrite.files]
        held = [(file, rows) for file, rows in held if len(rows)]
        first = sorted((pc.min(rows["batch_id"]).as_py(), file.rows) for file, rows in held)
        total = 0
        for batch_id, rows in first:
            total += rows
            if total > MOST_ROWS and batch_id > first[0][0]:
                through = batch_id - 1
                break
        expiring = [(file, rows.filter(pc.less_equal(rows["batch_id"], through))) for file, rows in held]
        expiring = [(file, rows) for file, rows in expiring if len(rows)]
        every = pa.concat_tables([rows for _, rows in expiring]) if expiring else pa.table({})
        sequences = every.group_by("source").aggregate([("cdc_sequence", "max")]) if expiring else every
        return cls(through, len(every), [file for file, _ in expiring], sequences)
