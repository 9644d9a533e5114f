"""Forecasts beside what came: rows of gold.forecast_accuracy from gold.sales_forecast and its source table. Pure.

The definition stands at gold.forecast_accuracy in lakehouse/tables.py; `recompute.accuracy` is the same the slow way.
"""

import datetime
import re
from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lakehouse.errors import ContractError
from lakehouse.tables import GOLD_DAILY_PRODUCT_SALES, GOLD_DAILY_SALES, GOLD_FORECAST_ACCURACY, Table
from spark_jobs.arrow import arrow_schema

SOURCES: Mapping[str, Table] = {table.full_name: table for table in (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES)}
DAY = "sales_date"  # of every source
_FREQUENCY = re.compile(r"([1-9]\d?)?(Y|M|W|D|H|min)")
_SHOWN = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


def through(first: datetime.date, frequency: str) -> datetime.date | None:
    """The last day of the period that begins on a day; None for a period of less than a day.

    Example:
        >>> through(datetime.date(2012, 2, 1), "M"), through(datetime.date(2012, 2, 1), "2W")
        (datetime.date(2012, 2, 29), datetime.date(2012, 2, 14))

    Raises:
        ContractError: It is no frequency of Amazon Forecast's.
    """
    found = _FREQUENCY.fullmatch(frequency)
    if not found:
        raise ContractError(f"frequency {frequency!r}", "a number or none and Y, M, W, D, H or min: D, 2W, 15min")
    count, unit = int(found[1] or 1), found[2]
    if unit in ("H", "min"):
        return None
    if unit in ("D", "W"):
        return first + datetime.timedelta(days=count * (7 if unit == "W" else 1) - 1)
    years, month = divmod(first.month - 1 + count * (12 if unit == "Y" else 1), 12)
    try:
        following = first.replace(year=first.year + years, month=month + 1)
    except ValueError:  # the 31st: the period ends with the month before the one after
        following = datetime.date(first.year + years, month + 1, 28) + datetime.timedelta(days=4)
        following = following.replace(day=1)
    return following - datetime.timedelta(days=1)


def compute(forecasts: pa.Table, sales: pa.Table, last: datetime.date | None) -> pa.Table:
    """The rows of gold.forecast_accuracy, one per forecast.

    Args:
        forecasts: Rows of gold.sales_forecast of one source table.
        sales: The source's rows of all days of these periods; others do no harm.
        last: The source's last day; None if it has none.
    """
    first_days = zip(forecasts["forecast_date"].to_pylist(), forecasts["frequency"].to_pylist(), strict=True)
    lasts = [through(first, frequency) for first, frequency in first_days]
    is_known = np.array([bool(last and day and day <= last) for day in lasts], bool)
    through_date = pa.array(lasts, pa.date32())
    actual = np.where(is_known, _actuals(forecasts.append_column("through_date", through_date), sales), np.nan)
    values = {name: forecasts[name].to_numpy() for name in ("mean", *_SHOWN)}
    shown = {f"{name}_loss": _numbers(_loss(level, actual, values[name])) for name, level in _SHOWN.items()}
    forecast = np.where(np.isnan(values["p50"]), values["mean"], values["p50"])
    made: dict[str, Any] = {
        "through_date": through_date,
        "forecast": _numbers(forecast),
        "actual": _numbers(actual),
        "absolute_error": _numbers(np.abs(actual - forecast)),
        "losses": _losses(forecasts["quantiles"], actual),
        **shown,
    }
    schema = arrow_schema(GOLD_FORECAST_ACCURACY)
    return pa.table([made.get(name, forecasts[name] if name not in made else None) for name in schema.names], schema)


def _actuals(forecasts: pa.Table, sales: pa.Table) -> NDArray[np.float64]:
    """What each forecast's series sold in its period; NaN where one of its days is beyond what a number holds."""
    found = np.zeros(len(forecasts))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        numbered = forecasts.append_column("number", pa.array(range(len(forecasts)), pa.int64()))
        connection.register("given", numbered)
        connection.register("sales", sales)
        connection.execute("CREATE TEMP TABLE forecasts AS SELECT *, map_keys(dimensions) AS names FROM given")
        kinds = connection.execute("SELECT DISTINCT item_column, target_column, names FROM forecasts").fetchall()
        for item, target, names in kinds:
            series = [_quoted(item), *map(_quoted, names)]
            columns = ", ".join(f"{column}::VARCHAR AS s{place}" for place, column in enumerate(series))
            same = " AND ".join(f"s{place} = dimensions[{_literal(name)}]" for place, name in enumerate(names, start=1))
            value = _quoted(target)
            rows = connection.sql(
                f"""
                SELECT number, CASE WHEN bool_and(is_whole) THEN sum(sold)::DOUBLE END AS sold
                FROM forecasts JOIN (
                    SELECT {columns}, {DAY}, sum({value}) AS sold, bool_and({value} IS NOT NULL) AS is_whole
                    FROM sales GROUP BY ALL
                ) ON s0 = item_id AND {DAY} BETWEEN forecast_date AND through_date {"AND " + same if same else ""}
                WHERE item_column = ? AND target_column = ? AND names = ?
                GROUP BY number
                """,  # noqa: S608 (names are quoted)
                params=[item, target, names],
            ).to_arrow_table()
            np.put(found, rows["number"].to_numpy(), rows["sold"].to_numpy())
    return found


def _losses(quantiles: pa.ChunkedArray, actual: NDArray[np.float64]) -> pa.Array:
    """Of each map of quantiles, the map of their pinball losses; null where there is no actual."""
    maps = pa.concat_arrays(quantiles.chunks) if quantiles.num_chunks else pa.array([], quantiles.type)
    maps = maps.take(pa.array(range(len(maps)), pa.int64()))  # one that is no slice of another
    counts = np.diff(maps.offsets.to_numpy())
    levels = pc.cast(maps.keys, pa.float64()).to_numpy()
    losses = _numbers(_loss(levels, np.repeat(actual, counts), maps.items.to_numpy(zero_copy_only=False)))
    return pa.MapArray.from_arrays(maps.offsets, maps.keys, losses, mask=pa.array(np.isnan(actual)))


def _loss(
    level: float | NDArray[np.float64], actual: NDArray[np.float64], value: NDArray[np.float64]
) -> NDArray[np.float64]:
    above = actual - value
    return np.where(above >= 0, level * above, (level - 1) * above)


def _numbers(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
