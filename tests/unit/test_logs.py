"""Log lines: JSON for machines, text on a terminal."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from lakehouse import logs

pytestmark = pytest.mark.unit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("saleslake")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def test_a_line_is_one_json_object() -> None:
    out = io.StringIO()
    logs.configure("INFO", out)
    logs.event("batch committed", batch_id=7, text="two\nlines", odd={1})
    (line,) = out.getvalue().splitlines()
    found = json.loads(line)
    assert found["event"] == "batch committed"
    assert (found["level"], found["batch_id"], found["text"], found["odd"]) == ("info", 7, "two\nlines", "{1}")
    assert len(found["at"]) == len("2026-01-02T03:04:05.678Z") and found["at"].endswith("Z")


def test_a_terminal_gets_text() -> None:
    out = Terminal()
    logs.configure("INFO", out)
    logs.event("batch committed", batch_id=7)
    assert out.getvalue().endswith("info    batch committed batch_id=7\n")


def test_the_level_decides_and_foreign_chatter_is_left_out() -> None:
    out = io.StringIO()
    logs.configure("WARNING", out)
    logs.event("small talk")
    logging.getLogger("foreign").info("chatter")
    logs.event("trouble", level=logging.WARNING)
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["trouble"]


def test_a_traceback_is_a_field() -> None:
    out = io.StringIO()
    logs.configure("INFO", out)
    try:
        raise ValueError("odd")
    except ValueError:
        logs.event("failed", exc_info=True)
    assert "ValueError: odd" in json.loads(out.getvalue())["traceback"]
