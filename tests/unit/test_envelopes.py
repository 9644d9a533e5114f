"""The specification of a message: what is written comes back, and what breaks the contract is named."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.malformed import KINDS, broken
from lakehouse.envelopes import FIELDS, OrderLine, decode, encode, encode_key
from lakehouse.fields import Rejection

pytestmark = pytest.mark.unit

OTHER_TYPES = {int: ('"1"', "1.0", "true", "[]", "{}"), str: ("1", "1.5", "true", '["x"]', "{}")}


def retyped() -> list[tuple[str, str]]:
    """Every field with the JSON text of a value of every other type."""
    return [(name, text) for name in FIELDS for text in OTHER_TYPES[int if name in ("line_no", "quantity") else str]]


def with_field(value: bytes, field: str, text: str) -> str:
    """The message with one field of its row, before or after, replaced."""
    image = json.loads(value)["before" if b'"op":"d"' in value else "after"]
    said = f'"{field}":{json.dumps(image[field], ensure_ascii=False)}'
    return f'"{field}":{text}'.join(value.decode().rsplit(said, 1))


TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)
INT = st.integers(-(2**31), 2**31 - 1)
LINES = st.builds(
    OrderLine,
    order_id=TEXT,
    line_no=st.integers(1, 2**31 - 1),
    product_id=TEXT,
    description=st.none() | st.just("") | TEXT,
    quantity=st.integers(-1000, 1000),
    unit_price=st.decimals(Decimal("-99999999.999"), Decimal("99999999.999"), places=3),
    customer_id=st.none() | TEXT,
    country=TEXT,
    ordered_at=st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC)),
)
AT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
LINE = OrderLine("1", 1, "P", None, 2, Decimal("1.500"), None, "UK", datetime(2011, 1, 1, tzinfo=UTC))


@given(LINES, st.sampled_from("cur"), st.integers(0, 2**63 - 1))
def test_what_is_written_comes_back(line: OrderLine, op: str, lsn: int) -> None:
    change = decode(encode(op, lsn, AT, None, line).decode())
    assert (change.op, change.sequence, change.at, change.line) == (op, f"{lsn:020d}", AT, line)
    assert (change.key, change.extra) == (line.key, None)


@given(LINES)
def test_a_delete_has_its_key_alone(line: OrderLine) -> None:
    change = decode(encode("d", 5, AT, line, None).decode())
    assert (change.key, change.line, change.extra) == (line.key, None, None)
    assert json.loads(encode_key(*line.key)) == {"order_id": line.order_id, "line_no": line.line_no}


def test_a_delete_needs_no_more_than_the_key_in_its_before() -> None:
    value = '{"op":"d","source":{"lsn":5,"ts_ms":0},"before":{"order_id":"1","line_no":2,"quantity":"odd"}}'
    assert decode(value).key == ("1", 2)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "not_utf8"])
def test_every_malformed_message_is_refused_with_a_word(kind: str) -> None:
    value = broken(kind, json.loads(encode("u", 5, AT, LINE, LINE))).decode()
    with pytest.raises(Rejection, match=r"^[a-z_0-9]+(: (source|before|after|value)(\.[a-z_]+)?)?$"):
        decode(value)


@pytest.mark.parametrize(("field", "text"), retyped())
def test_a_field_of_another_type_is_refused_by_name(field: str, text: str) -> None:
    with pytest.raises(Rejection, match=rf"^wrong_type: after\.{field}$"):
        decode(with_field(encode("u", 5, AT, LINE, LINE), field, text))


@pytest.mark.parametrize("field", ["order_id", "line_no"])
def test_so_is_a_key_of_another_type_in_a_delete(field: str) -> None:
    with pytest.raises(Rejection, match=rf"^wrong_type: before\.{field}$"):
        decode(with_field(encode("d", 5, AT, LINE, None), field, "[]"))


@pytest.mark.parametrize(
    ("part", "text", "reason"),
    [
        ('"after":{', '"after":[{', "bad_json"),
        ('"op":"u"', '"op":1', "unknown_op"),
        ('"lsn":5', '"lsn":"5"', "no_sequence"),
        ('"lsn":5,"ts_ms":1767323045678', '"lsn":5,"ts_ms":"1767323045678"', "wrong_type: source.ts_ms"),
    ],
)
def test_so_is_an_envelope_of_another_shape(part: str, text: str, reason: str) -> None:
    with pytest.raises(Rejection, match=f"^{reason}$"):
        decode(encode("u", 5, AT, LINE, LINE).decode().replace(part, text))


def test_fields_beside_the_row_are_not_the_rows() -> None:
    plain = decode(encode("u", 5, AT, LINE, LINE).decode())
    document = json.loads(encode("u", 5, AT, LINE, LINE))
    document |= {"transaction": {"id": "7"}, "schema": None, "extra": {"gift": 1}}
    document["source"] |= {"snapshot": "false", "txId": 9, "gift": 1}
    document["before"] |= {"gift": 1}
    assert decode(json.dumps(document)) == plain
    document |= {"op": "d", "after": {"gift": 1}}
    assert decode(json.dumps(document)).extra is None


def test_unknown_fields_stay_as_they_came() -> None:
    value = (
        encode("c", 5, AT, None, LINE).decode().replace('"country"', '"b":1.10,"a":{"z":-0,"y":"\\u001f"},"country"')
    )
    assert decode(value).extra == '{"a":{"z":-0,"y":"\\u001F"},"b":1.10}'


@pytest.mark.parametrize("value", ["", "{", '{"op":"c","op":"c"}', '{"op":"c"} {}'])
def test_what_is_not_one_document_is_bad_json(value: str) -> None:
    with pytest.raises(Rejection, match=r"^bad_json$"):
        decode(value)


def test_times_are_exact_to_the_last_millisecond() -> None:
    value = encode("c", 5, AT, None, LINE).decode().replace("1767323045678", "253402300799999")
    assert decode(value).at == datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2011-01-01T10:00:00.5+02:30", datetime(2011, 1, 1, 7, 30, 0, 500000, UTC)),
        ("2011-01-01T10:00:00-14:59", datetime(2011, 1, 2, 0, 59, tzinfo=UTC)),
        ("2011-01-01T24:00:00Z", "bad_timestamp: after.ordered_at"),
        ("2011-01-01T10:00:00+15:00", "bad_timestamp: after.ordered_at"),
        ("0000-01-01T00:00:00Z", "bad_timestamp: after.ordered_at"),
        ("0001-01-01T00:00:00+14:59", "out_of_range: after.ordered_at"),
        ("9999-12-31T23:59:59-14:59", "out_of_range: after.ordered_at"),
    ],
)
def test_timestamps(text: str, expected: datetime | str) -> None:
    value = encode("c", 5, AT, None, LINE).decode().replace("2011-01-01T00:00:00.000000Z", text)
    try:
        found: datetime | str = decode(value).line.ordered_at  # type: ignore[union-attr]
    except Rejection as reason:
        found = str(reason)
    assert found == expected


def test_an_encoded_time_keeps_its_zone() -> None:
    at = AT.astimezone(timezone(timedelta(hours=5)))
    assert encode("c", 5, at, None, LINE) == encode("c", 5, AT, None, LINE)
