"""How a table's rows lie in its files: what that costs a write, and which files are best rewritten together. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

MOST_FILES = 100  # in a piece of work


@dataclass(frozen=True)
class DataFile:
    """A file of a table.

    `low` and `high` bound the column its table is sorted by, None where it has no value; `modified_at` is seconds
    since 1970.
    """

    path: str
    size: int
    rows: int
    low: Any
    high: Any
    modified_at: float

    def overlaps(self, other: "DataFile") -> bool:
        """Whether a key can lie in both; to share an end is no overlap."""
        if self.low is None or other.low is None:
            return False
        return bool(self.low < other.high and other.low < self.high)


def can_hold(low: Any, high: Any, values: Sequence[Any]) -> bool:
    """Whether a file with these bounds, None where they are not known, can hold one of these values, which are sorted.

    Example:
        >>> can_hold(3, 5, [1, 4]), can_hold(2, 3, [1, 4]), can_hold(None, None, [1])
        (True, False, True)
    """
    return low is None or bisect_left(values, low) < bisect_right(values, high)


def cost(files: Iterable[DataFile], target: int) -> int:
    """What a write that changes keys anywhere costs, in rows it reads or rewrites in vain.

    For each pair of files that overlap, the rows of both: a key cannot tell which of them it is in. For a file of more
    than twice the rows it is to have, its rows. And for each file a tenth of what it is to have: opening one costs
    about as much.

    Args:
        files: All files of the table.
        target: Rows a file is to have.

    Example:
        >>> one, two = DataFile("a", 9, 50, 1, 5, 0.0), DataFile("b", 9, 70, 4, 9, 0.0)
        >>> cost([one, two], target=100)
        140
    """
    ordered = sorted(files, key=_place)
    found = len(ordered) * target // 10 + sum(file.rows for file in ordered if file.rows > 2 * target)
    for number, file in enumerate(ordered):
        for other in takewhile(file.overlaps, ordered[number + 1 :]):
            found += file.rows + other.rows
    return found


def choose(files: Iterable[DataFile], *, target: int, most: int, gain: int) -> list[DataFile]:
    """The neighbouring files that are best rewritten together, sorted and in parts of `target` rows.

    Args:
        files: Those that may be rewritten.
        target: Rows a file is to have.
        most: Rows to rewrite at most; a single file may have more.
        gain: How much the cost must fall.

    Returns:
        Files in order of their keys; empty if none are worth it.
    """
    ordered = sorted(files, key=_place)
    best: list[DataFile] = []
    best_gain = 0
    for start in range(len(ordered)):
        end, rows = start, 0
        while end < len(ordered) and end - start < MOST_FILES and (rows := rows + ordered[end].rows) <= most:
            end += 1
        group = ordered[start : max(end, start + 1)]
        found = _gain(group, target)
        if found > best_gain or (found == best_gain and len(group) < len(best)):
            best, best_gain = group, found
    if not best or best_gain < gain:
        return []
    while _gain(best[:-1], target) >= best_gain:
        best = best[:-1]
    return best


def _gain(group: Sequence[DataFile], target: int) -> int:
    rows = sum(file.rows for file in group)
    return cost(group, target) - -(-rows // target) * target // 10


def _place(file: DataFile) -> tuple[Any, ...]:
    return (0,) if file.low is None else (1, file.low, file.high)
