"""gold.forecast_accuracy follows gold: forecasts of days that changed are set beside what gold says of them now.

Which days these are, the step of gold knows; if other commits lie between, gold's change feed does; and if that is
gone, all is computed again. Every commit is right by itself: it puts whole days, as they are now, in the place of what
was there.
"""

import datetime
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.logs import event
from lakehouse.tables import GOLD_FORECAST_ACCURACY, GOLD_SALES_FORECAST, Table
from spark_jobs.arrow import arrow_schema
from spark_jobs.gold import Step
from spark_jobs.stored import Stored
from spark_jobs.transforms.forecast_accuracy import DAY, SOURCES, compute, through

MOST_DATES = 100  # that one commit puts in place
_PART = "accuracy/part"
Days = frozenset[datetime.date]
Period = tuple[datetime.date, datetime.date | None]  # first and last day; none for less than a day


@dataclass
class _Source:
    """What is known of the rows that are held against one table.

    Attributes:
        version: The table's version that they are right for; -1 if that is not known.
        periods: By first and last day of a period, whether its rows have actuals.
    """

    version: int
    periods: dict[Period, bool] = field(default_factory=dict)

    def affected(self, days: Days | None, last: datetime.date | None) -> list[datetime.date]:
        """The first days of the periods in which a day changed, all for None, or that the table reached or left."""
        changed = sorted(days or ())

        def is_affected(first: datetime.date, end: datetime.date | None, was_known: bool) -> bool:
            if end is None:
                return False
            place = bisect_left(changed, first)
            is_changed = days is None or (place < len(changed) and changed[place] <= end)
            return is_changed or was_known != _is_known(end, last)

        return sorted({first for (first, end), known in self.periods.items() if is_affected(first, end, known)})


