"""Columns of the order line out of an image of a DynamoDB item, as strictly as Debezium's are read.

Which attribute is which column says a mapping; numbers are exact.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any, Final

from lakehouse.attributes import NULL, Attributes, decimal, one, plain, written
from lakehouse.envelopes import OrderLine
from lakehouse.fields import MAX_INT, Rejection, bounded, check_amount, in_years, moment, required
from lakehouse.mapping import CHANGED_AT, OPTIONAL, FieldMapping
from lakehouse.strictjson import compact

MAX_SECONDS: Final = 10_000_000_000
"""Of a time, on either side of 1970: the year 2286."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_EXACT = Context(prec=500)  # no number that is admitted has more digits


class Image:
    """One image of a record, read by a mapping.

    Args:
        where: Its name, for the places in reasons.
        image: The attributes.
        mapping: Which of them is which column.
        at: When the change was made.

    Raises (of all readers):
        Rejection: The image breaks the contract.
    """

    def __init__(self, where: str, image: Attributes, mapping: FieldMapping, at: datetime) -> None:
        self._where, self._image, self._mapping, self._at = where, image, mapping, at

    def line(self, order_id: str, line_no: int) -> tuple[OrderLine, str | None]:
        """The order line, and as JSON what else is in the image; None for nothing."""
        line = OrderLine(
            order_id,
            line_no,
            self.text("product_id"),
            self.text("description"),
            self.integer("quantity", -MAX_INT - 1),
            self._money("unit_price"),
            self.text("customer_id"),
            self.text("country"),
            self._moment("ordered_at"),
        )
        check_amount(line.quantity, line.unit_price, self._place("quantity"))
        known = self._mapping.attributes
        unknown = {name: plain(value, f"{self._where}.{name}") for name, value in sorted(self._image.items())
                   if name not in known}  # fmt: skip
        return line, compact(unknown) if unknown else None

    def text(self, column: str) -> Any:
        """A column of text; a number is written in digits."""
        value = self._value(column)
        if value is None and column in OPTIONAL:
            return None
        if column not in OPTIONAL:
            required(value, self._place(column))
        return value if type(value) is str else written(value)

    def integer(self, column: str, low: int) -> int:
        """A column that is a whole number."""
        value = self._number(column)
        if value != value.to_integral_value():
            raise Rejection(f"wrong_type: {self._place(column)}")
        return bounded(int(value), low, MAX_INT, self._place(column))

    def _money(self, column: str) -> Decimal:
        value = self._number(column)
        if value.copy_abs() >= 10**9:
            raise Rejection(f"out_of_range: {self._place(column)}")
        places = written(value).partition(".")[2]
        if len(places) > 3:
            raise Rejection(f"too_many_decimals: {self._place(column)}")
        return value.quantize(Decimal("0.001"))

    def _moment(self, column: str) -> datetime:
        field, place = self._mapping.fields[column], self._place(column)
        if field.attribute == CHANGED_AT:
            found: datetime | None = self._at
        else:
            value = required(self._value(column), place)
            if type(value) is str:
                is_day = field.kind == "date" and _DATE.fullmatch(value)
                return moment(f"{value}T00:00:00Z" if is_day else value, place)
            found = since_epoch(value if field.kind == "seconds" else value.scaleb(-3, _EXACT))
        return in_years(found, place)

    def _number(self, column: str) -> Decimal:
        value = required(self._value(column), self._place(column))
        return decimal(value, self._place(column)) if type(value) is str else value

    def _value(self, column: str) -> Any:
        """A text, a Decimal, or None; the default where the attribute is absent."""
        field, place = self._mapping.fields[column], self._place(column)
        value = self._image.get(field.attribute) if field.attribute else None
        if value is None or value == NULL:
            return field.default
        kind, content = one(value, place)
        if field.kind in ("text", "date"):
            if kind != "S" or type(content) is not str:
                raise Rejection(f"wrong_type: {place}")
            return content
        if kind != "N" or type(content) is not str:
            raise Rejection(f"wrong_type: {place}")
        return decimal(content, place)

    def _place(self, column: str) -> str:
        return f"{self._where}.{self._mapping.fields[column].attribute or column}"


def since_epoch(seconds: Decimal) -> datetime | None:
    """A time by its seconds since 1970, to the microsecond, the rest cut off; None where no datetime goes."""
    if seconds.copy_abs() > MAX_SECONDS:
        return None
    micros = int(seconds.scaleb(6, _EXACT).to_integral_value(ROUND_FLOOR, _EXACT))
    return EPOCH + timedelta(microseconds=micros)
