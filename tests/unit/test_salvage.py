"""Reading gzip up to its damage."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs import salvage

pytestmark = pytest.mark.unit

TEXT = "".join(f"line {number} {number**7:x}\n" for number in range(2000))
PACKED = gzip.compress(TEXT.encode(), mtime=0)


def test_a_whole_object_is_its_lines() -> None:
    assert salvage.lines(PACKED) == (TEXT.splitlines(), "")
    assert salvage.lines(PACKED + gzip.compress(b"more")) == ([*TEXT.splitlines(), "more"], "")


def test_lines_end_as_spark_ends_them() -> None:
    text = "\ufeffa\r\nb\rc\n\n\u2028d\x85\x0be"
    assert salvage.lines(gzip.compress(text.encode())) == (["a", "b", "c", "", "\u2028d\x85\x0be"], "")


def test_bytes_that_are_not_utf8_cost_themselves() -> None:
    assert salvage.lines(gzip.compress(b"a\xff\nb")) == (["a\ufffd", "b"], "")


@pytest.mark.parametrize("body", [b"", gzip.compress(b"", mtime=0)])
def test_an_empty_object_is_damaged(body: bytes) -> None:
    assert salvage.lines(body) == ([], "empty object")


@given(st.integers(1, len(PACKED) - 1))
def test_of_a_truncated_object_the_whole_lines_are_kept(length: int) -> None:
    found, reason = salvage.lines(PACKED[:length])
    assert reason == "truncated gzip"
    assert found == TEXT.splitlines()[: len(found)]
    assert len(found) > 2000 * length / len(PACKED) * 0.5 - 400


def test_a_wrong_checksum_costs_no_line() -> None:
    body = bytearray(PACKED)
    body[-6] ^= 1
    found, reason = salvage.lines(bytes(body))
    assert found == TEXT.splitlines()
    assert "incorrect data check" in reason


def test_what_lies_before_the_damage_is_kept() -> None:
    body = bytearray(PACKED)
    body[len(body) // 2 :] = b"\xff" * (len(body) - len(body) // 2)
    found, reason = salvage.lines(bytes(body))
    assert reason
    assert found[:800] == TEXT.splitlines()[:800]


@given(st.binary(max_size=200))
def test_any_bytes_can_be_looked_at(body: bytes) -> None:
    found, reason = salvage.lines(body)
    assert reason or found
