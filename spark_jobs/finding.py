"""Finding bronze objects that no plan has read, without listing all of bronze each time.

Kafka's objects come in the order of their keys, so a look begins after the last one known. Firehose's mostly do; one
that it had to try again appears late under an earlier key, within 48 hours, so those are looked through now and then.
Everything is looked at once an hour, and at first.
"""

import time
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby

from lakehouse import places
from lakehouse.errors import ContractError
from lakehouse.logs import event
from lakehouse.places import KafkaObject
from spark_jobs.checkpoint import Page, unread
from spark_jobs.plans import BronzeObject, ReadObject
from spark_jobs.storage import Bucket, Entry

RECONCILE_SECONDS = 3600.0
LATE_SECONDS = 30.0  # between two looks through what Firehose may have been late with
LATE_DAYS = 2
SLICE_SECONDS = 0.25  # of such a look, or of one at everything, in one look for new objects
TAIL_OBJECTS = 200  # of Firehose's newest, among which a quick look expects new ones
FIREHOSE = (places.BRONZE_DYNAMODB, places.ERRORS)

Pages = Mapping[str, tuple[Page, ...]]


class Finder:
    """Knows which objects are planned, and looks for others.

    Args:
        bucket: Where bronze lies.
        pages: The objects that the checkpoint has, by prefix.
        clock: Seconds since 1970.
    """

    def __init__(self, bucket: Bucket, pages: Pages, clock: Callable[[], float] = time.time) -> None:
        self._bucket, self._pages, self._clock = bucket, pages, clock
        self._known: dict[str, str] = {}
        self._left: list[BronzeObject] = []
        self._reconciled_at = self._late_at = float("-inf")
        self._walk: Iterator[list[Entry]] | None = None
        self._is_whole = False  # the walk is a look at everything
        self._last_key = {prefix: prefix + listed[-1].high for prefix, listed in pages.items()}
        self._tails: dict[str, list[str]] = {root: [] for root in FIREHOSE}
        # what lies below is in a page, or late
        self._floors = {
            root: max((key for prefix, key in self._last_key.items() if prefix.startswith(root)), default="")
            for root in FIREHOSE
        }

    @property
    def reconciling(self) -> bool:
        """Whether a look at everything, or through 48 hours, has begun and not ended."""
        return self._walk is not None

    def remember(self, objects: Iterable[BronzeObject | ReadObject]) -> None:
        """Note objects that are planned or read."""
        for planned in objects:
            is_new = planned.key not in self._known
            self._known[planned.key] = planned.etag
            prefix = places.prefix_of(planned.key)
            self._last_key[prefix] = max(self._last_key.get(prefix, ""), planned.key)
            if is_new:
                self._note_tail(prefix, planned.key)

    def fold(self, pages: Pages, still_known: Iterable[BronzeObject | ReadObject]) -> None:
        """Go on with other pages; what they hold need not be remembered here."""
        tails = {key: self._known[key] for tail in self._tails.values() for key in tail if key in self._known}
        self._pages, self._known = pages, tails
        self.remember(still_known)

    def leave(self, found: Iterable[BronzeObject], taken: Iterable[BronzeObject]) -> None:
        """Keep for the next look what was found and not taken: it may lie where nobody looks for the next hour."""
        gone = {entry.key for entry in taken}
        self._left = [entry for entry in found if entry.key not in gone]

    def find(self) -> list[BronzeObject]:
        """New objects in the order of their keys; see the module."""
        now = time.monotonic()
        if not self._walk and now - self._reconciled_at > RECONCILE_SECONDS:
            self._walk, self._is_whole = self._everything(), True
        elif not self._walk and now - self._late_at > LATE_SECONDS:
            self._walk, self._is_whole = self._late(), False
        found = {entry.key: entry for entry in self._left}
        for prefix in self._kafka_prefixes():
            later = self._bucket.entries(prefix, self._last_key.get(prefix, ""))
            self._add_new(found, (entry for entry in later if _is_ours(entry.key)))
        for root, tail in self._tails.items():
            begin = tail[0] if len(tail) == TAIL_OBJECTS else ""
            self._add_new(found, self._bucket.entries(root, max(begin, self._floors[root])))
        if self._walk:
            self._walk_on(self._walk, found)
        self._left = [found[key] for key in sorted(found)]
        return self._left

    def _everything(self) -> Iterator[list[Entry]]:
        for prefix in [prefix for prefix in self._kafka_prefixes() if prefix in self._last_key]:
            listed = (entry for entry in self._bucket.entries(prefix) if _is_ours(entry.key))
            yield from self._unread(prefix, listed)
        for root in FIREHOSE:
            yield from self._unread_under(root, "")

    def _late(self) -> Iterator[list[Entry]]:
        first = datetime.fromtimestamp(self._clock(), UTC).date() - timedelta(days=LATE_DAYS)
        kinds = [kind for kind in self._bucket.folders(places.ERRORS) if not places.is_dated(kind)]
        for root in (*FIREHOSE, *kinds):
            yield from self._unread_under(root, f"{root}date={first}")

    def _unread_under(self, root: str, after: str) -> Iterator[list[Entry]]:
        every = self._bucket.entries(root, after)
        for prefix, listed in groupby(every, key=lambda entry: places.prefix_of(entry.key)):
            yield from self._unread(prefix, listed)

    def _unread(self, prefix: str, listed: Iterable[Entry]) -> Iterator[list[Entry]]:
        named = ((entry.key.removeprefix(prefix), entry) for entry in listed)
        yield from unread(self._bucket, self._pages.get(prefix, ()), named)

    def _walk_on(self, walk: Iterator[list[Entry]], found: dict[str, BronzeObject]) -> None:
        until = time.monotonic() + SLICE_SECONDS
        self._walk = None  # a walk that fails begins again
        for entries in walk:
            self._add_new(found, entries)
            if time.monotonic() > until:
                self._walk = walk
                return
        self._late_at = time.monotonic()
        if self._is_whole:
            self._reconciled_at = self._late_at

    def _add_new(self, found: dict[str, BronzeObject], entries: Iterable[Entry]) -> None:
        for entry in entries:
            if self._known.get(entry.key) != entry.etag:
                found[entry.key] = BronzeObject(entry.key, entry.etag, entry.size, entry.modified_at)

    def _note_tail(self, prefix: str, key: str) -> None:
        tail = self._tails.get(places.root_of(prefix))
        if tail is not None:
            insort(tail, key)
            del tail[:-TAIL_OBJECTS]

    def _kafka_prefixes(self) -> Iterator[str]:
        for topic in self._bucket.folders(places.BRONZE_KAFKA):
            for topic_id in self._bucket.folders(topic):
                yield from self._bucket.folders(topic_id)


def _is_ours(key: str) -> bool:
    try:
        KafkaObject.parse(key)
    except ContractError as fault:
        event("bronze object ignored", level=30, object=key, reason=str(fault))
        return False
    return True
