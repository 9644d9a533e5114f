"""Everything the report shows, read from the tables once: plain rows, ready to be drawn.

Reads gold for the sales and ops for the machine; it draws nothing and knows no HTML.
"""
# ruff: noqa: S608  (SQL made of our own names and numbers; neither can be a parameter)

import importlib.metadata
import platform
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from infra.local import artifacts, java
from infra.local.daemon import ROOT
from infra.local.lake import Lake
from infra.report.checks import Check, Sent
from infra.report.forecasts import Shown
from lakehouse.settings import Settings
from lakehouse.tables import OUTCOMES

TOP = 12
NEWEST_BATCHES = 20
LAST_DAY = date(2011, 12, 9)
"""The data set's last day; a simulated shop sells after it."""


@dataclass(frozen=True)
class Day:
    """The sales of a day or another span, named by its first day; revenue in pounds."""

    first: date
    orders: int
    units_sold: int
    units_returned: int
    gross: Decimal
    returned: Decimal
    net: Decimal


@dataclass(frozen=True)
class Named:
    """A product or country: units and revenue over all days."""

    key: str
    name: str
    units: int
    gross: Decimal
    returned: Decimal
    net: Decimal


@dataclass(frozen=True)
class Batch:
    """A batch: rows by outcome, and how long after its newest change [seconds] each layer had it; None if unknown."""

    batch_id: int
    rows_read: int
    outcomes: dict[str, int]
    planned_at: datetime
    bronze: float | None
    silver: float | None
    gold: float | None


@dataclass(frozen=True)
class Facts:
    """What the report shows.

    Args:
        days: Each day with sales, in order.
        products: The best by net revenue.
        returned_products: Those with most units returned.
        countries: All, by net revenue.
        batches: Of the generation in force, in order.
        reasons: Why changes were rejected, most frequent first, with how many.
        checks: What was checked.
        sent: What was replayed, to each sink.
        steps: Seconds of each step of the demo, by its name.
        versions: By name of the part.
        made_at: When the report was made, with a time zone.
        forecasts: What comes next.
        missing_forecasts: Why others are not there, a line each.
    """

    days: list[Day]
    products: list[Named]
    returned_products: list[Named]
    countries: list[Named]
    batches: list[Batch]
    reasons: list[tuple[str, int]]
    checks: list[Check]
    sent: Sequence[Sent]
    steps: dict[str, float]
    versions: dict[str, str]
    made_at: datetime
    forecasts: Sequence[Shown] = ()
    missing_forecasts: Sequence[str] = ()

    @property
    def total(self) -> Day:
        """All days in one."""
        return _sum(self.days[0].first, self.days)

    @property
    def weeks(self) -> list[Day]:
        """By week, from Monday; weeks without sales are there, too."""
        return _spans(self.days, lambda day: date.fromordinal(day.toordinal() - day.weekday()), 7)

    @property
    def months(self) -> list[Day]:
        """By calendar month."""
        return _spans(self.days, lambda day: day.replace(day=1), 0)


def read(
    settings: Settings, checks: list[Check], sent: Sequence[Sent], steps: dict[str, float], made_at: datetime
) -> Facts:
    """Read the tables.

    Args:
        settings: The environment.
        checks: What was checked.
        sent: What was replayed, to each sink.
        steps: Seconds by step.
        made_at: Now.
    """
    lake = Lake(settings)
    until = f"sales_date <= DATE '{LAST_DAY}'"
    outcomes = ", ".join(f"sum({name})" for name in OUTCOMES)
    days = _rows(
        lake,
        "SELECT sales_date, CAST(sum(orders) AS BIGINT), CAST(sum(units_sold) AS BIGINT), "
        "CAST(sum(units_returned) AS BIGINT), sum(gross_revenue), "
        f"sum(returned_revenue), sum(net_revenue) FROM gold.daily_sales WHERE {until} GROUP BY 1 ORDER BY 1",
    )
    batches = _rows(
        lake,
        f"SELECT batch_id, sum(rows_read), {outcomes}, min(planned_at), max(bronze_lag_seconds), "
        "max(silver_lag_seconds), max(gold_lag_seconds) FROM ops.batches "
        f"WHERE generation = {sent[0].generation} GROUP BY 1 ORDER BY 1",
    )
    reasons = _rows(lake, "SELECT reason, count(*) FROM silver.rejected GROUP BY 1 ORDER BY 2 DESC, 1")
    return Facts(
        days=[Day(*row) for row in days],
        products=_products(lake, until, "units_sold", "net DESC"),
        returned_products=_products(lake, until, "units_returned", "units DESC"),
        countries=[
            Named(row[0], row[0], int(row[1]), *row[2:])
            for row in _rows(
                lake,
                "SELECT country, sum(units_sold), sum(gross_revenue), sum(returned_revenue), sum(net_revenue) AS net "
                f"FROM gold.daily_sales WHERE {until} GROUP BY 1 ORDER BY net DESC, 1",
            )
        ],
        batches=[
            Batch(
                row[0],
                int(row[1]),
                dict(zip(OUTCOMES, map(int, row[2 : 2 + len(OUTCOMES)]), strict=True)),
                *row[2 + len(OUTCOMES) :],
            )
            for row in batches
        ],
        reasons=[(reason, count) for reason, count in reasons],
        checks=checks,
        sent=sent,
        steps=steps,
        versions=versions(settings),
        made_at=made_at,
    )


def versions(settings: Settings) -> dict[str, str]:
    """The versions of the parts that did the work."""
    packages = {
        "Spark": "pyspark",
        "Delta Lake": "delta-spark",
        "MiniStack": "ministack",
        "DuckDB": "duckdb",
        "delta-rs": "deltalake",
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    broker = next(jar.coordinates for jar in artifacts.jars("kafka") if ":kafka_" in jar.coordinates)
    return {
        "saleslake": project["version"],
        "Kafka": broker.rpartition(":")[2],
        **{name: importlib.metadata.version(package) for name, package in packages.items()},
        "Java": str(java.find_java(settings).major),
        "Python": platform.python_version(),
    }


def _products(lake: Lake, until: str, units: str, order: str) -> list[Named]:
    rows = _rows(
        lake,
        f"SELECT product_id, coalesce(arg_max(description, sales_date), product_id), sum({units}) AS units, "
        "sum(gross_revenue), sum(returned_revenue), sum(net_revenue) AS net "
        f"FROM gold.daily_product_sales WHERE {until} GROUP BY 1 ORDER BY {order}, 1 LIMIT {TOP}",
    )
    return [Named(row[0], row[1], int(row[2]), *row[3:]) for row in rows]


def _spans(days: list[Day], start: Callable[[date], date], step_days: int) -> list[Day]:
    """The days summed by the span they lie in; with a step, spans without sales are filled in."""
    found: dict[date, list[Day]] = {}
    for day in days:
        found.setdefault(start(day.first), []).append(day)
    if step_days:
        first, last = min(found).toordinal(), max(found).toordinal()
        for ordinal in range(first, last, step_days):
            found.setdefault(date.fromordinal(ordinal), [])
    return [_sum(first, found[first]) for first in sorted(found)]


def _sum(first: date, days: list[Day]) -> Day:
    measures = [[getattr(day, name) for day in days] for name in list(Day.__dataclass_fields__)[1:]]
    return Day(first, *(sum(values) for values in measures))


def _rows(lake: Lake, sql: str) -> list[tuple[Any, ...]]:
    found = lake.query(sql).read_all()
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))
