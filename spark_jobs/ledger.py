"""The ledger of one generation: which bronze objects are planned, which batches are finished, what comes next.

The plans in the bucket are the ledger; this is their image in memory, read once at start and kept by the one driver.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from lakehouse import places
from lakehouse.errors import ConfigError, ContractError
from lakehouse.logs import event
from lakehouse.settings import Settings
from spark_jobs.bronze import mark
from spark_jobs.coverage import spans
from spark_jobs.plans import BronzeObject, Plan, Result
from spark_jobs.storage import Bucket

RECONCILE_SECONDS = 3600.0
BYTES_PER_ROW = 50  # of a gzipped bronze line; only for the guess how many rows the last object of a prefix has


@dataclass(frozen=True)
class Generation:
    """The generation of plans in force and what its tables were built with."""

    number: int
    business_timezone: str


def read_generation(bucket: Bucket) -> Generation | None:
    """The generation in force, None before the first."""
    text = bucket.get(places.GENERATION)
    return None if text is None else Generation(**json.loads(text))


def current_generation(bucket: Bucket, settings: Settings) -> Generation:
    """The generation in force; the first one is begun if there is none.

    Raises:
        ConfigError: The tables were built with another BUSINESS_TIMEZONE.
    """
    found = read_generation(bucket)
    if found is None:
        found = Generation(0, settings.business_timezone)
        set_generation(bucket, found)
    if found.business_timezone != settings.business_timezone:
        raise ConfigError(
            f"BUSINESS_TIMEZONE={settings.business_timezone}",
            f"{found.business_timezone}, with which the tables were built",
            "set it back, or run `make rebuild`",
        )
    return found


def set_generation(bucket: Bucket, generation: Generation) -> None:
    """Make a generation the one in force."""
    body = {"number": generation.number, "business_timezone": generation.business_timezone}
    bucket.put(places.GENERATION, json.dumps(body).encode())


class Ledger:
    """Plans and results of one generation.

    Args:
        bucket: Where they lie.
        generation: Its number.

    Attributes:
        pending: Plans without a result, oldest first.
        next_offsets: By topic id and partition, the first offset no finished batch has read.
        newest: The newest batch id that was planned; 0 for none.
    """

    def __init__(self, bucket: Bucket, generation: int) -> None:
        self.generation = generation
        self._bucket = bucket
        self._known: dict[str, str] = {}
        self._last_key: dict[str, str] = {}
        self._left: list[BronzeObject] = []
        self._reconciled_at = float("-inf")
        self.next_offsets: dict[tuple[str, int], int] = {}
        self.results: dict[int, Result] = {}
        plans = {plan.batch_id: plan for plan in self._read_plans()}
        for entry in bucket.entries(places.results(generation)):
            self._add_result(Result.from_json(_present(bucket, entry.key)))
        for plan in plans.values():
            self._add_plan(plan)
        self.newest = max(plans, default=0)
        self.pending = [plan for batch_id, plan in sorted(plans.items()) if batch_id not in self.results]

    def find(self) -> list[BronzeObject]:
        """New bronze objects from Kafka, those of one topic id and partition in order of their offsets.

        Looks after the last planned key of each prefix; once an hour and at first at everything.
        """
        everything = time.monotonic() - self._reconciled_at > RECONCILE_SECONDS
        # what the last plan had no room for may lie below its last key, where nobody looks for the next hour
        found = {} if everything else {entry.key: entry for entry in self._left}
        for prefix in self._prefixes():
            after = "" if everything else self._last_key.get(prefix, "")
            for entry in self._bucket.entries(prefix, after):
                if self._known.get(entry.key) != entry.etag and _is_ours(entry.key):
                    found[entry.key] = BronzeObject(entry.key, entry.etag, entry.size, entry.modified_at)
        if everything:
            self._reconciled_at = time.monotonic()
        return [found[key] for key in sorted(found)]

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
        self._add_plan(plan)
        self._left = [entry for entry in found if entry not in chosen]
        self.newest = plan.batch_id
        self.pending.append(plan)
        return plan

    def finish(self, result: Result) -> None:
        """Write down what became of a batch. A result that exists already is left as it is: it says the same."""
        self._bucket.create(places.result(self.generation, result.batch_id), result.to_json())
        self._add_result(result)
        self.pending = [plan for plan in self.pending if plan.batch_id != result.batch_id]

    def _prefixes(self) -> Iterator[str]:
        for topic in self._bucket.folders(places.BRONZE_KAFKA):
            for topic_id in self._bucket.folders(topic):
                yield from self._bucket.folders(topic_id)

    def _read_plans(self) -> Iterator[Plan]:
        for entry in self._bucket.entries(places.plans(self.generation)):
            yield Plan.from_json(_present(self._bucket, entry.key))

    def _add_plan(self, plan: Plan) -> None:
        for planned in plan.objects:
            self._known[planned.key] = planned.etag
            prefix = planned.key.rpartition("/")[0] + "/"
            self._last_key[prefix] = max(self._last_key.get(prefix, ""), planned.key)

    def _add_result(self, result: Result) -> None:
        self.results[result.batch_id] = result
        spans(result.objects, self.next_offsets)


def bounded(found: list[BronzeObject], max_rows: int, max_bytes: int) -> Iterator[BronzeObject]:
    """Take objects round-robin over their prefixes, oldest first, until the bounds are reached; one at least.

    Args:
        found: Objects, those of one prefix in order of their keys.
        max_rows: Rows, judged by the distance of first offsets.
        max_bytes: Compressed bytes.
    """
    prefixes: dict[str, list[BronzeObject]] = {}
    for entry in found:
        prefixes.setdefault(entry.key.rpartition("/")[0], []).append(entry)
    rows = size = 0
    marks: set[int] = set()
    queues = [list(zip(queue, [*queue[1:], None], strict=True)) for queue in prefixes.values()]
    for step in range(max((len(queue) for queue in queues), default=0)):
        for queue in queues:
            if step >= len(queue):
                continue
            entry, following = queue[step]
            rows += _rows(entry, following)
            size += entry.size
            # a batch tells objects apart by their marks: one that shares a mark waits for the next batch
            full = rows > max_rows or size > max_bytes or mark(entry.key) in marks
            if full and marks:
                return
            marks.add(mark(entry.key))
            yield entry


def _rows(entry: BronzeObject, following: BronzeObject | None) -> int:
    if following is None:
        return max(1, entry.size // BYTES_PER_ROW)
    return max(1, places.KafkaObject.parse(following.key).first - places.KafkaObject.parse(entry.key).first)


def _is_ours(key: str) -> bool:
    try:
        places.KafkaObject.parse(key)
    except ContractError as fault:
        event("bronze object ignored", level=30, object=key, reason=str(fault))
        return False
    return True


def _present(bucket: Bucket, key: str) -> bytes:
    text = bucket.get(key)
    if text is None:
        raise ContractError(f"object {key} is gone", "a ledger that nobody deletes from", "restore it from a version")
    return text
