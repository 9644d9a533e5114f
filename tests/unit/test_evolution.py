"""Unknown fields: what a row's are, wherever they lie."""

import doctest

import pytest

from lakehouse import evolution
from lakehouse.evolution import gather, only

pytestmark = pytest.mark.unit


def test_fields_are_gathered_as_they_came() -> None:
    columns = {"gift": '{"b":1.10,"a":-0}', "none": None, "null": "null", "text": '"\\u001F"'}
    assert (
        gather('{"Z":[1E5],"m":0}', columns)
        == '{"Z":[1E5],"gift":{"b":1.10,"a":-0},"m":0,"null":null,"text":"\\u001F"}'
    )
    assert gather(None, {"gift": "1"}) == '{"gift":1}'
    assert gather('{"a":1}', {"gift": None}) == '{"a":1}'
    assert gather(None, {"gift": None}) is None


def test_what_has_no_column_is_dropped() -> None:
    assert only('{"Z":1,"gift":1.10,"m":0}', ["gift", "m"]) == '{"gift":1.10,"m":0}'
    assert only('{"Z":1}', ["gift"]) is only(None, ["gift"]) is None


def test_examples_in_docstrings_hold() -> None:
    found = doctest.testmod(evolution)
    assert found.attempted
    assert not found.failed
