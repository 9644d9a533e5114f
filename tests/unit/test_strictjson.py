"""Strict JSON: one document or none, numbers as they came, and what is written is read again as the same."""

import doctest
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse import strictjson
from lakehouse.strictjson import Fraction, Integer, MalformedError, compact, parse

pytestmark = pytest.mark.unit

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | TEXT
    | st.sampled_from([Integer("-0"), Integer("9" * 99), Fraction("1.10"), Fraction("1E+5")]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "text",
    [
        '"\\ud800"',
        '{"\\udc00":1}',
        "[" * 65 + "]" * 65,
        "1" * 101,
        "1." + "0" * 99,
        "[" * 10**5,
        '{"a":1,"a":1}',
        "NaN",
        "1 2",
        "",
        "\ufeff1",
    ],
)
def test_what_is_not_one_document_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse(text)


def test_what_is_one_document_is_read() -> None:
    assert parse("[" * 64 + "]" * 64)
    assert parse(" " + "1" * 100 + "\n") == "1" * 100
    assert parse('"\\ud83d\\ude00"') == "😀"


@given(DOCUMENTS)
def test_what_is_written_is_read_again_as_the_same(document: Any) -> None:
    text = compact(document)
    assert parse(text) == document
    assert compact(parse(text)) == text
    json.loads(text)  # others can read it, too


def test_examples_in_docstrings_hold() -> None:
    found = doctest.testmod(strictjson)
    assert found.attempted
    assert not found.failed
