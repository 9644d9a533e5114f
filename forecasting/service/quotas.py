"""The quotas of Amazon Forecast, and how a setting raises them.

FORECAST_QUOTAS is `name=number` with commas. The numbers are AWS's; those of what-if resources are not published where
we could read them and follow their neighbours.
"""

import difflib
from collections.abc import Mapping

from lakehouse.errors import ConfigError

DEFAULTS: Mapping[str, int] = {
    "datasets": 1500,
    "dataset_groups": 500,
    "imports": 1000,
    "predictors": 500,
    "backtest_exports": 1000,
    "forecasts": 10,
    "forecast_exports": 1000,
    "what_if_analyses": 500,
    "what_if_forecasts": 500,
    "what_if_exports": 1000,
    "imports_at_once": 3,
    "predictors_at_once": 3,
    "automl_predictors_at_once": 3,
    "auto_predictors_at_once": 3,
    "backtest_exports_at_once": 3,
    "forecasts_at_once": 3,
    "forecast_exports_at_once": 3,
    "what_if_analyses_at_once": 3,
    "what_if_forecasts_at_once": 3,
    "what_if_exports_at_once": 3,
    "stops_at_once": 3,
    "tags": 50,
    "queryable_forecasts": 10,
    "queryable_days": 30,
}


def parse(text: str) -> dict[str, int]:
    """Every quota, with those that a setting names changed.

    Example:
        >>> parse("forecasts=100")["forecasts"], parse("")["forecasts"]
        (100, 10)

    Raises:
        ConfigError: An unknown name, or no whole number of at least 1.
    """
    found = dict(DEFAULTS)
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name not in DEFAULTS:
            near = difflib.get_close_matches(name, DEFAULTS, n=1)
            expected = f"{near[0]}=…" if near else f"one of {', '.join(DEFAULTS)}"
            raise ConfigError(f"FORECAST_QUOTAS: unknown quota {name!r}", expected, "correct it in .env")
        if not (number.isascii() and number.isdigit() and int(number) >= 1):
            raise ConfigError(f"FORECAST_QUOTAS: {part!r}", "a whole number of at least 1", "correct it in .env")
        found[name] = int(number)
    return found
