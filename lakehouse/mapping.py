"""Which attribute of a DynamoDB table is which column of the order line: the mapping that stream records are read by.

The table of this shop has the columns' own names and types; a table of another shop brings a mapping of its own
(docs/mapping.md). Knows nothing of files or records.
"""

import json
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation

from lakehouse.envelopes import FIELDS
from lakehouse.errors import ContractError
from lakehouse.fields import MAX_INT, Rejection, moment, money

CHANGED_AT = "@changed_at"
"""In place of an attribute: the time of the change itself."""
KEY = ("order_id", "line_no")
OPTIONAL = ("description", "customer_id")
NUMBERS = ("line_no", "quantity", "unit_price")
KINDS = {
    **dict.fromkeys(FIELDS, ("text", "number")),
    **dict.fromkeys(NUMBERS, ("number", "text")),
    "ordered_at": ("text", "date", "seconds", "millis"),
}
"""By column, the types that its attribute may have, the usual one first: text is S, number N; of a time, text is ISO
8601 with a zone, date a day in UTC, seconds and millis are numbers since 1970."""


@dataclass(frozen=True)
class Field:
    """Where a column comes from.

    Args:
        attribute: Of the item; "" for none, CHANGED_AT for the time of the change.
        kind: The attribute's type: one of KINDS.
        default: What holds where the attribute is absent or NULL, as text; None for nothing.
    """

    attribute: str
    kind: str
    default: str | None = None


@dataclass(frozen=True)
class FieldMapping:
    """Where every column of the order line comes from, by column."""

    fields: dict[str, Field]

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes that some column comes from; all others are unknown fields."""
        return frozenset(field.attribute for field in self.fields.values())

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """The key's attributes of a table that has no others, each with its type in DynamoDB."""
        fields = [self.fields[column] for column in KEY]
        return tuple((field.attribute, "N" if field.kind == "number" else "S") for field in fields if field.attribute)

    def to_json(self) -> str:
        """As text, the same for equal mappings."""
        return json.dumps({name: asdict(self.fields[name]) for name in FIELDS}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "FieldMapping":
        """Read the text of `to_json`; an empty one is the shop's own table.

        Raises:
            ContractError: It is no such text.
        """
        if not text:
            return OWN
        try:
            document = json.loads(text)
            return cls({name: Field(**document[name]) for name in FIELDS})
        except (ValueError, KeyError, TypeError) as fault:
            raise ContractError(
                f"mapping {text[:80]}: {fault!r}", "a field for each column", "apply it anew"
            ) from fault


def own() -> FieldMapping:
    """The mapping of the shop's own table: every column is the attribute of its name."""
    return FieldMapping({name: Field(name, KINDS[name][0]) for name in FIELDS})


OWN = own()


def fault_of_default(column: str, text: str) -> str:
    """What a default of this column has to be; empty if it is.

    Example:
        >>> fault_of_default("line_no", "1"), fault_of_default("line_no", "0")
        ('', 'a whole number from 1 to 2147483647')
    """
    if column == "unit_price":
        try:
            money(text, column)
        except Rejection:
            return "a number of at most 9 digits and 3 decimals"
        return ""
    if column == "ordered_at":
        try:
            moment(text, column)
        except Rejection:
            return "a time such as 2026-01-31T12:00:00Z"
        return ""
    if column in NUMBERS:
        low = 1 if column == "line_no" else -MAX_INT - 1
        try:
            whole = Decimal(text) if text.removeprefix("-").isdecimal() else None
        except InvalidOperation:
            whole = None
        return "" if whole is not None and low <= whole <= MAX_INT else f"a whole number from {low} to {MAX_INT}"
    return "" if text else "text"
