"""What lies between the layers, as the bucket itself shows it: bronze that nobody read, batches that are not finished.

Lists only, and asks no driver: it tells the truth of a driver that hangs, too.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lakehouse import places
from lakehouse.errors import ContractError
from lakehouse.progress import Progress

PAGE = 1000  # of objects listed of each partition: beyond it, the backlog is said to be larger


@dataclass(frozen=True)
class Unread:
    """Bronze objects of a partition that no finished batch has read; `is_more` says that there are others still."""

    objects: int = 0
    bytes: int = 0
    oldest_at: float | None = None
    is_more: bool = False

    @classmethod
    def total(cls, several: "list[Unread]") -> "Unread":
        """All of them together."""
        return cls(
            sum(one.objects for one in several),
            sum(one.bytes for one in several),
            min((one.oldest_at for one in several if one.oldest_at), default=None),
            any(one.is_more for one in several),
        )


@dataclass(frozen=True)
class Backlog:
    """What has not come through.

    Args:
        unread: By topic id and partition; what came by DynamoDB stands under that name, its partition is None.
        begun: Batches that were planned and are not in silver, with the time of their plan.
        not_in_gold: Batches that are in silver and not in gold, with the time of their result.
    """

    unread: dict[tuple[str, int | None], Unread] = field(default_factory=dict)
    begun: dict[int, float] = field(default_factory=dict)
    not_in_gold: dict[int, float] = field(default_factory=dict)


def look(s3: Any, bucket: str, progress: Progress) -> Backlog:
    """List what lies beyond the progress, a page of each prefix at most.

    Args:
        s3: A client.
        bucket: The bucket.
        progress: How far gold has come.
    """
    unread: dict[tuple[str, int | None], Unread] = {}
    for prefix in _prefixes(s3, bucket):
        try:
            place = places.KafkaObject.parse(f"{prefix}{0:020d}.jsonl.gz")
        except ContractError:
            continue  # the driver leaves it out, too, and says so
        reached = progress.next_offsets.get(place.topic_id, {}).get(str(place.partition), 0)
        after = places.KafkaObject(place.topic, place.topic_id, place.partition, reached - 1).key if reached else prefix
        unread[place.topic_id, place.partition] = _unread(*_page(s3, bucket, prefix, after))
    # what Firehose is late with, below the last key, is not told: the driver finds it within half a minute
    hoses = [
        _unread(*_page(s3, bucket, root, progress.firehose_ends.get(root, root)))
        for root in (places.BRONZE_DYNAMODB, places.ERRORS)
    ]
    if progress.firehose_ends or any(one.objects for one in hoses):
        unread[places.DYNAMODB, None] = Unread.total(hoses)
    generation, batch = progress.generation, progress.batch_id
    results, _ = _page(s3, bucket, places.results(generation), places.result(generation, batch))
    plans, _ = _page(s3, bucket, places.plans(generation), places.plan(generation, batch))
    finished, begun = _by_batch(results), _by_batch(plans)
    return Backlog(unread, {number: at for number, at in begun.items() if number not in finished}, finished)


def _unread(found: list[dict[str, Any]], is_more: bool) -> Unread:
    oldest = min((entry["LastModified"].timestamp() for entry in found), default=None)
    return Unread(len(found), sum(entry["Size"] for entry in found), oldest, is_more)


def _prefixes(s3: Any, bucket: str) -> Iterator[str]:
    """The prefix of each topic, topic id and partition."""
    folders = [places.BRONZE_KAFKA]
    for _ in range(3):
        answers = [s3.list_objects_v2(Bucket=bucket, Prefix=folder, Delimiter="/") for folder in folders]
        found = itertools.chain.from_iterable(answer.get("CommonPrefixes", ()) for answer in answers)
        folders = [entry["Prefix"] for entry in found]
    yield from folders


def _page(s3: Any, bucket: str, prefix: str, after: str) -> tuple[list[dict[str, Any]], bool]:
    answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after, MaxKeys=PAGE)
    return answer.get("Contents", []), answer.get("IsTruncated", False)


def _by_batch(entries: list[dict[str, Any]]) -> dict[int, float]:
    return {
        int(entry["Key"].rpartition("/")[2].removesuffix(".json")): entry["LastModified"].timestamp()
        for entry in entries
    }
