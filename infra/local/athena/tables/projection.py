"""Partition projection: the partitions of a table computed from its properties instead of read from the catalogue.

Source:
    https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterator, Mapping

from infra.local.athena.contract import Column, QueryError, Range
from infra.local.athena.tables.scan import partition_may_match

_LIMIT = 1_000_000  # partitions of a query; more is a mistake in a range
_NOW = re.compile(r"NOW\s*(?:([+-])\s*(\d+)\s*(\w+))?", re.IGNORECASE)
_TOKENS = re.compile(r"'((?:[^']|'')*)'|(yyyy|yy|uuuu|MM|M|dd|d|HH|H|mm|m|ss|s|SSS)|([^A-Za-z'])")
_PATTERNS = {"yyyy": r"(\d{4})", "uuuu": r"(\d{4})", "yy": r"(\d{2})", "SSS": r"(\d{3})"}
_FIELDS = {"y": "year", "u": "year", "M": "month", "d": "day", "H": "hour", "m": "minute", "s": "second"}
_UNITS = ("YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS")


class Projection:
    """The projection of a table.

    Args:
        parameters: Of the table.
        columns: Its partitions.
        now: In UTC; what NOW in a range of dates means.

    Raises:
        QueryError: INVALID_TABLE_PROPERTY.
    """

    def __init__(self, parameters: Mapping[str, str], columns: tuple[Column, ...], now: dt.datetime) -> None:
        self._parameters = {key.lower(): value for key, value in parameters.items()}
        self._columns, self._now = columns, now

    @staticmethod
    def is_on(parameters: Mapping[str, str]) -> bool:
        """Whether a table has it switched on."""
        return {key.lower(): value for key, value in parameters.items()}.get("projection.enabled", "").lower() == "true"

    def partitions(self, ranges: Mapping[str, Range]) -> Iterator[tuple[str, ...]]:
        """Values of the partitions that can match.

        Raises:
            QueryError: A property is wrong, or the query gives no value for an injected column.
        """
        every = [list(self._matching(column, ranges)) for column in self._columns]
        return itertools.product(*every)

    def location(self, values: tuple[str, ...], folder: str) -> str:
        """URL of the folder of a partition; `folder` is the table's."""
        template = self._parameters.get("storage.location.template")
        if not template:
            pairs = zip(self._columns, values, strict=True)
            return f"{folder.rstrip('/')}/{'/'.join(f'{column.name}={value}' for column, value in pairs)}/"
        for column, value in zip(self._columns, values, strict=True):
            name = re.compile(re.escape("${" + column.name + "}"), re.IGNORECASE)
            template = value.join(name.split(template))
        return template if template.endswith("/") else f"{template}/"

    def _matching(self, column: Column, ranges: Mapping[str, Range]) -> Iterator[str]:
        wanted = ranges.get(column.name)
        kind = self._property(column, "type").lower()
        if kind == "injected":
            if wanted is None or wanted.values is None:
                raise QueryError(
                    "CONSTRAINT_VIOLATION",
                    f"For the injected projected partition column {column.name}, the WHERE clause must contain only "
                    "static equality conditions, and at least one such condition must be present.",
                )
            yield from sorted(str(value) for value in wanted.values)
            return
        kinds = {"enum": self._enumerated, "integer": self._integers, "date": self._dates}
        if kind not in kinds:
            raise self._wrong(column, "type", kind)
        for number, text in enumerate(kinds[kind](column)):
            if number == _LIMIT:
                raise self._wrong(column, "range", "more than a million values")
            if partition_may_match((text,), (column,), ranges):
                yield text

    def _enumerated(self, column: Column) -> Iterator[str]:
        return (value.strip() for value in self._property(column, "values").split(","))

    def _integers(self, column: Column) -> Iterator[str]:
        low, high = self._bounds(column)
        width = int(self._property(column, "digits", "0"))
        try:
            first, last, step = int(low), int(high), int(self._property(column, "interval", "1"))
            return (f"{number:0{width}d}" for number in range(first, last + 1, max(step, 1)))
        except ValueError as fault:
            raise self._wrong(column, "range", f"{low},{high}") from fault

    def _dates(self, column: Column) -> Iterator[str]:
        low, high = self._bounds(column)
        format = self._property(column, "format")
        tokens = self._tokens(column, format)
        first, last = self._moment(column, low, tokens), self._moment(column, high, tokens)
        # By default a step is what the format's smallest field is, which AWS grants to days and months.
        smallest = "DAYS" if "d" in format else "MONTHS"
        unit = self._property(column, "interval.unit", smallest).upper()
        if not unit.endswith("S"):
            unit += "S"
        step = int(self._property(column, "interval", "1"))
        if unit not in _UNITS or step < 1:
            raise self._wrong(column, "interval.unit", unit)
        seen = ""
        for number in itertools.count():
            moment = _add(first, number * step, unit)
            if moment > last:
                return
            text = "".join(_shown(moment, token) for token in tokens)
            if text != seen:
                yield text
            seen = text

    def _moment(self, column: Column, text: str, tokens: list[tuple[str, str]]) -> dt.datetime:
        found = _NOW.fullmatch(text)
        if found:
            if not found[1]:
                return self._now
            unit = found[3].upper() if found[3].upper().endswith("S") else f"{found[3].upper()}S"
            if unit not in _UNITS:
                raise self._wrong(column, "range", text)
            return _add(self._now, int(f"{found[1]}{found[2]}"), unit)
        pattern = "".join(
            re.escape(literal) if literal else _PATTERNS.get(field, r"(\d{1,2})") for field, literal in tokens
        )
        read = re.fullmatch(pattern, text)
        if not read:
            raise self._wrong(column, "range", text)
        fields = {"year": 1970, "month": 1, "day": 1}
        for (field, _), digits in zip([token for token in tokens if token[0]], read.groups(), strict=True):
            if field != "SSS":
                fields[_FIELDS[field[0]]] = int(digits) + (2000 if field == "yy" else 0)
        try:
            return dt.datetime(**fields, tzinfo=dt.UTC)
        except ValueError as fault:
            raise self._wrong(column, "range", text) from fault

    def _tokens(self, column: Column, format: str) -> list[tuple[str, str]]:
        """Fields and literals of a date format of Java, each as (field, "") or ("", literal)."""
        tokens, place = [], 0
        while place < len(format):
            found = _TOKENS.match(format, place)
            if not found:
                raise self._wrong(column, "format", format)
            quoted = found[1].replace("''", "'") or "'" if found[1] is not None else ""
            tokens.append((found[2] or "", quoted or found[3] or ""))
            place = found.end()
        return tokens

    def _bounds(self, column: Column) -> tuple[str, str]:
        low, comma, high = self._property(column, "range").partition(",")
        if not comma:
            raise self._wrong(column, "range", low)
        return low.strip(), high.strip()

    def _property(self, column: Column, name: str, default: str | None = None) -> str:
        value = self._parameters.get(f"projection.{column.name}.{name}", default)
        if value is None:
            raise self._wrong(column, name, "missing")
        return value.strip() if name != "format" else value

    @staticmethod
    def _wrong(column: Column, name: str, value: str) -> QueryError:
        return QueryError(
            "INVALID_TABLE_PROPERTY", f"Table property 'projection.{column.name}.{name}' is not valid: {value}"
        )


def _add(moment: dt.datetime, count: int, unit: str) -> dt.datetime:
    if unit in ("MONTHS", "YEARS"):
        months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "YEARS" else 1)
        year, month = divmod(months, 12)
        for day in range(moment.day, 27, -1):
            try:
                return moment.replace(year=year, month=month + 1, day=day)
            except ValueError:
                continue
        return moment.replace(year=year, month=month + 1)
    return moment + dt.timedelta(**{unit.lower(): count})


def _shown(moment: dt.datetime, token: tuple[str, str]) -> str:
    field, literal = token
    if not field:
        return literal
    if field == "SSS":
        return f"{moment.microsecond // 1000:03d}"
    value = getattr(moment, _FIELDS[field[0]])
    return f"{value % 100:02d}" if field == "yy" else f"{value:0{len(field)}d}"
