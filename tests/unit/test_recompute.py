"""The slow, obvious way: one message after the other, the greatest sequence wins."""

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from lakehouse.envelopes import OrderLine, encode
from lakehouse.fields import Rejection
from lakehouse.places import BRONZE_KAFKA
from spark_jobs.recompute import Recomputed, value_of

pytestmark = pytest.mark.unit

AT = datetime(2026, 1, 1, tzinfo=UTC)
A, B = f"{BRONZE_KAFKA}a", f"{BRONZE_KAFKA}b"


def line(offset: int, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{"offset":{offset},"value":"{escaped}"}}'


def update(lsn: int, quantity: int, op: str = "u") -> str:
    moment = datetime(2011, 6, 30, 23, 30, tzinfo=UTC)
    row = OrderLine("1", 1, "P", None, quantity, Decimal("1.000"), None, "UK", moment)
    return encode(op, lsn, AT, row, None if op == "d" else row).decode()


def packed(*lines: str) -> bytes:
    return gzip.compress("".join(f"{one}\n" for one in lines).encode())


def test_the_greatest_sequence_wins_whatever_the_order() -> None:
    found = Recomputed()
    found.add(A, packed(line(0, update(7, 70)), line(1, update(9, 90))))
    found.add(B, packed(line(2, update(8, 80)), '{"offset":3,"value":null}'))
    (row,) = found.silver_rows("Europe/London")
    assert (row["quantity"], row["cdc_sequence"], row["sales_date"]) == (90, f"{9:020d}", date(2011, 7, 1))
    assert (found.rows, found.tombstones, found.rejected) == (4, 1, set())


def test_a_delete_leaves_a_tombstone() -> None:
    found = Recomputed()
    found.add(A, packed(line(0, update(9, 1, "d")), line(1, update(8, 1))))
    (row,) = found.silver_rows("UTC")
    assert row["is_deleted"]
    assert {name for name, cell in row.items() if cell is not None} == {
        "source", "order_id", "line_no", "cdc_op", "cdc_sequence", "cdc_at", "is_deleted"
    }  # fmt: skip


def test_positions_count_from_the_first_line_that_is_not_blank() -> None:
    found = Recomputed()
    found.add(A, packed("", "  ", line(0, "{"), "", "junk"))
    assert found.rejected == {(A, 0, "bad_json"), (A, 2, "bad_line")}
    assert found.rows == 2


def test_a_damaged_object_is_named_and_its_lines_are_used() -> None:
    found = Recomputed()
    found.add(A, packed(line(0, update(7, 70)))[:-4])
    assert found.damaged == [A]
    assert found.rejected == {(A, -1, "corrupt_object")}
    assert len(found.newest) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"offset":1,"value":"x"}', "x"),
        ('{"offset":1,"value":null}', None),
        ('{"offset":1,"value_b64":"/w=="}', "not_utf8"),
        ('{"offset":1,"value_b64":"?"}', "not_utf8"),
        ('{"offset":1,"value_b64":1}', "bad_line"),
        ('{"offset":1}', "bad_line"),
        ('{"value":"x"}', "bad_line"),
        ('{"offset":"1","value":"x"}', "bad_line"),
        ('{"offset":1,"offset":1,"value":"x"}', "bad_line"),
        ("[1]", "bad_line"),
        ("", "bad_line"),
    ],
)
def test_lines_of_bronze(text: str, expected: str | None) -> None:
    try:
        found = value_of(text)
    except Rejection as reason:
        found = str(reason)
    assert found == expected