class Accuracy:
    """The rows of gold.forecast_accuracy.

    Args:
        tables: Where the forecasts and gold lie.
    """

    def __init__(self, tables: Stored) -> None:
        self._tables = tables
        self._sources: dict[str, _Source] | None = None

    def follow(self, step: Step | None = None) -> int:
        """Bring the rows up to gold's newest version.

        Args:
            step: The step of gold that was just done, if one was.

        Returns:
            How many first days of periods were computed again.
        """
        return sum(self._follow(name, source, step) for name, source in self._opened().items())

    def persist(self) -> None:
        """Note in the table how far it has come, where that is further than its last commit says."""
        for name, source in self._opened().items():
            app = self._application(name)
            if source.version > self._tables.transaction(GOLD_FORECAST_ACCURACY, app):
                rows = arrow_schema(GOLD_FORECAST_ACCURACY).empty_table()
                self._tables.append_few(rows, GOLD_FORECAST_ACCURACY, app, source.version, _note(name, source.version))

    def put(self, forecasts: pa.Table, *, app: str, version: int, where: str) -> None:
        """Put the rows of new forecasts in the place of those that `where` selects, in one transaction.

        Args:
            forecasts: Rows of gold.sales_forecast with one source table; gold is followed first.
            app: The transaction's application.
            version: The transaction's version.
            where: Which rows may be there already.
        """
        rows = arrow_schema(GOLD_FORECAST_ACCURACY).empty_table()
        if len(forecasts):
            name = forecasts["source_table"][0].as_py()
            self.follow()
            rows = self._rows(SOURCES[name], forecasts)
            source = self._opened().setdefault(name, _Source(self._tables.version(SOURCES[name])))
            last = self._tables.highest(SOURCES[name], DAY)
            periods = set(zip(rows["forecast_date"].to_pylist(), rows["through_date"].to_pylist(), strict=True))
            source.periods |= {period: _is_known(period[1], last) for period in periods}
        self._tables.overwrite_few(rows, GOLD_FORECAST_ACCURACY, app, version, app, where)

    def _opened(self) -> dict[str, _Source]:
        """By name, the tables that rows are held against."""
        if self._sources is None:
            found: dict[str, _Source] = {}
            for name, period, is_known in self._stored_periods():
                if name not in found:
                    version = self._tables.transaction(GOLD_FORECAST_ACCURACY, self._application(name))
                    found[name] = _Source(version)
                found[name].periods[period] = is_known or found[name].periods.get(period, False)
            self._sources = found
        return self._sources

    def _stored_periods(self) -> Iterator[tuple[str, Period, bool]]:
        """By source, the periods that the table has rows of, and whether those have actuals; some more than once."""
        if self._tables.is_empty(GOLD_FORECAST_ACCURACY):
            return
        columns = ["source_table", "forecast_date", "through_date"]
        rows = self._tables.handle(GOLD_FORECAST_ACCURACY).to_pyarrow_dataset()
        for batch in rows.to_batches(columns=[*columns, "actual"]):
            groups = pa.Table.from_batches([batch]).group_by(columns).aggregate([("actual", "count")])
            for name, first, end, actuals in zip(*(column.to_pylist() for column in groups.columns), strict=True):
                if name in SOURCES:
                    yield name, (first, end), actuals > 0

    def _follow(self, name: str, source: _Source, step: Step | None) -> int:
        table = SOURCES[name]
        version = self._tables.version(table)
        if version == source.version:
            return 0
        last = self._tables.highest(table, DAY)
        dates = source.affected(self._changed(table, source.version, version, step), last)
        chunks = [dates[start : start + MOST_DATES] for start in range(0, len(dates), MOST_DATES)]
        for number, chunk in enumerate(chunks, start=1):
            # the version is reached by the last commit: if it is missing, the others are done again
            app = self._application(name) if number == len(chunks) else _PART
            self._write(name, chunk, app, version)
        source.version = version
        source.periods = {period: _is_known(period[1], last) for period in source.periods}
        return len(dates)

    def _changed(self, table: Table, since: int, version: int, step: Step | None) -> Days | None:
        """The days that changed in a table since a version; None for all."""
        if since < 0 or since > version:
            return None
        if step and step.written.get(table.full_name) == since + 1 == version:
            return step.changed
        days = self._tables.changed(table, DAY, since + 1, version)
        if days is None:
            event("change feed is gone: accuracy is computed anew", level=30, table=table.full_name, since=since)
        return days

    def _write(self, name: str, dates: list[datetime.date], app: str, version: int) -> None:
        tables, columns = self._tables, GOLD_SALES_FORECAST.names
        found, _ = tables.scan(
            GOLD_SALES_FORECAST, tables.version(GOLD_SALES_FORECAST), columns, "forecast_date", dates
        )
        wanted = pa.array(dates, pa.date32())
        parts = [
            batch.filter(pc.and_(pc.equal(batch["source_table"], name), pc.is_in(batch["forecast_date"], wanted)))
            for batch in found
        ]
        rows = self._rows(SOURCES[name], pa.Table.from_batches(parts, found.schema))
        listed = ", ".join(f"DATE '{day.isoformat()}'" for day in dates)
        where = f"source_table = '{name}' AND forecast_date IN ({listed})"
        tables.overwrite_few(rows, GOLD_FORECAST_ACCURACY, app, version, _note(name, version), where)

    def _rows(self, table: Table, forecasts: pa.Table) -> pa.Table:
        """The rows of forecasts, beside the newest version of the table they were made from."""
        pairs = forecasts.select(["forecast_date", "frequency"]).group_by(["forecast_date", "frequency"]).aggregate([])
        days: set[datetime.date] = set()
        for first, frequency in zip(*(column.to_pylist() for column in pairs.columns), strict=True):
            days |= set(_days(first, through(first, frequency)))
        sales, _ = self._tables.scan(table, self._tables.version(table), table.names, DAY, days)
        wanted = pa.array(sorted(days), pa.date32())
        parts = [batch.filter(pc.is_in(batch[DAY], wanted)) for batch in sales]
        last = self._tables.highest(table, DAY)
        return compute(forecasts, pa.Table.from_batches(parts, sales.schema), last).sort_by(
            [("forecast_date", "ascending"), ("forecast_name", "ascending"), ("item_id", "ascending")]
        )

    def _application(self, name: str) -> str:
        """Under which what was held against a table is written; a table made again has another id."""
        return f"accuracy/{self._tables.table_id(SOURCES[name])}"


def _is_known(end: datetime.date | None, last: datetime.date | None) -> bool:
    return last is not None and end is not None and end <= last


def _days(first: datetime.date, end: datetime.date | None) -> Iterator[datetime.date]:
    for number in range((end - first).days + 1 if end else 0):
        yield first + datetime.timedelta(days=number)


def _note(name: str, version: int) -> str:
    return f"{name} version {version}"
