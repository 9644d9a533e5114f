"""A run killed at any message and run again sends the same changes under the same lsns, and nothing is missing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator import dataset, dispatch, noise, outcome, replay
from generator.dispatch import Dispatch, forget_lost
from generator.journal import Journal, Recipe, Run
from generator.outcome import Summary
from generator.plan import Planner
from generator.steps import Clock, Step
from lakehouse import envelopes
from lakehouse.envelopes import Change
from lakehouse.errors import ConfigError, ContractError
from lakehouse.fields import Rejection

pytestmark = pytest.mark.unit

LINES = dataset.read(limit=600)
RECIPE = Recipe("replay", {"limit": 600}, "heavy", 5, 1_000, 10, 1000.0, 300)
Sent = list[tuple[bytes, bytes | None]]


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs."""


class Broker:
    """A producer that keeps what it is sent and dies before one message, with or without what is not flushed."""

    name = "memory"

    def __init__(self, dies_before: int | None = None, loses: bool = False) -> None:
        self.sent: Sent = []
        self._left, self._loses, self._flushed = dies_before, loses, 0

    def send(self, key: bytes, value: bytes | None) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                if self._loses:
                    del self.sent[self._flushed :]
                raise Killed
        self.sent.append((key, value))

    def flush(self) -> None:
        self._flushed = len(self.sent)

    def close(self) -> None: ...

    def __enter__(self) -> "Broker":
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "BLOCK_STEPS", 37)


def steps() -> Iterator[Step]:
    return chain.from_iterable(LINES.blocks())


def send(
    folder: Path, broker: Broker, *, resumable: bool = True, end: bool = False, stop: Callable[[], bool] = outcome.never
) -> Summary:
    with Journal(folder, "replay") as journal:
        runs = forget_lost(journal, "t")
        run = runs[0] if runs else Run(RECIPE, "t")
        if end:
            run = replace(run, ended=True)
        journal.write(run)
        sender = Dispatch(lambda: {0: len(broker.sent)}, journal, broker, outcome.silent, stop)
        return sender.send(run, steps(), rate=None, total=len(LINES), resumable=resumable)


def whole() -> Sent:
    planner = Planner(noise.level("heavy"), 5, first_lsn=1_000, clock=Clock(10, 1000.0), reach=300)
    return [(m.key, m.value) for m in planner.feed(steps()) + planner.finish()]


def state(sent: Sent) -> dict[tuple[str, int], envelopes.OrderLine]:
    newest: dict[tuple[str, int], Change] = {}
    for _, value in sent:
        try:
            change = envelopes.decode(value.decode()) if value is not None else None
        except (UnicodeDecodeError, Rejection):
            continue
        if change and (change.key not in newest or change.sequence > newest[change.key].sequence):
            newest[change.key] = change
    return {key: change.line for key, change in newest.items() if change.line}


@given(kills=st.lists(st.tuples(st.integers(0, 700), st.booleans()), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_killed_anywhere_and_run_again_nothing_is_missing(
    kills: list[tuple[int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, sent = tmp_path_factory.mktemp("kills"), []
    for kill, loses in kills:
        broker = Broker(kill, loses)
        try:
            send(folder, broker)
        except Killed:
            pass
        else:
            broker.sent.clear()  # it came to its end; what follows is a new run's business
            sent += whole()
            break
        sent += broker.sent
    else:
        last = Broker()
        summary = send(folder, last)
        sent += last.sent
        assert summary.messages == len(whole())
        assert summary.resumed_at + len(last.sent) == summary.messages
    assert set(sent) == set(whole())
    assert len(sent) >= len(whole())
    assert state(sent) == replay.truth(LINES)


def test_an_undisturbed_run_sends_the_plan(tmp_path: Path) -> None:
    broker = Broker()
    summary = send(tmp_path, broker)
    assert broker.sent == whole()
    assert (summary.steps, summary.messages, summary.resumed_at) == (600, len(whole()), 0)
    assert sum(summary.kinds.values()) == summary.messages
    assert summary.nulls == sum(value is None for _, value in whole())
    assert summary.last_lsn > summary.first_lsn + 600
    with Journal(tmp_path, "replay") as journal:
        (run,) = journal.runs()
    assert run.closed
    assert run.last_lsn == summary.last_lsn


def test_a_stopped_replay_goes_on_and_a_settled_one_leaves_whole_rows(tmp_path: Path) -> None:
    broker, asked = Broker(), iter([False] * 5 + [True] * 99)
    summary = send(tmp_path, broker, stop=lambda: next(asked))
    assert summary.stopped
    assert 0 < summary.steps < 600
    settled = Broker()
    send(tmp_path, settled, end=True)
    first = list(steps())[: summary.steps]
    assert state(broker.sent + settled.sent) == {
        line.key: line for line in (replay.order_line(step.after) for step in first)
    }


def test_a_settling_that_was_killed_is_settled_again(tmp_path: Path) -> None:
    sent: Sent = []
    for kill, end in ((200, False), (30, True), (0, True)):
        broker = Broker(kill)
        with pytest.raises(Killed):
            send(tmp_path, broker, end=end)
        sent += broker.sent
    last = Broker()
    summary = send(tmp_path, last)  # the journal knows that it has ended
    assert summary.steps < 600
    assert set(state(sent + last.sent)) == {
        replay.order_line(step.after).key for step in list(steps())[: summary.steps]
    }


def test_asked_to_stop_a_run_that_cannot_be_gone_on_with_sends_what_it_owes(tmp_path: Path) -> None:
    broker, asked = Broker(), iter([False] * 5 + [True] * 99)
    summary = send(tmp_path, broker, resumable=False, stop=lambda: next(asked))
    assert not summary.stopped
    assert summary.steps == 5 * 37
    assert len(state(broker.sent)) == 5 * 37


def test_lsns_rise_over_the_life_of_the_shop(tmp_path: Path) -> None:
    with Journal(tmp_path, "replay") as journal:
        assert journal.next_lsn(500) == 500
        journal.write(Run(RECIPE, "t", last_lsn=4_000))
    with Journal(tmp_path, "simulate") as journal:
        assert journal.next_lsn(500) == 4_001
        assert journal.next_lsn(5_000) == 5_000


def test_runs_to_a_topic_that_is_gone_are_forgotten(tmp_path: Path) -> None:
    with Journal(tmp_path, "replay") as journal:
        journal.write(Run(RECIPE, "gone", steps=3))
        assert forget_lost(journal, "t") == []
        assert journal.unfinished() == []


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with Journal(tmp_path, "replay"):
        with pytest.raises(ConfigError, match="another replay is running"), Journal(tmp_path, "replay"):
            pass
        with Journal(tmp_path, "simulate"):
            pass


def test_a_journal_of_another_kind_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path, "replay") as journal:
        (tmp_path / "journal" / "replay" / "1.json").write_text('{"recipe": {}}')
        with pytest.raises(ContractError, match=r"1\.json"):
            journal.runs()


def test_a_rate_holds_the_steps_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, naps = [100.0], []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(dispatch.time, "sleep", sleep)
    monkeypatch.setattr(dispatch.time, "monotonic", lambda: now[0])
    with Journal(tmp_path, "replay") as journal:
        sender = Dispatch(dict, journal, Broker(), outcome.silent, outcome.never)
        summary = sender.send(Run(RECIPE, "t"), steps(), rate=100.0, total=600, resumable=True)
    assert summary.seconds == pytest.approx(5.99)  # the last of 600 steps happens then
    assert max(naps) <= 0.2
