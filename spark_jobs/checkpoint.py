"""The ledger's past, folded: what finished batches come to, and the bronze objects they read as ranges with a digest.

The objects themselves lie in pages in the bucket; a page is read only where bronze no longer agrees with its digest.
"""

import hashlib
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from lakehouse import places
from lakehouse.tables import OUTCOMES
from spark_jobs.coverage import spans
from spark_jobs.plans import Result
from spark_jobs.storage import Bucket, Entry

PAGE_OBJECTS = 5_000
MARK_SECONDS = 3600.0  # apart; tombstones live up to this much longer than they must

Objects = dict[str, str]  # ETag by name within the prefix


@dataclass(frozen=True)
class Page:
    """Bronze objects of one prefix that were read: from which name to which, and where they are listed.

    `digest` is that of the list; `key` is the object in the bucket that holds it.
    """

    low: str
    high: str
    count: int
    digest: str
    key: str


@dataclass(frozen=True)
class Checkpoint:
    """What the batches up to `through` come to.

    Args:
        through: The newest batch folded; 0 for none.
        next_offsets: By topic id and partition, the first offset that none of these batches has read.
        totals: Rows by outcome, and `rows_read`.
        marks: A batch and the latest time at which it, or one between it and the mark before, was planned; oldest
            first.
        pages: By prefix in bronze, in order of their names.
    """

    through: int = 0
    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*OUTCOMES, "rows_read"), 0))
    marks: tuple[tuple[int, float], ...] = ()
    pages: dict[str, tuple[Page, ...]] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The object's text."""
        ends = [[topic_id, partition, end] for (topic_id, partition), end in self.next_offsets.items()]
        return json.dumps({**asdict(self), "next_offsets": ends}, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Checkpoint":
        """Read the object's text."""
        document = json.loads(text)
        return cls(
            document["through"],
            {(topic_id, partition): end for topic_id, partition, end in document["next_offsets"]},
            document["totals"],
            tuple((batch_id, planned_at) for batch_id, planned_at in document["marks"]),
            {prefix: tuple(_page(page) for page in pages) for prefix, pages in document["pages"].items()},
        )


def newest(bucket: Bucket, generation: int) -> Checkpoint:
    """The newest checkpoint of a generation; an empty one if there is none."""
    keys = [entry.key for entry in bucket.entries(places.checkpoints(generation))]
    return Checkpoint.from_json(bucket.present(keys[-1])) if keys else Checkpoint()


def unread(bucket: Bucket, pages: Sequence[Page], entries: Iterable[tuple[str, Entry]]) -> Iterator[list[Entry]]:
    """The objects of a prefix that no page holds, page by page, so that the walk can be broken off and taken up.

    Args:
        bucket: Where the pages lie.
        pages: Those of the prefix.
        entries: Name and object, objects of the prefix in order of their names.
    """
    lows = [page.low for page in pages]
    for number, group in groupby(entries, key=lambda entry: bisect_right(lows, entry[0]) - 1):
        listed = list(group)
        if number < 0:
            yield [entry for _, entry in listed]
            continue
        page = pages[number]
        held = [(name, entry.etag) for name, entry in listed if name <= page.high]
        if digest(held) == page.digest:
            yield [entry for _, entry in listed[len(held) :]]
            continue
        read = _objects(bucket, page)
        yield [entry for name, entry in listed if read.get(name) != entry.etag]


def digest(objects: Iterable[tuple[str, str]]) -> str:
    """The digest of names and ETags in order of the names."""
    found = hashlib.blake2b(digest_size=16)
    for name, etag in objects:
        found.update(f"{name} {etag}\n".encode())
    return found.hexdigest()


def fold(
    bucket: Bucket, generation: int, base: Checkpoint, results: Sequence[Result], *, forget_before: float
) -> Checkpoint:
    """Write the pages of a checkpoint that adds finished batches to another one.

    The same arguments write the same pages; nothing refers to them before the checkpoint itself is in the bucket.

    Args:
        bucket: Where pages lie.
        generation: That of the batches.
        base: The checkpoint before.
        results: Of the batches after it without a gap in what was planned, oldest first; not empty.
        forget_before: Of batches planned before this time (seconds since 1970) only the newest mark is kept.
    """
    next_offsets, totals = dict(base.next_offsets), dict(base.totals)
    read: dict[str, Objects] = defaultdict(dict)
    for result in results:
        spans(result.objects, next_offsets)
        add_up(totals, result)
        for one in result.objects:
            prefix = places.prefix_of(one.key)
            read[prefix][one.key.removeprefix(prefix)] = one.etag
    through = results[-1].batch_id
    writer = _Writer(bucket, generation, through)
    pages = dict(base.pages)
    for prefix in sorted(read):
        pages[prefix] = writer.extend(pages.get(prefix, ()), read[prefix])
    return Checkpoint(through, next_offsets, totals, _marks(base.marks, results, forget_before), pages)


def add_up(totals: dict[str, int], result: Result) -> None:
    """Add a batch's rows by outcome, and `rows_read`, to totals."""
    for name, rows in (*result.outcomes.items(), ("rows_read", result.rows)):
        totals[name] = totals.get(name, 0) + rows


def _marks(
    marks: tuple[tuple[int, float], ...], results: Iterable[Result], forget_before: float
) -> tuple[tuple[int, float], ...]:
    found = list(marks)
    for result in results:
        latest = max(result.planned_at, found[-1][1] if found else result.planned_at)
        if len(found) > 1 and latest - found[-2][1] < MARK_SECONDS:
            found.pop()
        found.append((result.batch_id, latest))
    old = sum(planned_at < forget_before for _, planned_at in found)
    return tuple(found[max(0, old - 1) :])


class _Writer:
    """Writes the pages of one checkpoint."""

    def __init__(self, bucket: Bucket, generation: int, through: int) -> None:
        self._bucket, self._generation, self._through = bucket, generation, through
        self._count = 0

    def extend(self, pages: Sequence[Page], read: Mapping[str, str]) -> tuple[Page, ...]:
        """Put objects where they belong: into the page that spans them, or behind the last one."""
        lows = [page.low for page in pages]
        parts: dict[int, Objects] = defaultdict(dict)
        for name in sorted(read):
            number = max(0, bisect_right(lows, name) - 1)
            if pages and name > pages[-1].high and pages[-1].count >= PAGE_OBJECTS:
                number = len(pages)
            parts[number][name] = read[name]
        found: list[Page] = []
        for number in range(max(len(pages), max(parts) + 1)):
            if number not in parts:
                found.append(pages[number])
                continue
            objects = _objects(self._bucket, pages[number]) if number < len(pages) else {}
            found += self._write(objects | parts[number])
        return tuple(found)

    def _write(self, objects: Objects) -> list[Page]:
        listed = sorted(objects.items())
        # one object more or less does not make another page: a page is split when it has twice its size
        size = len(listed) if len(listed) < 2 * PAGE_OBJECTS else PAGE_OBJECTS
        return [self._page(listed[start : start + size]) for start in range(0, len(listed), size)]

    def _page(self, listed: list[tuple[str, str]]) -> Page:
        key = places.page(self._generation, self._through, self._count)
        self._count += 1
        self._bucket.put(key, json.dumps(dict(listed), separators=(",", ":")).encode())
        return Page(listed[0][0], listed[-1][0], len(listed), digest(listed), key)


def _objects(bucket: Bucket, page: Page) -> Objects:
    return {_name(name): etag for name, etag in json.loads(bucket.present(page.key)).items()}


def _page(document: Mapping[str, Any]) -> Page:
    return Page(**{**document, "low": _name(document["low"]), "high": _name(document["high"])})


def _name(given: str | int) -> str:
    """An object's name; an earlier version wrote Kafka's as their first offsets."""
    return places.key_of("", int(given)) if str(given).isdecimal() else str(given)
