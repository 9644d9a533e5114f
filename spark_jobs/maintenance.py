"""Maintenance: small pieces of work that keep the tables and the ledger as quick as they were, one between two batches.

What is done lies in modules of its own; here is what is due when. Every piece may die anywhere and be done again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
from deltalake.exceptions import DeltaError

from lakehouse.errors import LakehouseError
from lakehouse.logs import event
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES, TABLES, Table
from spark_jobs import compaction, expiry, gold, vacuum
from spark_jobs.delta import Lakehouse
from spark_jobs.ledger import Ledger
from spark_jobs.ops import Publisher
from spark_jobs.storage import Bucket

FOLD_BATCHES = 200  # of the ledger that are kept apart: a start reads each, in 3 ms
FOLD_SECONDS = 10.0
COMPACT_SECONDS = 60.0
VACUUM_SECONDS = 3600.0
EXPIRE_SECONDS = 3600.0


EXPIRE = "expire tombstones"
SILVER_PIECES = (EXPIRE, f"compact {SILVER_ORDER_LINES.full_name}")  # those that commit to silver, a version each


@dataclass
class Piece:
    """A piece of work: what it is called, how often it is looked for, and what does it; `run` returns how much it did.

    `looked_at` is when there was last nothing to do, in seconds since 1970.
    """

    name: str
    seconds: float
    run: Callable[[], int]
    looked_at: float


class Maintenance:
    """All there is to do to the tables of one driver.

    Args:
        tables: The tables in force.
        bucket: The bucket they lie in.
        ledger: The driver's.
        publisher: The driver's; batches that it has not published stay in the ledger.
        settings: How long deleted files and tombstones are kept.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        tables: Lakehouse,
        bucket: Bucket,
        ledger: Ledger,
        publisher: Publisher,
        settings: Settings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tables, self._bucket, self._ledger, self._publisher = tables, bucket, ledger, publisher
        self._settings, self._clock = settings, clock
        now = clock()
        self._pieces = [
            Piece("fold the ledger", FOLD_SECONDS, self._fold, now),
            Piece(EXPIRE, EXPIRE_SECONDS, self._expire, now),
            *(Piece(f"compact {table.full_name}", COMPACT_SECONDS, self._compactor(table), now) for table in TABLES),
            *(Piece(f"vacuum {table.full_name}", VACUUM_SECONDS, self._vacuumer(table), now) for table in TABLES),
        ]

    def step(self) -> str | None:
        """Do the most overdue piece of work for which there is something to do.

        Returns:
            Its name; None if nothing is due.
        """
        now = self._clock()
        overdue = sorted(self._pieces, key=lambda piece: (now - piece.looked_at) / piece.seconds, reverse=True)
        for piece in overdue:
            if now - piece.looked_at < piece.seconds:
                return None
            if self._done(piece):
                return piece.name
        return None

    def run(self) -> int:
        """Do everything there is to do, due or not; returns how many pieces of work that was."""
        pieces = 0
        for piece in self._pieces:
            while self._done(piece):
                pieces += 1
        return pieces

    def _done(self, piece: Piece) -> bool:
        if self._ledger.pending:  # a plan reads silver at the version it names
            return False
        started = time.monotonic()
        try:
            count = piece.run()
        except (LakehouseError, DeltaError, pa.ArrowException, OSError) as fault:
            event("maintenance failed", level=40, what=piece.name, reason=str(fault)[:500])
            count = 0
        if not count:
            piece.looked_at = self._clock()
            return False
        event("maintained", what=piece.name, count=count, seconds=round(time.monotonic() - started, 3))
        return True

    @property
    def _remembered_since(self) -> float:
        return self._clock() - self._settings.tombstone_retention_days * 86400

    def _fold(self) -> int:
        if len(self._ledger.results) < FOLD_BATCHES:
            return 0
        return self._ledger.fold(self._publisher.published, forget_before=self._remembered_since)

    def _expire(self) -> int:
        through = self._ledger.planned_by(self._remembered_since)
        return expiry.run(self._tables, self._bucket, self._ledger.generation, through=through, now=self._clock())

    def _compactor(self, table: Table) -> Callable[[], int]:
        return lambda: compaction.run(self._tables, self._bucket, table, now=self._clock())

    def _vacuumer(self, table: Table) -> Callable[[], int]:
        return lambda: self._vacuum(table)

    def _vacuum(self, table: Table) -> int:
        """Remove files that no version within the retention needs, those of the change feed too."""
        if table is SILVER_ORDER_LINES:  # gold reads silver's change feed
            self._publisher.note(gold.run(self._tables, self._ledger.generation))
        return vacuum.run(self._tables, self._bucket, table, now=self._clock())
