"""How much of what waits goes into the next batch. Pure."""

from collections.abc import Iterator

from lakehouse import places
from lakehouse.places import KafkaObject
from spark_jobs.bronze import mark
from spark_jobs.plans import BronzeObject

BYTES_PER_ROW = 50  # of a gzipped bronze line; only for the guess how many rows the last object of a prefix has


def bounded(found: list[BronzeObject], max_rows: int, max_bytes: int) -> Iterator[BronzeObject]:
    """Take objects round-robin over their prefixes, oldest first, until the bounds are reached; one at least.

    Firehose's days are one after the other, and what it gave up is a prefix like another.

    Args:
        found: Objects of one source, those of one prefix in order of their keys.
        max_rows: Rows, judged by the distance of first offsets, or else by the size.
        max_bytes: Compressed bytes.
    """
    prefixes: dict[str, list[BronzeObject]] = {}
    for entry in found:
        root = places.root_of(entry.key)
        prefixes.setdefault(places.prefix_of(entry.key) if root == places.BRONZE_KAFKA else root, []).append(entry)
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
    if following is None or entry.source != places.KAFKA:
        return max(1, entry.size // BYTES_PER_ROW)
    return max(1, KafkaObject.parse(following.key).first - KafkaObject.parse(entry.key).first)
