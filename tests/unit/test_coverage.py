"""Offsets: gaps, overlaps and where each partition is continued."""

import pytest

from lakehouse.places import KafkaObject
from spark_jobs.coverage import spans
from spark_jobs.plans import ReadObject

pytestmark = pytest.mark.unit


def read(first: int, last: int | None, rows: int | None = None, partition: int = 0, topic_id: str = "id") -> ReadObject:
    count = rows if rows is not None else 0 if last is None else last - first + 1
    key = KafkaObject("t", topic_id, partition, first).key
    return ReadObject(key, "e", "read", count, None if last is None else first, last)


@pytest.mark.parametrize(
    ("start", "objects", "gaps", "overlaps", "end"),
    [
        (0, [read(0, 4), read(5, 9)], 0, 0, 10),
        (0, [read(5, 9), read(0, 4)], 0, 0, 10),  # the order of reading does not matter
        (3, [read(5, 9)], 2, 0, 10),
        (0, [read(0, 4), read(7, 9)], 2, 0, 10),
        (0, [read(0, 9, rows=7)], 3, 0, 10),  # within: compaction, transactions, a damaged object
        (0, [read(0, 9), read(4, 12)], 0, 6, 13),
        (20, [read(4, 12)], 0, 9, 20),
        (0, [read(0, 9), read(2, 5)], 0, 4, 10),
        (7, [read(7, None)], 0, 0, 7),
    ],
)
def test_gaps_and_overlaps(start: int, objects: list[ReadObject], gaps: int, overlaps: int, end: int) -> None:
    ends = {("id", 0): start}
    span = spans(objects, ends)["id", 0]
    assert (span.gaps, span.overlaps, ends["id", 0]) == (gaps, overlaps, end)
    assert len(span.objects) == len(objects)


def test_a_recreated_topic_begins_again() -> None:
    ends = {("old", 0): 100}
    found = spans([read(0, 4, topic_id="new"), read(0, 2, partition=1, topic_id="new")], ends)
    assert {where: (span.gaps, span.overlaps) for where, span in found.items()} == {
        ("new", 0): (0, 0),
        ("new", 1): (0, 0),
    }
    assert ends == {("old", 0): 100, ("new", 0): 5, ("new", 1): 3}
