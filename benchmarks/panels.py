"""Panels to measure forecasts on: daily units of the UCI shop's best-selling products, and a made-up shop.

UCI: Online Retail II up to 2010-11-30, Online Retail from then on; lines with a positive quantity and price that are
no cancellation; the products first sold at least 120 days before the first window, of them those with most units
before it; zeros from the first sale on. Its last day, of which the file has but the morning, is left out.
"""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from forecasting.engine.assembly import Layout, assemble
from forecasting.engine.frequency import Frequency
from forecasting.engine.panel import Panel
from generator import dataset

EARLIER = Path(__file__).parent / "data" / "online_retail_ii_2009_2010.parquet"
CHANGE, LAST = date(2010, 12, 1), date(2011, 12, 8)
LEAST_DAYS = 120
DAILY = """
    with lines as (
        select Invoice as invoice, StockCode as item_id, Quantity as units, Price as price, InvoiceDate::date as day
        from read_parquet($earlier) where InvoiceDate < $change
        union all
        select InvoiceNo, StockCode, Quantity, UnitPrice, InvoiceDate::date
        from read_parquet($later) where InvoiceDate::date between $change and $last
    ),
    sold as (select * from lines where units > 0 and price > 0 and invoice not like 'C%'),
    chosen as (
        select item_id from sold group by 1 having min(day) <= $first_window - $least_days::int
        order by sum(units) filter (where day < $first_window) desc, item_id limit $series
    )
    select item_id, day::timestamp as timestamp, sum(units)::double as target_value
    from sold join chosen using (item_id) group by 1, 2
"""
LAYOUT = Layout("item_id", "timestamp", "target_value")


def uci(series: int = 200, horizon: int = 14, windows: int = 3) -> Panel:
    """Daily units of the best-selling products, 738 days.

    Args:
        series: How many products.
        horizon: Of a window.
        windows: How many at the end are held out.
    """
    first_window = LAST + timedelta(days=1 - horizon * windows)
    given = {
        "earlier": str(EARLIER),
        "later": str(dataset.FILE),
        "change": CHANGE,
        "last": LAST,
        "least_days": LEAST_DAYS,
        "first_window": first_window,
        "series": series,
    }
    with duckdb.connect() as connection:
        rows = connection.sql(DAILY, params=given).to_arrow_table()
    return assemble(LAYOUT, Frequency.parse("D"), horizon, target=rows)


def made_up(series: int = 1_000, periods: int = 730, seed: int = 1) -> Panel:
    """Daily counts of a shop: levels between rare and often, weekly and yearly seasons, a trend, days off, bursts."""
    rng = np.random.default_rng(seed)
    days = np.arange(periods)
    level = np.exp(rng.normal(1.5, 1.3, (series, 1)))
    week = np.exp(rng.normal(0, 0.25, (series, 7)))[:, days % 7]
    year = 1 + rng.uniform(0, 0.5, (series, 1)) * np.sin(2 * np.pi * (days / 365.25 + rng.random((series, 1))))
    trend = np.exp(rng.normal(0, 0.4, (series, 1)) * (days / periods - 0.5))
    burst = np.where(rng.random((series, periods)) < 0.02, rng.uniform(2, 6, (series, periods)), 1.0)
    expected = level * week * year * trend * burst
    size = rng.uniform(0.5, 5, (series, 1))
    target = rng.poisson(rng.gamma(size, expected / size)).astype(np.float64)
    target[:, days % 7 == 5] *= rng.random((series, 1)) < 0.9  # some are not sold on Saturdays
    keys = pa.table({"item_id": [f"item_{number:04}" for number in range(series)]})
    return Panel(keys, Frequency.parse("D"), 19_000, target)
