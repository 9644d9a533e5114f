"""The last description of each product, kept exactly while lines come and go.

A few of the newest lines of each product are known, so that the last one is still known after it is gone.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

KEEP = 8  # lines of a product that are known at first; twice as many at most
Line = tuple[int, str, str, int, str]
"""ordered_at [µs], source, order_id, line_no and description of a line: the greatest has the description."""


@dataclass
class _Known:
    """Lines in order: all there are from `since` on, that one among them if it is still there; all for None."""

    lines: list[Line]
    since: Line | None

    def cut(self) -> None:
        del self.lines[:-KEEP]
        self.since = self.lines[0]


class Newest:
    """The newest described lines by product.

    Args:
        lines: By product, all of its lines with a description, or the KEEP greatest.
    """

    def __init__(self, lines: Mapping[str, Sequence[Line]]) -> None:
        self._known: dict[str, _Known] = {}
        self.fill(lines)

    def fill(self, lines: Mapping[str, Sequence[Line]]) -> None:
        """Put what was looked up in the place of what is known of these products."""
        for product, given in lines.items():
            ordered = sorted(given)
            self._known[product] = _Known(ordered, ordered[0] if len(ordered) >= KEEP else None)

    def remove(self, lines: Iterable[tuple[str, Line]]) -> None:
        """Lines go, each with its product."""
        for product, line in lines:
            known = self._known[product].lines if product in self._known else []
            place = bisect_left(known, line)
            if place < len(known) and known[place] == line:
                del known[place]

    def add(self, lines: Iterable[tuple[str, Line]]) -> None:
        """Lines come, each with its product."""
        for product, line in lines:
            known = self._known.setdefault(product, _Known([], None))
            if known.since is None or line >= known.since:
                insort(known.lines, line)
                if len(known.lines) > 2 * KEEP:
                    known.cut()

    def unknown(self) -> list[str]:
        """The products whose newest line is not known any more; `fill` is to tell."""
        return [product for product, known in self._known.items() if known.since and not known.lines]

    def descriptions(self) -> dict[str, str]:
        """By product, the description of its newest line; products without one are left out."""
        return {product: known.lines[-1][-1] for product, known in self._known.items() if known.lines}
