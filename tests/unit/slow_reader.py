"""An import as slowly and plainly as can be: the standard library's reader, and one cell after the other."""

import csv
import io
import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from forecasting.data.schema import Schema

BLANK = " \t\n\v\f\r"


class BadFileError(Exception):
    """Something in the file means nothing."""


def rows(
    body: bytes, schema: Schema, formats: Sequence[str] = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
) -> list[tuple[Any, ...]]:
    """The rows of a CSV file; formats are Python's."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise BadFileError(str(fault)) from fault
    lines = io.StringIO(text, newline="").readlines()
    records = [record for record in csv.reader(lines) if record]
    if records and ends_in_quotes(text):
        raise BadFileError("quote")
    if records and is_header(records[0], schema):
        records = records[1:]
    return [row(record, schema, formats) for record in records]


def is_header(record: list[str], schema: Schema) -> bool:
    given = [cell.strip().lower() for cell in record]
    names = [name.lower() for name in schema.names]
    time = names.index(schema.timestamp.lower()) if schema.timestamp else None
    if sorted(given) != sorted(names) and (len(given) != len(names) or time is None or given[time] != names[time]):
        return False
    if any(one in names and one != name for one, name in zip(given, names, strict=True)):
        raise BadFileError("order")
    return True


def ends_in_quotes(text: str) -> bool:
    """Whether the end of the text lies within a quoted cell, by a walk from character to character."""
    state = "start"
    for one in text:
        if state == "quoted":
            state = "quote" if one == '"' else "quoted"
        elif one in ",\r\n":
            state = "start"
        elif one == '"' and state in ("start", "quote"):
            state = "quoted"
        else:
            state = "plain"
    return state == "quoted"


def row(record: list[str], schema: Schema, formats: Sequence[str]) -> tuple[Any, ...]:
    if len(record) != len(schema.names):
        raise BadFileError("columns")
    found = []
    for attribute, cell in zip(schema.attributes, record, strict=True):
        value = cell_value(cell, attribute.kind, formats)
        if value is None and attribute.name in schema.key:
            raise BadFileError("key")
        found.append(value)
    return tuple(found)


def cell_value(cell: str, kind: str, formats: Sequence[str]) -> Any:
    if kind in ("string", "geolocation"):
        return cell or None
    cell = cell.strip(BLANK)
    if not cell and kind != "timestamp":
        return None
    if kind == "timestamp":
        return moment(cell, formats)
    if kind == "integer":
        return integer(cell)
    return number(cell)


def moment(cell: str, formats: Sequence[str]) -> datetime:
    for one in formats:
        # what strptime lets pass besides: fewer digits of a year, blanks, other digits than ASCII's, a leap second
        shape = "".join(
            {"Y": "[0-9]{4}"}.get(part[0], "[0-9]{1,2}") + re.escape(part[1:]) for part in one.split("%")[1:]
        )
        try:
            if re.fullmatch(shape, cell):
                found = datetime.strptime(cell, one)
                if found.second == int(re.findall("[0-9]+", cell)[-1]) or "S" not in one:
                    return found
        except ValueError:
            continue
    raise BadFileError(cell)


def integer(cell: str) -> int:
    if not re.fullmatch("[+-]?[0-9]+", cell):
        raise BadFileError(cell)
    digits = cell.lstrip("+-").lstrip("0") or "0"
    if len(digits) > 19:
        raise BadFileError(cell)
    value = -int(digits) if cell[0] == "-" else int(digits)
    if not -(2**63) <= value < 2**63:
        raise BadFileError(cell)
    return value


def number(cell: str) -> float:
    if cell.lower() == "nan":
        return math.nan
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", cell):
        raise BadFileError(cell)
    value = float(cell)
    if math.isinf(value):
        raise BadFileError(cell)
    return value
