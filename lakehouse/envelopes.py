"""What a change looks like when it arrives, and what makes it unacceptable: the strict reading of one message.

This is the specification in plain Python, one message at a time. The generator writes envelopes with it, `verify` and
the property tests read with it; spark_jobs/reader states the same rules in Java, for speed.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from lakehouse.fields import MAX_INT, Rejection, bounded, check_amount, members, moment, money, required
from lakehouse.strictjson import Integer, MalformedError, compact, parse

OPS = ("c", "u", "d", "r")
SEQUENCE_DIGITS = 20
MAX_SEQUENCE = 2**63 - 1
MAX_MILLIS = 253_402_300_799_999  # 9999-12-31

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class OrderLine:
    """One row of the shop's table `order_lines`."""

    order_id: str
    line_no: int
    product_id: str
    description: str | None
    quantity: int
    unit_price: Decimal
    customer_id: str | None
    country: str
    ordered_at: datetime

    @property
    def key(self) -> tuple[str, int]:
        """The table's key: order_id and line_no."""
        return self.order_id, self.line_no


FIELDS = tuple(OrderLine.__dataclass_fields__)


@dataclass(frozen=True)
class Change:
    """A change that keeps the contract. `line` is None for a delete; `extra` is a JSON object's text or None."""

    op: str
    sequence: str
    at: datetime
    order_id: str
    line_no: int
    line: OrderLine | None
    extra: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        """The changed row's key: order_id and line_no."""
        return self.order_id, self.line_no


def encode(
    op: str,
    lsn: int,
    at: datetime,
    before: OrderLine | None,
    after: OrderLine | None,
    extra: dict[str, Any] | None = None,
) -> bytes:
    """A change as a Debezium PostgreSQL connector writes it, without schema.

    Args:
        op: c, u, d or r.
        lsn: The source's log sequence number.
        at: When the source made the change, with a time zone.
        before: The row before; None for an insert.
        after: The row after; None for a delete.
        extra: Fields beyond the contract, added to `after`.
    """
    millis = round(at.timestamp() * 1000)
    return json.dumps(
        {
            "before": None if before is None else _image(before),
            "after": None if after is None else {**_image(after), **(extra or {})},
            "source": {
                "connector": "postgresql",
                "name": "shop",
                "schema": "public",
                "table": "order_lines",
                "lsn": lsn,
                "ts_ms": millis,
            },
            "op": op,
            "ts_ms": millis,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def encode_key(order_id: str, line_no: int) -> bytes:
    """The Kafka message key of an order line."""
    return json.dumps({"order_id": order_id, "line_no": line_no}, ensure_ascii=False, separators=(",", ":")).encode()


def decode(value: str) -> Change:
    """Read the value of a message that has one.

    Raises:
        Rejection: The value breaks the contract; its text is the reason.
    """
    try:
        document = parse(value)
    except MalformedError as fault:
        raise Rejection("bad_json") from fault
    if not isinstance(document, dict):
        raise Rejection("wrong_type: value")
    op = document.get("op")
    if type(op) is not str or op not in OPS:
        raise Rejection("unknown_op")
    source = document.get("source")
    lsn = source.get("lsn") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not isinstance(lsn, Integer) or not 0 <= int(lsn) <= MAX_SEQUENCE:
        raise Rejection("no_sequence")
    at = _EPOCH + timedelta(milliseconds=_integer(source, "source", "ts_ms", 0, MAX_MILLIS))
    where = "before" if op == "d" else "after"
    image = members(document, where)
    order_id = _text(image, where, "order_id")
    line_no = _integer(image, where, "line_no", 1, MAX_INT)
    sequence = str(int(lsn)).zfill(SEQUENCE_DIGITS)
    if op == "d":
        return Change(op, sequence, at, order_id, line_no, None)
    line = OrderLine(
        order_id,
        line_no,
        _text(image, where, "product_id"),
        _text(image, where, "description", optional=True),
        _integer(image, where, "quantity", -MAX_INT - 1, MAX_INT),
        money(_text(image, where, "unit_price"), f"{where}.unit_price"),
        _text(image, where, "customer_id", optional=True),
        _text(image, where, "country"),
        moment(_text(image, where, "ordered_at"), f"{where}.ordered_at"),
    )
    check_amount(line.quantity, line.unit_price, f"{where}.quantity")
    unknown = {name: image[name] for name in sorted(image) if name not in FIELDS}
    extra = compact(unknown) if unknown else None
    return Change(op, sequence, at, order_id, line_no, line, extra)


def _image(line: OrderLine) -> dict[str, Any]:
    return {
        "order_id": line.order_id,
        "line_no": line.line_no,
        "product_id": line.product_id,
        "description": line.description,
        "quantity": line.quantity,
        "unit_price": format(line.unit_price, ".3f"),
        "customer_id": line.customer_id,
        "country": line.country,
        "ordered_at": line.ordered_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def _integer(image: dict[str, Any], where: str, name: str, low: int, high: int) -> int:
    value = image.get(name)
    if value is None:
        raise Rejection(f"missing: {where}.{name}")
    if not isinstance(value, Integer):
        raise Rejection(f"wrong_type: {where}.{name}")
    return bounded(int(value), low, high, f"{where}.{name}")


def _text(image: dict[str, Any], where: str, name: str, optional: bool = False) -> Any:
    value = image.get(name)
    if value is None and optional:
        return None
    if not optional:
        required(value, f"{where}.{name}")
    if type(value) is not str:
        raise Rejection(f"wrong_type: {where}.{name}")
    return value
