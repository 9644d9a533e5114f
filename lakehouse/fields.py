"""What makes a field of an order line unacceptable, whatever envelope it comes in; each reason names the field's place.

envelopes.py (Kafka) and streamrecords.py (DynamoDB) read by these rules; spark_jobs/reader states them in Java.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

MAX_INT = 2**31 - 1
FIRST_YEAR, LAST_YEAR = 1900, 2199
MAX_AMOUNT = 10**12  # of quantity times unit_price: a day's sums stay within gold's decimal(18,3)

_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])",
    re.ASCII,
)


class Rejection(ValueError):  # noqa: N818 (not a fault of the program: what a message earns)
    """Why a message breaks the contract: a word, and the field it is about.

    The words: not_utf8, bad_json, wrong_type, missing, unknown_op, no_sequence, out_of_range, too_many_decimals,
    bad_number, bad_timestamp; of a stream record also key_mismatch, and of what Firehose gave up firehose_error.
    """


def members(document: dict[str, Any], name: str) -> dict[str, Any]:
    """An object within an object.

    Raises:
        Rejection: It is missing, or no object.
    """
    found = document.get(name)
    if found is None:
        raise Rejection(f"missing: {name}")
    if not isinstance(found, dict):
        raise Rejection(f"wrong_type: {name}")
    return found


def required(value: Any, place: str) -> Any:
    """A value that is there, and no empty text.

    Raises:
        Rejection: It is not.
    """
    if value is None or value == "":
        raise Rejection(f"missing: {place}")
    return value


def bounded(value: int, low: int, high: int, place: str) -> int:
    """A number within its bounds.

    Raises:
        Rejection: It is not.
    """
    if not low <= value <= high:
        raise Rejection(f"out_of_range: {place}")
    return value


def check_amount(quantity: int, unit_price: Decimal, place: str) -> None:
    """Refuse a line whose amount no sum has room for.

    Raises:
        Rejection: It is one.
    """
    if abs(quantity * unit_price) >= MAX_AMOUNT:
        raise Rejection(f"out_of_range: {place}")


def in_years(found: datetime | None, place: str) -> datetime:
    """A time of a year that silver takes.

    Raises:
        Rejection: It is none.
    """
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Rejection(f"out_of_range: {place}")
    return found


def money(value: str, place: str) -> Decimal:
    """A price from its text; `place` stands in the reason.

    Raises:
        Rejection: It is none.
    """
    parts = _DECIMAL.fullmatch(value)
    if not parts:
        raise Rejection(f"bad_number: {place}")
    if len(parts[3] or "") > 3:
        raise Rejection(f"too_many_decimals: {place}")
    if len(parts[2].lstrip("0")) > 9:
        raise Rejection(f"out_of_range: {place}")
    return Decimal(value).quantize(Decimal("0.001"))


def moment(value: str, place: str) -> datetime:
    """A time in UTC from its text, which names a zone; `place` stands in the reason.

    Raises:
        Rejection: It is none.
    """
    try:
        found = datetime.fromisoformat(value) if _TIMESTAMP.fullmatch(value) else None
    except ValueError:  # a day that does not exist
        found = None
    if found is None:
        raise Rejection(f"bad_timestamp: {place}")
    try:
        found = found.astimezone(UTC)
    except OverflowError:  # its offset leads out of the years 1 to 9999
        found = datetime.min
    return in_years(found, place)
