"""Messages that break the contract, one function per way of breaking it.

Each takes what a sound update of a row would say and returns bytes that `lakehouse.envelopes.decode`, or UTF-8 before
it, must refuse. A reader that accepts one of them shows a quantity that never was.
"""

import json
from collections.abc import Callable
from typing import Any, Final

BIG_BYTES: Final = 1_000_000

Envelope = dict[str, Any]
Breaker = Callable[[Envelope], bytes]


def _text(envelope: Envelope) -> str:
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))


def _row(**fields: Any) -> Breaker:
    """The row says something else."""
    return lambda envelope: _text({**envelope, "after": {**envelope["after"], **fields}}).encode()


def _source(**fields: Any) -> Breaker:
    return lambda envelope: _text({**envelope, "source": {**envelope["source"], **fields}}).encode()


def _top(**fields: Any) -> Breaker:
    return lambda envelope: _text({**envelope, **fields}).encode()


def _without(part: str | None, name: str) -> Breaker:
    def broken(envelope: Envelope) -> bytes:
        place = envelope if part is None else envelope[part]
        kept = {field: value for field, value in place.items() if field != name}
        return _text(kept if part is None else {**envelope, part: kept}).encode()

    return broken


def _altered(change: Callable[[str], str]) -> Breaker:
    """The text as a whole is something else."""
    return lambda envelope: change(_text(envelope)).encode()


def _not_utf8(envelope: Envelope) -> bytes:
    return _text(envelope).encode().replace(b'"country":"', b'"country":"\xff\xfe', 1)


def _big(envelope: Envelope) -> bytes:
    return _text({**envelope, "after": {**envelope["after"], "description": "x" * BIG_BYTES, "quantity": []}}).encode()


KINDS: Final[dict[str, Breaker]] = {
    "empty": lambda _: b"",
    "blanks": lambda _: b" \n",
    "truncated": _altered(lambda text: text[: len(text) * 2 // 3]),
    "no_json": lambda _: b"ORDER 536365 SHIPPED",
    "two_documents": _altered(lambda text: text + text),
    "two_lines": _altered(lambda text: f"{text}\n{text}"),
    "trailing_junk": _altered(lambda text: text + " junk"),
    "trailing_comma": _altered(lambda text: text[:-1] + ",}"),
    "repeated_key": _altered(lambda text: text.replace('"quantity":', '"quantity":1,"quantity":', 1)),
    "not_a_number": _row(quantity=float("nan")),
    "not_utf8": _not_utf8,
    "lone_surrogate": lambda envelope: _row(country="x")(envelope).replace(b'"country":"x"', b'"country":"\\ud800"'),
    "null_document": lambda _: b"null",
    "array": _altered(lambda text: f"[{text}]"),
    "text": _altered(json.dumps),
    "unknown_op": _top(op="x"),
    "truncate_op": _top(op="t", after=None),
    "no_op": _without(None, "op"),
    "no_source": _without(None, "source"),
    "no_lsn": _without("source", "lsn"),
    "null_lsn": _source(lsn=None),
    "text_lsn": lambda envelope: _source(lsn=str(envelope["source"]["lsn"]))(envelope),
    "float_lsn": lambda envelope: _source(lsn=float(envelope["source"]["lsn"]))(envelope),
    "negative_lsn": _source(lsn=-1),
    "huge_lsn": _source(lsn=2**63),
    "no_time": _without("source", "ts_ms"),
    "text_time": _source(ts_ms="2011-01-04T10:00:00Z"),
    "no_row": _top(after=None),
    "row_as_text": lambda envelope: _top(after=_text(envelope["after"]))(envelope),
    "no_order_id": _without("after", "order_id"),
    "empty_order_id": _row(order_id=""),
    "number_as_order_id": _row(order_id=536365),
    "no_line_no": _without("after", "line_no"),
    "null_line_no": _row(line_no=None),
    "line_no_zero": _row(line_no=0),
    "no_product_id": _without("after", "product_id"),
    "null_country": _row(country=None),
    "description_as_list": _row(description=["a", "b"]),
    "text_quantity": _row(quantity="12"),
    "float_quantity": _row(quantity=12.0),
    "true_quantity": _row(quantity=True),
    "huge_quantity": _row(quantity=2**31),
    "number_as_price": _row(unit_price=2.55),
    "four_decimals": _row(unit_price="12.3456"),
    "exponent_price": _row(unit_price="1e3"),
    "nan_price": _row(unit_price="NaN"),
    "huge_price": _row(unit_price="1234567890.000"),
    "number_as_customer_id": _row(customer_id=17850),
    "no_ordered_at": _without("after", "ordered_at"),
    "no_zone": _row(ordered_at="2011-01-04T10:00:00.000000"),
    "no_such_day": _row(ordered_at="2011-02-30T10:00:00.000000Z"),
    "distant_year": _row(ordered_at="9999-01-01T00:00:00.000000Z"),
    "millis_as_ordered_at": _row(ordered_at=1294135200000),
    "big": _big,
}
"""By name, what makes a sound envelope (op u, with an `after`) break the contract."""


def broken(kind: str, envelope: Envelope) -> bytes:
    """The envelope of an update, broken in the way `kind` names."""
    return KINDS[kind](envelope)
