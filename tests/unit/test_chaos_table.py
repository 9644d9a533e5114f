"""The rounds on the table's way: every fault has its turn, a mark reaches every shard, few rows may be missing."""

import hashlib
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from lakehouse.envelopes import decode
from tests.chaos import rounds
from tests.chaos.table import TableStack, _names, _row, envelope
from tests.chaos.ways import WAYS

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("ingest", sorted(WAYS))
def test_seeds_in_a_row_walk_through_every_fault(ingest: str) -> None:
    faults = WAYS[ingest].faults
    first = [rounds.drawn(seed, faults)[0] for seed in range(len(faults))]
    assert [chosen[0].name for chosen in first] == [fault.name for fault in faults]
    assert len({fault.name for fault in faults}) == len(faults)
    assert all(len(chosen) == 1 for chosen in first if chosen[0].alone)
    assert {len(chosen) for chosen in first} == {1, 2, 3}
    assert rounds.drawn(7, faults)[0] == rounds.drawn(7, faults)[0]


def test_a_mark_has_a_row_in_every_shard_and_is_a_row_of_the_shop() -> None:
    names = list(_names(7))
    hashes = [int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(), 16) for name in names]
    assert [number * 4 // 2**128 for number in hashes] == [0, 1, 2, 3]
    change = decode(envelope(_row(names[0])))
    assert change.line is not None
    assert (change.order_id, change.line.country) == (names[0], "Nowhere")


def rows(*held: tuple[str, bool]) -> pa.Table:
    return pa.Table.from_pylist([{"order_id": name, "line_no": 1, "is_deleted": gone} for name, gone in held])


@pytest.mark.parametrize(
    ("has_gap", "expected"),
    [(False, ["a", "gone", "never seen"]), (True, ["a", "gone"])],
)
def test_a_tombstone_may_be_missing_where_the_stream_was_off_and_nowhere_else(
    has_gap: bool, expected: list[str]
) -> None:
    stack = cast(Any, SimpleNamespace(has_gap=has_gap))
    wanted = rows(("a", False), ("gone", True), ("never seen", True))
    allowed = TableStack.allowed(stack, wanted, rows(("gone", True)))
    assert allowed["order_id"].to_pylist() == expected
