"""What a query reads of one table: files with the values of their partitions, and how they are to be read.

Owns pruning, the decision that a partition or file cannot match; it opens no file.
"""

import datetime as dt
import decimal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local.athena.contract import Column, Range
from infra.local.athena.tables import types

# What Hive writes where the value of a partition is NULL.
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class File:
    """An object of a table.

    Args:
        bucket: Its bucket.
        key: Its key.
        size: In bytes.
        partition: Texts of its partition's values, in the order of the table's partitions; None for NULL.
    """

    bucket: str
    key: str
    size: int
    partition: tuple[str | None, ...] = ()

    @property
    def url(self) -> str:
        """What `"$path"` says."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Scan:
    """What is to be read for a source.

    Args:
        format: parquet, json, csv (quoted), text (Hive's plain lines), or rows, which are at hand.
        files: To read, those left out that cannot match.
        partitions: Columns whose values the files have in `File.partition`.
        names: By column, its name in the files where that differs.
        options: Of the format, as the SerDe has them.
        rows: For `rows`: values as texts, in the relation's order.
    """

    format: str
    files: tuple[File, ...] = ()
    partitions: tuple[Column, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[tuple[str | None, ...], ...] = ()


def may_match(wanted: Range, low: Any, high: Any) -> bool:
    """Whether a value between `low` and `high` (None without a bound) can be one of those that a query wants."""
    if wanted.values is not None and not any(_between(value, low, high) for value in wanted.values):
        return False
    return not (_less(high, wanted.low) or _less(wanted.high, low))


def partition_may_match(
    values: tuple[str | None, ...], columns: tuple[Column, ...], ranges: Mapping[str, Range]
) -> bool:
    """Whether rows of a partition can match."""
    for text, column in zip(values, columns, strict=True):
        wanted = ranges.get(column.name)
        if wanted is None:
            continue
        if text is None or text == NULL_PARTITION:
            return False  # a range is what a comparison allows, and NULL satisfies none
        try:
            value = typed(text, column.type)
        except ValueError:
            continue  # the query says so when it reads the partition
        if not may_match(wanted, value, value):
            return False
    return True


def typed(text: str, athena: str) -> Any:
    """The Python value of a partition's text.

    Raises:
        ValueError: The text is none of the type.
    """
    reader = _READERS.get(types.parse(athena).name, str)
    try:
        return reader(text)
    except decimal.InvalidOperation as fault:
        raise ValueError(text) from fault


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


_READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("real", "double"), float),
    "decimal": decimal.Decimal,
    "date": dt.date.fromisoformat,
    "timestamp": dt.datetime.fromisoformat,
    "boolean": _boolean,
}


def _between(value: Any, low: Any, high: Any) -> bool:
    return not (_less(value, low) or _less(high, value))


def _less(one: Any, other: Any) -> bool:
    """Whether one is known to be less than the other."""
    if one is None or other is None:
        return False
    one, other = _comparable(one), _comparable(other)
    try:
        return bool(one < other)
    except (TypeError, decimal.InvalidOperation):
        return False


def _comparable(value: Any) -> Any:
    """Dates as their midnight, times without their zone after going to UTC: so that each compares with each."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    return value
