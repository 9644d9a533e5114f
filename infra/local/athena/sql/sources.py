"""The tables that a query reads: which columns of each, and what its conditions let through."""

from dataclasses import dataclass, field, replace
from typing import Any

from infra.local.athena.contract import Range, Relation, Source


@dataclass
class BaseTable:
    """One mention of a table in a query; collects what is needed of it."""

    relation: Relation
    needed: set[str] = field(default_factory=set)
    ranges: dict[str, Range] = field(default_factory=dict)

    def limit(self, column: str, found: Range) -> None:
        """Note one more condition on a column: all of them hold."""
        known = self.ranges.get(column, Range())
        values = found.values if known.values is None else known.values
        if known.values is not None and found.values is not None:
            values = known.values & found.values
        low = _bound(known.low, found.low, greatest=True)
        high = _bound(known.high, found.high, greatest=False)
        self.ranges[column] = replace(known, values=values, low=low, high=high)

    def source(self) -> Source:
        """What the engine is told."""
        names = [c.name for c in self.relation.columns]
        extra = sorted(self.needed - set(names))
        return Source(self.relation, (*(n for n in names if n in self.needed), *extra), dict(self.ranges))


def _bound(known: Any, found: Any, *, greatest: bool) -> Any:
    if known is None or found is None:
        return found if known is None else known
    return max(known, found) if greatest else min(known, found)


@dataclass(frozen=True)
class BaseColumn:
    """A column of a mentioned table."""

    table: BaseTable
    name: str

    def need(self) -> None:
        self.table.needed.add(self.name)
