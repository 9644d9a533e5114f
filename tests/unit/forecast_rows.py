"""Rows of the forecast tables of which only what matters need be said."""

import datetime
from typing import Any

UTC = datetime.UTC
MADE_AT = datetime.datetime(2011, 1, 1, tzinfo=UTC)


def forecast_row(item: str = "UK", day: str = "2011-01-02", **fields: Any) -> dict[str, Any]:
    """A row of gold.sales_forecast."""
    at = datetime.datetime.fromisoformat(day).replace(tzinfo=UTC)
    return {
        "forecast_name": "revenue",
        "run_id": "1",
        "item_id": item,
        "dimensions": [],
        "forecast_at": at,
        "forecast_date": at.date(),
        "mean": None,
        "p10": 1.0,
        "p50": 2.0,
        "p90": 4.0,
        "quantiles": [("0.1", 1.0), ("0.5", 2.0), ("0.9", 4.0)],
        "predictor": "NPTS",
        "made_at": MADE_AT,
        "source_table": "gold.daily_sales",
        "item_column": "country",
        "target_column": "net_revenue",
        "frequency": "D",
        **fields,
    }
