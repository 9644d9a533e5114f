"""The ledger of one generation: which bronze objects are planned, which batches are finished, what comes next.

The plans in the bucket are the ledger; this is their image in memory, read once at start and kept by the one driver.
"""

import time
from collections.abc import Iterable, Iterator

from lakehouse import places
from lakehouse.errors import ContractError
from lakehouse.logs import event
from lakehouse.places import KafkaObject
from spark_jobs import checkpoint
from spark_jobs.bounds import bounded
from spark_jobs.coverage import spans
from spark_jobs.plans import BronzeObject, Plan, ReadObject, Result
from spark_jobs.storage import Bucket, Entry

RECONCILE_SECONDS = 3600.0
RECONCILE_SLICE_SECONDS = 0.25  # of a look at everything, in one look for new objects


class Ledger:
    """Plans and results of one generation.

    Args:
        bucket: Where they lie.
        generation: Its number.

    Attributes:
        pending: Plans without a result, oldest first.
        results: Of the finished batches that no checkpoint holds, by batch id.
        next_offsets: By topic id and partition, the first offset no finished batch has read.
        totals: Rows by outcome, and `rows_read`, of all finished batches.
        newest: The newest batch id that was planned; 0 for none.
        finished: The newest batch id that has a result; 0 for none.
    """

    def __init__(self, bucket: Bucket, generation: int) -> None:
        self.generation = generation
        self._bucket = bucket
        self._left: list[BronzeObject] = []
        self._reconciled_at = float("-inf")
        self._walk: Iterator[list[Entry]] | None = None
        self.checkpoint = checkpoint.newest(bucket, generation)
        through = self.newest = self.finished = self.checkpoint.through
        self.next_offsets = dict(self.checkpoint.next_offsets)
        self.totals = dict(self.checkpoint.totals)
        self._known: dict[str, str] = {}
        self._last_key = {
            prefix: places.key_of(prefix, pages[-1].high) for prefix, pages in self.checkpoint.pages.items()
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
                self._remember(plan.objects)

    def find(self) -> list[BronzeObject]:
        """New bronze objects from Kafka, those of one topic id and partition in order of their offsets.

        Looks after the last planned key of each prefix. Once an hour, and at first, it begins to look at everything,
        which may take as many calls as there are objects to list: see `reconciling`.
        """
        if not self._walk and time.monotonic() - self._reconciled_at > RECONCILE_SECONDS:
            self._walk = self._everything()
        # what the last plan had no room for may lie below its last key, where nobody looks for the next hour
        found = {entry.key: entry for entry in self._left}
        for prefix in self._prefixes():
            later = self._bucket.entries(prefix, self._last_key.get(prefix, ""))
            self._add_new(found, (entry for entry in later if _place(entry.key)))
        if self._walk:
            self._walk_on(self._walk, found)
        self._left = [found[key] for key in sorted(found)]
        return self._left

    @property
    def reconciling(self) -> bool:
        """Whether a look at everything has begun and not ended."""
        return self._walk is not None

    def _everything(self) -> Iterator[list[Entry]]:
        for prefix in [prefix for prefix in self._prefixes() if prefix in self._last_key]:
            every = self._bucket.entries(prefix)
            listed = ((place.first, entry) for entry in every if (place := _place(entry.key)))
            yield from checkpoint.unread(self._bucket, self.checkpoint.pages.get(prefix, ()), listed)

    def _walk_on(self, walk: Iterator[list[Entry]], found: dict[str, BronzeObject]) -> None:
        until = time.monotonic() + RECONCILE_SLICE_SECONDS
        self._walk = None  # a walk that fails begins again
        for entries in walk:
            self._add_new(found, entries)
            if time.monotonic() > until:
                self._walk = walk
                return
        self._reconciled_at = time.monotonic()

    def _add_new(self, found: dict[str, BronzeObject], entries: Iterable[Entry]) -> None:
        for entry in entries:
            if self._known.get(entry.key) != entry.etag:
                found[entry.key] = BronzeObject(entry.key, entry.etag, entry.size, entry.modified_at)

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
        """Write down the next batch: the oldest of what was found, within the bounds.

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
        chosen = tuple(bounded(found, max_rows, max_bytes))
        plan = Plan(
            self.generation,
            1 + max(self.newest, least_id),
            "kafka",
            chosen,
            silver_version,
            expired_sequence,
            time.time(),
        )
        if not self._bucket.create(places.plan(self.generation, plan.batch_id), plan.to_json()):
            raise ContractError(f"plan {plan.batch_id} exists already", "one driver", "stop the other driver")
        self._remember(plan.objects)
        taken = {entry.key for entry in chosen}
        self._left = [entry for entry in found if entry.key not in taken]
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
            self._known = {}
            self._remember(read for result in self.results.values() for read in result.objects)
            self._remember(planned for plan in self.pending for planned in plan.objects)
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

    def _prefixes(self) -> Iterator[str]:
        for topic in self._bucket.folders(places.BRONZE_KAFKA):
            for topic_id in self._bucket.folders(topic):
                yield from self._bucket.folders(topic_id)

    def _remember(self, objects: Iterable[BronzeObject | ReadObject]) -> None:
        for planned in objects:
            self._known[planned.key] = planned.etag
            prefix = planned.key.rpartition("/")[0] + "/"
            self._last_key[prefix] = max(self._last_key.get(prefix, ""), planned.key)

    def _add_result(self, result: Result) -> None:
        if result.batch_id in self.results or result.batch_id <= self.checkpoint.through:
            return
        self.results[result.batch_id] = result
        self.finished = max(self.finished, result.batch_id)
        self._remember(result.objects)
        spans(result.objects, self.next_offsets)
        checkpoint.add_up(self.totals, result)


def _later(bucket: Bucket, prefix: str, through: int) -> list[str]:
    """The keys of batches after one, oldest first."""
    return [entry.key for entry in bucket.entries(prefix) if places.batch_of(entry.key) > through]


def _place(key: str) -> KafkaObject | None:
    try:
        return KafkaObject.parse(key)
    except ContractError as fault:
        event("bronze object ignored", level=30, object=key, reason=str(fault))
        return None
