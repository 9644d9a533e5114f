"""The days whose sales are kept from one step of gold to the next, so that a step reads what changed and not the day.

A shop's changes are of today, and today grows. What is kept is only a saving: it follows silver's change feed, and
where there is any doubt it is dropped and the day is read.
"""

import datetime
from collections.abc import Mapping, Set

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.logs import event
from lakehouse.tables import SILVER_ORDER_LINES, Table
from spark_jobs.stored import Stored
from spark_jobs.transforms import feed, gold_few
from spark_jobs.transforms.day import UNCHANGED, Day, Read

MOST_DAYS = 2  # around midnight two days change
LEAST_LINES = 100_000  # in a day's files, half of them its own: fewer are read as quickly as followed
MOST_LINES = 30_000_000  # that are read to begin with
MOST_CHANGES = 200_000  # that are followed in a step
MOST_PAIRS = 5_000_000  # of a day, 60 MB
_FEED = (*gold_few.COLUMNS, feed.VERSION, feed.TYPE)
_KEY = list(SILVER_ORDER_LINES.key)


class Kept:
    """The days that one driver keeps."""

    def __init__(self) -> None:
        self._days: dict[datetime.date, Day] = {}
        self._app, self._version = "", -1
        self._last: Set[datetime.date] = frozenset()
        self._refused: dict[datetime.date, int] = {}  # lines of the files of days not worth it; until they are twice

    def sales(
        self, tables: Stored, app: str, versions: range, days: Set[datetime.date]
    ) -> Mapping[datetime.date, Mapping[Table, pa.Table]]:
        """The rows of both gold tables for those of the days that are kept.

        Args:
            tables: Where silver lies.
            app: The name under which gold is written: another one is of another silver.
            versions: From the version of silver that gold shows to the one that it is to show.
            days: All days that changed from the one to the other.
        """
        is_known = app == self._app and self._version in versions
        before, self._days = self._days if is_known else {}, {}  # a move that fails on the way is never taken for done
        self._days = _followed(before, tables, self._version, versions[-1], days)
        self._app, self._version = app, versions[-1]
        self._begin(tables, versions[-1], days)
        self._last = days or self._last
        return {day: self._days[day].tables() for day in sorted(days & self._days.keys())}

    def _begin(self, tables: Stored, version: int, days: Set[datetime.date]) -> None:
        """Keep the newest days, if they change for the second time in a row and have many lines."""
        for day in sorted((days & self._last) - self._days.keys())[-MOST_DAYS:]:
            idle = sorted(self._days.keys() - days)
            if len(self._days) >= MOST_DAYS and not idle:
                return
            _, lines = tables.scan(SILVER_ORDER_LINES, version, gold_few.COLUMNS, "sales_date", {day})
            if not max(LEAST_LINES, 2 * self._refused.get(day, 0)) <= lines <= MOST_LINES:
                continue
            found = Day(day, _reader(tables, version, day))
            self._refused[day] = lines
            if found.lines < LEAST_LINES // 2 or len(found) > MOST_PAIRS:
                continue
            del self._refused[day]
            if len(self._days) >= MOST_DAYS:
                del self._days[idle[0]]
            self._days[day] = found
            event("day is kept", day=day.isoformat(), lines=found.lines, pairs=len(found))


def _followed(
    kept: Mapping[datetime.date, Day], tables: Stored, since: int, version: int, days: Set[datetime.date]
) -> dict[datetime.date, Day]:
    """The days as of a version, without those that cannot be followed to it."""
    found = {day: one for day, one in kept.items() if day not in days or since == version}
    moved = kept.keys() - found.keys()
    rows = tables.feed(SILVER_ORDER_LINES, _FEED, since + 1, version, MOST_CHANGES) if moved else None
    if rows is None:
        return found
    gone, come = feed.net(rows, SILVER_ORDER_LINES)
    others = _others(tables, version, gone, come)
    for day in moved:
        if kept[day].move(gone, come, others, _reader(tables, version, day)) and len(kept[day]) <= MOST_PAIRS:
            found[day] = kept[day]
        else:
            event("day is not kept any more", level=30, day=day.isoformat(), pairs=len(kept[day]))
    return found


def _others(tables: Stored, version: int, gone: pa.Table, come: pa.Table) -> pa.Table:
    """The lines that did not change of those orders that did."""
    orders = pc.unique(pa.chunked_array([*gone["order_id"].chunks, *come["order_id"].chunks], pa.string()))
    lines = tables.rows(SILVER_ORDER_LINES, version, UNCHANGED, "order_id", orders)
    return lines.join(come.select(_KEY), _KEY, join_type="left anti")


def _reader(tables: Stored, version: int, day: datetime.date) -> Read:
    return lambda: tables.scan(SILVER_ORDER_LINES, version, gold_few.COLUMNS, "sales_date", {day})[0]
