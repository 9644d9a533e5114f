"""The SELECTs whose rows are imported, for Athena. Every name in them is checked here and quoted; texts are none.

A query of a definition is text of its author, who could as well ask Athena directly; nothing else reaches the SQL.
"""

import re

from forecasting.definitions.definition import Definition, Series
from lakehouse.errors import ContractError

ITEM, TIMESTAMP, TARGET = "item_id", "timestamp", "target_value"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,127}")
_TABLE = re.compile(r"[a-z]+\.[a-z][a-z0-9_]*")
_PREFIX = re.compile(r"[a-z0-9_]*")
_DATES = ("D", "W", "M", "Y")
_PERIODS = {"W": "week", "M": "month", "Y": "year", "H": "hour"}


def target(definition: Definition, prefix: str = "") -> str:
    """Rows of the target: item, dimensions, moment and value, one per series and moment.

    Args:
        definition: Whose.
        prefix: Put before the names of databases.
    """
    source = _source(definition.table, definition.query, prefix)
    item, time, value = _name(definition.item), _name(definition.time), _name(definition.target)
    kept = f"{item} IS NOT NULL AND {time} IS NOT NULL AND {value} IS NOT NULL"
    if definition.top:
        rank = f"HAVING count(DISTINCT {time}) >= {int(definition.top_days)} "
        rank += f"ORDER BY sum({_name(definition.top_by)}) DESC, {item} LIMIT {int(definition.top)}"
        best = f"SELECT {item} FROM {source} WHERE {item} IS NOT NULL GROUP BY {item} {rank}"  # noqa: S608
        kept += f" AND {item} IN ({best})"
    total = f"CAST({definition.filling.get('aggregation', 'sum')}({value}) AS double)"
    moment = _moment(time, definition.frequency, is_period=definition.is_log)
    # The logarithm of a sum is no sum of logarithms: rows are brought to the period before, and none is below 0.
    shown = f"ln(1 + greatest({total}, 0))" if definition.is_log else total
    series = [item, *(_name(column) for column in definition.dimensions)]
    columns = [f"CAST({column} AS varchar)" for column in series]
    names = [ITEM, *definition.dimensions]
    selected = ", ".join(f"{column} AS {_name(name)}" for column, name in zip(columns, names, strict=True))
    groups = ", ".join([*columns, moment])
    selected += f", {moment} AS {_name(TIMESTAMP)}, {shown} AS {_name(TARGET)}"
    return f"SELECT {selected} FROM {source} WHERE {kept} GROUP BY {groups}"  # noqa: S608  (names are checked)


def facts(definition: Definition, prefix: str = "") -> str:
    """One row: how many rows the target has, the first moment and the last."""
    span = f"min({_name(TIMESTAMP)}), max({_name(TIMESTAMP)})"
    return f"SELECT count(*), {span} FROM ({target(definition, prefix)})"  # noqa: S608  (names are checked)


def related(definition: Definition, series: Series, prefix: str = "") -> str:
    """Rows of related series: item, moment and one column each."""
    item, time = _name(series.item), _name(series.time)
    columns = ", ".join(f"CAST({_name(column)} AS double) AS {_name(column)}" for column in series.columns)
    moment = f"{_moment(time, definition.frequency)} AS {_name(TIMESTAMP)}"
    selected = f"CAST({item} AS varchar) AS {_name(ITEM)}, {moment}, {columns}"
    source, kept = _source(series.table, series.query, prefix), f"{item} IS NOT NULL AND {time} IS NOT NULL"
    return f"SELECT {selected} FROM {source} WHERE {kept}"  # noqa: S608  (names are checked)


def metadata(series: Series, prefix: str = "") -> str:
    """Rows of metadata: one per item, of several values the greatest."""
    item = _name(series.item)
    columns = ", ".join(f"max(CAST({_name(column)} AS varchar)) AS {_name(column)}" for column in series.columns)
    text, source = f"CAST({item} AS varchar)", _source(series.table, series.query, prefix)
    selected = f"{text} AS {_name(ITEM)}, {columns}"
    return f"SELECT {selected} FROM {source} WHERE {item} IS NOT NULL GROUP BY {text}"  # noqa: S608  (names are checked)


def unload(select: str, location: str) -> str:
    """Write the rows of a SELECT as Parquet: its texts need no quotes, and it knows null."""
    if not re.fullmatch(r"s3://[A-Za-z0-9._/=-]+/", location):
        raise ContractError(f"UNLOAD to {location}", "a prefix of a bucket that ends with /")
    return f"UNLOAD ({select}) TO '{location}' WITH (format = 'PARQUET', compression = 'SNAPPY')"


def timestamp_format(frequency: str) -> str:
    """How the API is told that moments are written."""
    return "yyyy-MM-dd" if frequency in _DATES else "yyyy-MM-dd HH:mm:ss"


def _moment(time: str, frequency: str, *, is_period: bool = False) -> str:
    moment = f"CAST({time} AS timestamp)"
    if is_period and frequency in _PERIODS:
        moment = f"date_trunc('{_PERIODS[frequency]}', {moment})"
    elif is_period and frequency.endswith("min"):
        minutes = int(frequency.removesuffix("min"))
        moment = f"date_add('minute', -(minute({moment}) % {minutes}), date_trunc('minute', {moment}))"
    pattern = "%Y-%m-%d" if frequency in _DATES else "%Y-%m-%d %H:%i:%s"
    return f"date_format({moment}, '{pattern}')"


def _source(table: str, query: str, prefix: str) -> str:
    if query:
        return f"({query})"
    if not _TABLE.fullmatch(table) or not _PREFIX.fullmatch(prefix):
        raise ContractError(f"table {prefix}{table}", "database.table in small letters, digits and _")
    database, _, name = table.partition(".")
    return f'"{prefix}{database}"."{name}"'


def _name(column: str) -> str:
    if not _NAME.fullmatch(column):
        raise ContractError(f"column {column!r}", f"a name that matches {_NAME.pattern}")
    return f'"{column}"'
