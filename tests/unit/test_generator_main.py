"""The command line: one clear line for a user's mistake, exit codes, progress without a terminal."""

import doctest
import importlib
import io
from pathlib import Path

import pytest

from generator import __main__ as command
from generator import screen
from generator.outcome import Summary

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("replay --rate 0", "rate 0; expected a positive number"),
        ("replay --limit 0", "limit 0; expected a positive number"),
        ("replay", "broker 127.0.0.1:9: "),
        ("simulate --from 2024-01-01", "only one of --from and --to"),
        ("simulate", "expected a Kafka broker that answers; start it with `make up`"),
        ("topics", "expected a Kafka broker that answers; start it with `make up`"),
        ("truth --out a.csv", "--out a.csv; expected a name ending in .parquet or .jsonl"),
    ],
)
def test_a_mistake_costs_one_line(arguments: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments.split()) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert words in errors[0]


def test_an_unknown_setting_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".env").write_text("KAFKA_PARTITION=4\n")
    assert command.main(["topics"]) == 1
    assert "unknown setting KAFKA_PARTITION" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", ["", "replay --noise loud", "simulate --from yesterday", "replay --client tcp"])
def test_wrong_arguments_exit_with_2(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments.split())
    assert "usage:" in capsys.readouterr().err


def test_the_first_signal_asks_and_the_second_interrupts() -> None:
    signals = command._Signals()
    assert not signals.stop()
    signals._catch(2, None)
    assert signals.stop()
    with pytest.raises(KeyboardInterrupt):
        signals._catch(2, None)


def test_plain_progress_says_when_it_is_done_once() -> None:
    stream = io.StringIO()
    with screen.progress(stream) as report:
        for done in (0, 500, 1000, 1000):
            report("replay", done, 1000)
    assert stream.getvalue().count("replay: 1,000 of 1,000 (100 %)") == 1
    assert len(stream.getvalue().splitlines()) == 1


def test_the_summary_counts_malformed_messages_together() -> None:
    summary = Summary(
        shop="replay", steps=2, messages=6, kinds={"insert": 2, "malformed:big": 1, "malformed:empty": 3}, delayed=0,
        resumed_at=1, seconds=2.0, first_lsn=1, last_lsn=2, topic_id="t", client="memory",
    )  # fmt: skip
    assert (summary.malformed, summary.nulls, summary.sent, summary.rate) == (4, 0, 5, 2.5)
    cells = list(screen.summary_table(summary).columns[1].cells)
    assert cells == ["2", "4", "6", "1", "0"]
    line = "replay done: 2 changes of the shop; 5 messages sent and confirmed in 2.0 s, 2/s by memory"
    assert screen.summary_line(summary) == line


@pytest.mark.parametrize("module", ["catalogue", "plan", "topics"])
def test_examples_in_docstrings_hold(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"generator.{module}"))
    assert found.attempted
    assert not found.failed
