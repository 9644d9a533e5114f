"""Tables, items and stream records after a process that ended without a word."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.local.daemon import ROOT

pytestmark = pytest.mark.stack


def run(folder: Path, step: str, given: Any = None) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.stack.durable_program", str(folder), step]
    text = json.dumps(given)
    ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(ended.stdout))


@pytest.fixture(scope="module")
def before_and_after(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("tables")
    before = run(folder, "first")
    return before, run(folder, "second", before)


def test_items_of_every_kind_are_there_and_what_was_refused_is_not(before_and_after: Any) -> None:
    before, after = before_and_after
    assert before["statuses"] == [400, 400]
    assert set(after["lines"]) == {"a", "d", "unseen"}
    value = {"M": {"l": {"L": [{"N": "1.5"}, {"NULL": True}]}, "b": {"BS": ["AP8="]}}}
    assert after["lines"]["a"]["value"] == value
    assert set(after["restored"]) == {"a", "d"}


def test_a_stream_tells_each_change_once_and_who_deleted_by_time(before_and_after: Any) -> None:
    reaper = "dynamodb.amazonaws.com"
    assert before_and_after[1]["records"]["stream"] == [
        ["INSERT", "a", "01", ""],
        ["INSERT", "b", "02", ""],
        ["REMOVE", "b", "03", reaper],
        ["INSERT", "d", "04", ""],
    ]


def test_an_iterator_begins_at_a_number_or_says_that_it_is_gone(before_and_after: Any) -> None:
    gone = "TrimmedDataAccessException"
    assert before_and_after[1]["iterators"] == [["03"], gone, gone, ["04"], gone, gone]


def test_a_table_made_again_has_neither_the_items_nor_the_stream_of_the_old_one(before_and_after: Any) -> None:
    before, after = before_and_after
    assert set(after["gone"]) == {"y"}
    assert before["gone"] != before["again"]
    assert after["records"]["gone"] == [["INSERT", "x", "01", ""]]
    assert after["after"] == [["INSERT", "y", "01", ""], ["INSERT", "z", "02", ""]]


def test_an_item_is_as_large_as_the_emulator_says(before_and_after: Any) -> None:
    sizes = before_and_after[1]["sizes"]
    assert len(sizes) > 5
    assert [one for one in sizes if one[0] != one[1]] == []


def test_settings_survive_and_a_stream_enabled_again_has_a_later_label(before_and_after: Any) -> None:
    after = before_and_after[1]
    assert after["ttl"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    assert after["label"] is True
