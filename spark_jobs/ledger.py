"""The ledger of one generation: which bronze objects are planned, which batches are finished, what comes next.

The plans in the bucket are the ledger; this is their image in memory, read once at start and kept by the one driver.
"""

import time

from lakehouse import places
from lakehouse.errors import ContractError
from spark_jobs import checkpoint
from spark_jobs.bounds import bounded
from spark_jobs.coverage import spans
from spark_jobs.finding import FIREHOSE, Finder
from spark_jobs.plans import BronzeObject, Plan, Result
from spark_jobs.storage import Bucket


class Ledger:
    """Plans and results of one generation.

    Args:
        bucket: Where they lie.
        generation: Its number.

    Attributes:
        pending: Plans without a result, oldest first.
        results: Of the finished batches that no checkpoint holds, by batch id.
        next_offsets: By topic id and partition, the first offset no finished batch has read.
        firehose_ends: By root in bronze, the last key of Firehose's that a finished batch has read; "" for none.
        totals: Rows by outcome, and `rows_read`, of all finished batches.
        newest: The newest batch id that was planned; 0 for none.
        finished: The newest batch id that has a result; 0 for none.
    """

    def __init__(self, bucket: Bucket, generation: int) -> None:
        self.generation = generation
        self._bucket = bucket
        self.checkpoint = checkpoint.newest(bucket, generation)
        self._finder = Finder(bucket, self.checkpoint.pages)
        through = self.newest = self.finished = self.checkpoint.through
        self.next_offsets = dict(self.checkpoint.next_offsets)
        self.totals = dict(self.checkpoint.totals)
        ends = [prefix + pages[-1].high for prefix, pages in self.checkpoint.pages.items()]
        self.firehose_ends: dict[str, str] = {
            root: max((key for key in ends if places.root_of(key) == root), default="") for root in FIREHOSE
        }
        self.results: dict[int, Result] = {}
        for key in _later(bucket, places.results(generation), through):
            self._add_result(Result.from_json(bucket.present(key)))
        self.pending: list[Plan] = []
        for key in _later(bucket, places.plans(generation), through):
            self.newest = places.batch_of(key)
            if self.newest not in self.results:
                plan = Plan.from_json(bucket.present(key))
                self.pending.append(plan)
                self._finder.remember(plan.objects)

    def find(self) -> list[BronzeObject]:
        """New bronze objects in the order of their keys: see spark_jobs/finding.py."""
        return self._finder.find()

    @property
    def reconciling(self) -> bool:
        """Whether a look at everything has begun and not ended."""
        return self._finder.reconciling

    def plan(
        self,
        found: list[BronzeObject],
        *,
        silver_version: int,
        expired_sequence: dict[str, str],
        least_id: int,
        max_rows: int,
        max_bytes: int,
    ) -> Plan:
        """Write down the next batch: the oldest of what was found of the source that waits longest, within the bounds.

        Args:
            found: What `find` returned; not empty.
            silver_version: silver.order_lines' version now.
            expired_sequence: By source.
            least_id: The batch id must be greater than this, the one in silver's last transaction.
            max_rows: Rows to read, about.
            max_bytes: Compressed bytes to read, about; at least one object is taken.

        Raises:
            ContractError: Another driver planned the same batch.
        """
        source = min(found, key=lambda entry: (entry.landed_at or 0.0, entry.key)).source
        chosen = tuple(bounded([entry for entry in found if entry.source == source], max_rows, max_bytes))
        plan = Plan(
            self.generation,
            1 + max(self.newest, least_id),
            source,
            chosen,
            silver_version,
            expired_sequence,
            time.time(),
        )
        if not self._bucket.create(places.plan(self.generation, plan.batch_id), plan.to_json()):
            raise ContractError(f"plan {plan.batch_id} exists already", "one driver", "stop the other driver")
        self._finder.remember(plan.objects)
        self._finder.leave(found, chosen)
        self.newest = plan.batch_id
        self.pending.append(plan)
        return plan

    def finish(self, result: Result) -> None:
        """Write down what became of a batch. A result that exists already is left as it is: it says the same."""
        self._bucket.create(places.result(self.generation, result.batch_id), result.to_json())
        self._add_result(result)
        self.pending = [plan for plan in self.pending if plan.batch_id != result.batch_id]

    def planned_by(self, moment: float) -> int:
        """The newest finished batch that was planned at or before a time, as all before it were; 0 for none.

        Args:
            moment: Seconds since 1970.
        """
        latest = 0
        finished = ((batch_id, result.planned_at) for batch_id, result in sorted(self.results.items()))
        for batch_id, planned_at in (*self.checkpoint.marks, *finished):
            if planned_at > moment:
                break
            latest = batch_id
        return latest

    def fold(self, through: int, *, forget_before: float = float("-inf")) -> int:
        """Fold finished batches into a new checkpoint and delete their plans and results.

        The newest plan always stays. Dying on the way loses nothing: until the checkpoint is there nothing refers to
        its pages, and afterwards nobody reads what is deleted.

        Args:
            through: The newest batch that may be folded.
            forget_before: Planning times before this (seconds since 1970) are no longer asked for.

        Returns:
            How many batches were folded; none while a look at everything goes on, which reads the pages there are.

        Raises:
            ContractError: Another driver wrote the same checkpoint.
        """
        if self.reconciling:
            return 0
        last = min(through, self.newest - 1, *(plan.batch_id - 1 for plan in self.pending))
        results = [result for batch_id, result in sorted(self.results.items()) if batch_id <= last]
        if results:
            folded = checkpoint.fold(
                self._bucket, self.generation, self.checkpoint, results, forget_before=forget_before
            )
            key = places.checkpoint(self.generation, folded.through)
            if not self._bucket.create(key, folded.to_json()):
                raise ContractError(f"object {key} exists already", "one driver", "stop the other driver")
            self.checkpoint = folded
            self.results = {batch_id: result for batch_id, result in self.results.items() if batch_id > last}
            read = [one for result in self.results.values() for one in result.objects]
            planned = [one for plan in self.pending for one in plan.objects]
            self._finder.fold(folded.pages, [*read, *planned])
        self._trim()
        return len(results)

    def _trim(self) -> None:
        """Delete what the checkpoint holds, also what a driver that died has left."""
        generation, through = self.generation, self.checkpoint.through
        needed = {page.key for pages in self.checkpoint.pages.values() for page in pages}
        folded = [
            entry.key
            for prefix, last in (
                (places.checkpoints(generation), through - 1),
                (places.plans(generation), through),
                (places.results(generation), through),
                (places.pages(generation), through),
            )
            for entry in self._bucket.entries(prefix)
            if places.batch_of(entry.key) <= last and entry.key not in needed
        ]
        self._bucket.delete_keys(folded)

    def _add_result(self, result: Result) -> None:
        if result.batch_id in self.results or result.batch_id <= self.checkpoint.through:
            return
        self.results[result.batch_id] = result
        self.finished = max(self.finished, result.batch_id)
        self._finder.remember(result.objects)
        spans(result.objects, self.next_offsets)
        for read in result.objects:
            if (root := places.root_of(read.key)) in self.firehose_ends:
                self.firehose_ends[root] = max(self.firehose_ends[root], read.key)
        checkpoint.add_up(self.totals, result)


def _later(bucket: Bucket, prefix: str, through: int) -> list[str]:
    """The keys of batches after one, oldest first."""
    return [entry.key for entry in bucket.entries(prefix) if places.batch_of(entry.key) > through]
