"""Which Kafka offsets have been read: the end of each partition, what was skipped and what came twice. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lakehouse.places import DYNAMODB, KafkaObject, source_of
from spark_jobs.plans import ReadObject


@dataclass
class Span:
    """What a batch read of one topic id and partition."""

    objects: list[ReadObject] = field(default_factory=list)
    first: int | None = None
    last: int | None = None
    gaps: int = 0
    overlaps: int = 0


Where = tuple[str, int] | tuple[None, None]
"""A topic id and partition; Nones for DynamoDB, whose records have no offsets."""


def label(where: Where) -> str:
    """A place in a word: the partition, or dynamodb."""
    return DYNAMODB if where[1] is None else str(where[1])


def spans(objects: Iterable[ReadObject], next_offsets: dict[tuple[str, int], int]) -> dict[Where, Span]:
    """Sort a batch's objects by topic id and partition and count gaps and overlaps; those of DynamoDB have none.

    Args:
        objects: The objects of one batch; those without a readable offset count for their rows alone.
        next_offsets: By topic id and partition, the first offset not read yet; updated in place.

    Returns:
        One span per topic id and partition, and one for DynamoDB.

    Example:
        >>> read = [ReadObject("bronze/order_lines/kafka/t/id/partition=0/00000000000000000005.jsonl.gz", "e", "read",
        ...                    rows=3, first=5, last=7)]
        >>> ends = {("id", 0): 3}
        >>> span = spans(read, ends)["id", 0]
        >>> span.gaps, span.overlaps, ends
        (2, 0, {('id', 0): 8})
    """
    found: dict[Where, Span] = {}
    for read in sorted(objects, key=lambda read: read.key):
        if source_of(read.key) == DYNAMODB:
            found.setdefault((None, None), Span()).objects.append(read)
            continue
        place = KafkaObject.parse(read.key)
        where = place.topic_id, place.partition
        span = found.setdefault(where, Span())
        span.objects.append(read)
        if read.first is None or read.last is None:
            continue
        expected = next_offsets.get(where, 0)
        span.gaps += max(0, read.first - expected) + max(0, read.last - read.first + 1 - read.rows)
        span.overlaps += max(0, min(read.last + 1, expected) - read.first)
        span.first = read.first if span.first is None else min(span.first, read.first)
        span.last = read.last if span.last is None else max(span.last, read.last)
        next_offsets[where] = max(expected, read.last + 1)
    return found
