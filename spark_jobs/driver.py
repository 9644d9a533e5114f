"""The driver: the one process that writes the tables of an environment, step by step.

A step finishes the oldest unfinished plan or makes and runs the next one, then brings gold up to silver. Between two
steps, forecasts that have been made are loaded.
"""

import datetime
import time
from collections.abc import Callable

import pyarrow as pa

from lakehouse import places
from lakehouse.logs import event
from lakehouse.mapping import OWN, FieldMapping
from lakehouse.progress import Progress
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES, TABLES
from spark_jobs import apply, expiry, gold, ops, silver
from spark_jobs.accuracy import Accuracy
from spark_jobs.delta import Lakehouse
from spark_jobs.forecasts import Loader
from spark_jobs.kept import Kept
from spark_jobs.ledger import Ledger
from spark_jobs.maintenance import SILVER_PIECES, Maintenance
from spark_jobs.metrics import Metrics
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
        mapping: Which attribute of the DynamoDB table is which column.
    """

    def __init__(
        self,
        tables: Lakehouse,
        bucket: Bucket,
        settings: Settings,
        generation: int,
        check: Callable[[], None] = lambda: None,
        mapping: FieldMapping = OWN,
    ) -> None:
        self._tables, self._bucket, self._settings, self.check = tables, bucket, settings, check
        self._generation, self._mapping = generation, mapping
        for table in TABLES:
            tables.create(table)
        self.ledger = Ledger(bucket, generation)
        self.publisher = ops.Publisher(tables, generation)
        self.metrics = Metrics(self.ledger.next_offsets)
        self._shown: gold.Step | None = None
        self.damaged = [
            read.key for result in self.ledger.results.values() for read in result.objects if read.status != "read"
        ]
        self._waiting = 0
        self._days: dict[int, frozenset[datetime.date]] = {}
        self._kept = Kept()
        self.maintenance = Maintenance(tables, bucket, self.ledger, self.publisher, settings)
        self._owes_gold = False
        self._uncounted: tuple[Result, float] | None = None
        self._accuracy = Accuracy(tables)
        self._forecasts = Loader(tables, bucket, self._accuracy, metrics=self.metrics)

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
        self._uncounted = result, silver_seconds
        step = self._gold()
        gold_seconds = time.monotonic() - started - silver_seconds
        self.report()
        self._owes_gold = False
        event(
            "batch",
            id=result.batch_id,
            rows=result.rows,
            outcomes={name: rows for name, rows in result.outcomes.items() if rows},
            objects=len(result.objects),
            days="all" if step.days is None else step.days,
            silver_s=round(silver_seconds, 2),
            gold_s=round(gold_seconds, 2),
            waiting=self._waiting,
        )
        return True

    def batch(self) -> Result | None:
        """Bring the next batch to silver: the oldest unfinished plan, or else a new one; None if there is none."""
        plan = self.ledger.pending[0] if self.ledger.pending else self._next_plan()
        if plan is None:
            return None
        self.check()
        self.metrics.planned(plan)
        batch = silver.run(plan, self._tables, self._bucket, self._settings, self._mapping)
        result = batch.result
        if batch.days is not None and result.silver_version - plan.silver_version <= 1:
            self._days[result.silver_version] = batch.days
        self.ledger.finish(result)
        self.damaged += [read.key for read in result.objects if read.status != "read"]
        return result

    def bring_gold_up(self) -> gold.Step:
        """Bring gold up to silver and report the progress."""
        step = self._gold()
        self.metrics.shown(step)
        self.report()
        self._owes_gold = False
        return step

    def report(self) -> None:
        """Tell those who wait or watch how far gold has come, once it has."""
        if self._shown:
            self._bucket.put(places.PROGRESS, self._progress(self._shown).to_json().encode())

    def publish(self) -> int:
        """Fill the ops tables from the results they lack and count the tables' files; returns how many batches."""
        found = self.publisher.publish(self.ledger)
        self._accuracy.persist()
        self.metrics.counted(self._tables.files())
        self.report()
        return found

    def load_forecast(self) -> str | None:
        """Load a forecast's run if one is complete and nothing waits; returns the key of its object."""
        if self._waiting or self.ledger.pending or self._owes_gold:
            return None
        self.check()
        loaded = self._forecasts.step()
        if loaded:
            self.metrics.counted(self._tables.files())
            self.report()
        return loaded

    def maintain(self) -> str | None:
        """Do a piece of maintenance if one is due and nothing waits; returns its name."""
        if self._waiting or self.ledger.pending:
            return None
        self.check()
        done = self.maintenance.step()
        if done:
            self.metrics.maintained(done)
            self.metrics.counted(self._tables.files())
            self.report()
            self._note_unchanged_days(done)
        return done

    def _note_unchanged_days(self, done: str) -> None:
        """Spare gold a look into the change feed for a version of silver in which maintenance changed no day."""
        if done not in SILVER_PIECES or self._shown is None:
            return
        version = self._tables.version(SILVER_ORDER_LINES)
        # one more than is known of is maintenance's own; if there are others, the change feed has to be asked
        if all(number in self._days for number in range(self._shown.silver_version + 1, version)):
            self._days[version] = frozenset()

    def release_memory(self) -> None:
        """Let Arrow and the JVM give memory back to the machine; for a quiet moment, it takes part of a second."""
        pa.default_memory_pool().release_unused()
        jvm = self._tables.spark.sparkContext._jvm
        if jvm:
            jvm.System.gc()

    def _gold(self) -> gold.Step:
        self.check()
        started = time.monotonic()
        step = gold.run(self._tables, self._generation, self._days, self._kept)
        self._accuracy.follow(step)
        if self._uncounted:  # a batch that gold shows only now, after a step that failed, is counted with it
            result, silver_seconds = self._uncounted
            self.metrics.batch(result, step, {"silver": silver_seconds, "gold": time.monotonic() - started})
            self._uncounted = None
        self._days.clear()
        self.publisher.note(step)
        self._shown = step
        return step

    def _next_plan(self) -> Plan | None:
        found = self.ledger.find()
        self._waiting = 0
        self.metrics.found(found)
        if not found:
            return None
        settings = self._settings
        order_lines = self._tables.handle(SILVER_ORDER_LINES)
        least = self._tables.transaction(SILVER_ORDER_LINES, apply.application(self._generation))
        plan = self.ledger.plan(
            found,
            silver_version=order_lines.version(),
            expired_sequence=expiry.in_force(order_lines, self._bucket, self._generation),
            least_id=least,
            max_rows=settings.batch_max_rows,
            max_bytes=settings.batch_max_bytes,
        )
        self._waiting = len(found) - len(plan.objects)
        planned = {entry.key for entry in plan.objects}
        self.metrics.found(entry for entry in found if entry.key not in planned)
        return plan

    def _progress(self, step: gold.Step) -> Progress:
        offsets: dict[str, dict[str, int]] = {}
        for (topic_id, partition), offset in self.ledger.next_offsets.items():
            offsets.setdefault(topic_id, {})[str(partition)] = offset
        return Progress(
            self._generation,
            self.ledger.finished,
            time.time(),
            offsets,
            dict(self.ledger.totals),
            step.silver_version,
            step.gold_version,
            self._waiting,
            self.metrics.activity(),
            {root: key for root, key in self.ledger.firehose_ends.items() if key},
        )
