"""The driver: the one process that writes the tables of an environment, step by step.

A step finishes the oldest unfinished plan or makes and runs the next one, then brings gold up to silver.
"""

import time
from collections.abc import Callable

from lakehouse import places
from lakehouse.logs import event
from lakehouse.progress import Progress
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES, TABLES
from spark_jobs import apply, gold, ops, silver
from spark_jobs.delta import Lakehouse
from spark_jobs.ledger import Ledger
from spark_jobs.plans import Plan, Result
from spark_jobs.storage import Bucket


class Driver:
    """Bronze to silver to gold for one generation.

    Args:
        tables: The tables to write.
        bucket: Bronze, plans and results.
        settings: Bounds of a batch, time zone, limits.
        generation: The generation of plans.
        check: Called before each write of a batch; raises when this driver must stop.
    """

    def __init__(
        self,
        tables: Lakehouse,
        bucket: Bucket,
        settings: Settings,
        generation: int,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._tables, self._bucket, self._settings, self.check = tables, bucket, settings, check
        self._generation = generation
        for table in TABLES:
            tables.create(table)
        self.ledger = Ledger(bucket, generation)
        self.publisher = ops.Publisher(tables, generation)
        self.damaged = [
            read.key for result in self.ledger.results.values() for read in result.objects if read.status != "read"
        ]
        self._waiting = 0
        self._owes_gold = False

    def step(self) -> bool:
        """Bring the next batch to silver and gold; after a step that failed, go on where it was.

        Returns:
            Whether there was any.
        """
        if self._owes_gold:
            self.bring_gold_up()
        started = time.monotonic()
        result = self.batch()
        if result is None:
            return False
        self._owes_gold = True
        silver_seconds = time.monotonic() - started
        step = self.bring_gold_up()
        event(
            "batch",
            id=result.batch_id,
            rows=result.rows,
            outcomes={name: rows for name, rows in result.outcomes.items() if rows},
            objects=len(result.objects),
            days="all" if step.days is None else step.days,
            silver_s=round(silver_seconds, 2),
            gold_s=round(time.monotonic() - started - silver_seconds, 2),
            waiting=self._waiting,
        )
        return True

    def batch(self) -> Result | None:
        """Bring the next batch to silver: the oldest unfinished plan, or else a new one; None if there is none."""
        plan = self.ledger.pending[0] if self.ledger.pending else self._next_plan()
        if plan is None:
            return None
        self.check()
        result = silver.run(plan, self._tables, self._bucket, self._settings)
        self.ledger.finish(result)
        self.damaged += [read.key for read in result.objects if read.status != "read"]
        return result

    def bring_gold_up(self) -> gold.Step:
        """Bring gold up to silver and report the progress."""
        self.check()
        step = gold.run(self._tables, self._generation)
        self.publisher.note(step)
        self._bucket.put(places.PROGRESS, self._progress(step).to_json().encode())
        self._owes_gold = False
        return step

    def publish(self) -> int:
        """Fill the ops tables from the results they lack; returns how many batches that were."""
        return self.publisher.publish(self.ledger)

    def release_memory(self) -> None:
        """Let the JVM give memory back to the machine; for a quiet moment, it takes part of a second."""
        jvm = self._tables.spark.sparkContext._jvm
        if jvm:
            jvm.System.gc()

    def _next_plan(self) -> Plan | None:
        found = self.ledger.find()
        self._waiting = 0
        if not found:
            return None
        settings = self._settings
        version = self._tables.version(SILVER_ORDER_LINES)
        least = self._tables.transaction(SILVER_ORDER_LINES, apply.application(self._generation))
        plan = self.ledger.plan(
            found,
            silver_version=version,
            expired_sequence={},
            least_id=least,
            max_rows=settings.batch_max_rows,
            max_bytes=settings.batch_max_bytes,
        )
        self._waiting = len(found) - len(plan.objects)
        return plan

    def _progress(self, step: gold.Step) -> Progress:
        offsets: dict[str, dict[str, int]] = {}
        for (topic_id, partition), offset in self.ledger.next_offsets.items():
            offsets.setdefault(topic_id, {})[str(partition)] = offset
        return Progress(
            self._generation,
            max(self.ledger.results, default=0),
            time.time(),
            offsets,
            ops.totals(self.ledger.results.values()),
            step.silver_version,
            step.gold_version,
            self._waiting,
        )
