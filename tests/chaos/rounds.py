"""A round: changes come, faults happen, everything is healed, and the tables are compared with the journal.

All chance in a round comes from its seed; the tables and the topic go on from round to round, which is harder.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from lakehouse import places
from lakehouse.tables import OPS_BATCHES, OUTCOMES, SILVER_ORDER_LINES
from tests.chaos import compare, forecasts
from tests.chaos.expected import Expected
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.load import Load, Request
from tests.chaos.scene import NotMetError, Scene
from tests.chaos.stack import NotInTimeError, Stack, wait_until

RECOVERY_SECONDS = 240.0  # a machine under other load is slow, not wrong
EARLIEST, LATEST = 1.0, 7.0
MORE_FAULTS = (0, 0, 1, 1, 2)


@dataclass(frozen=True)
class Happening:
    """A fault in a round.

    Args:
        fault: Its name.
        at: When it began [s after the first change].
        recovery_seconds: From its end until gold held all that had been sent by then; None if it did not happen.
    """

    fault: str
    at: float
    recovery_seconds: float | None = None


@dataclass
class Outcome:
    """What a round came to.

    Args:
        seed: Of all chance.
        happenings: The faults.
        counts: Rows that differ, by kind; see compare.Verdict.
        rows: Rows of silver that were compared.
        messages: Messages in the topic, or changes of the table, at the end.
        seconds: How long the round took.
        faults: What is wrong, in words; empty if the round passed.
        notes: What else is worth knowing.
    """

    seed: int
    happenings: list[Happening] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    messages: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults


def drawn(seed: int, faults: Sequence[Fault] = FAULTS) -> tuple[list[Fault], Random]:
    """A round's faults, and its chance from there on: seeds in a row walk through every fault, some get company."""
    rng = Random(seed)
    chosen = [faults[seed % len(faults)]]
    if not chosen[0].alone:
        company = [fault for fault in faults if not (fault.alone or fault.wrong_clock) and fault not in chosen]
        chosen += rng.sample(company, rng.choice(MORE_FAULTS))
    return chosen, rng


def run(stack: Stack, expected: Expected, seed: int, faults: Sequence[Fault] = FAULTS) -> Outcome:
    """Run one round on a stack that is up; what goes wrong is in the outcome."""
    outcome, began = Outcome(seed), time.monotonic()
    try:
        _run(stack, expected, outcome, faults)
    except (NotInTimeError, AssertionError) as fault:
        outcome.faults.append(str(fault))
    except Exception as fault:  # a round that breaks is a round that fails
        outcome.faults.append(f"{type(fault).__name__}: {fault}")
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


def _run(stack: Stack, expected: Expected, outcome: Outcome, faults: Sequence[Fault]) -> None:
    chosen, rng = drawn(outcome.seed, faults)
    before = stack.sent()
    seconds = max(fault.load_seconds for fault in chosen)
    load = Load(stack, Request.draw(rng, seconds, sink=stack.sink, wrong_clock=chosen[0].wrong_clock))
    wait_until("the first change is sent", lambda: stack.sent() not in (before, None), 60)
    start = time.monotonic()
    threads = [
        _Thread(
            _happen,
            stack,
            outcome,
            fault,
            Scene(stack, load, Random(rng.random())),
            start,
            rng.uniform(EARLIEST, LATEST),
        )
        for fault in chosen
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.finish(RECOVERY_SECONDS)
    stack.heal()
    mark = wait_until("the way answers", stack.mark, 30)
    outcome.messages = stack.messages()
    _wait_for_gold(stack, mark)
    outcome.faults += [thread.fault for thread in threads if thread.fault]
    rows = expected.rows()
    verdict = stack.settled(lambda: _verdict(stack, rows))
    outcome.counts, outcome.rows = verdict.counts, verdict.rows
    outcome.faults += [f"{name}: {count}" for name, count in verdict.counts.items() if count] + list(verdict.examples)
    outcome.faults += [*unaccounted(stack), *forecasts.differences(stack)]


def _verdict(stack: Stack, rows: pa.Table) -> compare.Verdict:
    found = compare.tables(stack.settings)
    return compare.compare(found, stack.allowed(rows, found[SILVER_ORDER_LINES.full_name]))


def _happen(stack: Stack, outcome: Outcome, fault: Fault, scene: Scene, start: float, moment: float) -> None:
    """Let a fault happen at its moment and measure the recovery from its end."""
    time.sleep(max(0.0, start + moment - time.monotonic()))
    at = round(time.monotonic() - start, 1)
    try:
        ended = fault.act(scene)
    except NotMetError as late:
        outcome.happenings.append(Happening(fault.name, at))
        outcome.notes.append(f"{fault.name}: {late}")
        return
    _wait_for_gold(stack, wait_until("the way answers", stack.mark, RECOVERY_SECONDS))
    outcome.happenings.append(Happening(fault.name, at, round(time.monotonic() - ended, 1)))


def _wait_for_gold(stack: Stack, mark: Any) -> None:
    wait_until("gold has all that was sent", lambda: stack.holds(mark), RECOVERY_SECONDS)


def unaccounted(stack: Stack) -> list[str]:
    """Rows read without an outcome, and offsets that no batch has read, in words."""
    progress = stack.progress()
    assert progress is not None
    rows, outcomes = progress.rows["rows_read"], sum(progress.rows.get(name, 0) for name in OUTCOMES)
    found = [] if rows == outcomes else [f"{rows} rows read, {outcomes} of them with an outcome"]
    url = places.table_url(stack.settings.bucket, OPS_BATCHES.layer, OPS_BATCHES.name)

    def published() -> list[dict[str, int]] | None:
        table = DeltaTable(url, storage_options=stack.settings.delta_options).to_pyarrow_table()
        batches = [row for row in table.to_pylist() if row["generation"] == progress.generation]
        return batches if max((row["batch_id"] for row in batches), default=0) >= progress.batch_id else None

    batches = wait_until("the last batch is in ops.batches", published, 30)
    gaps = sum(row["gaps"] for row in batches if stack.topic_id and row["topic_id"] == stack.topic_id)
    return found + ([f"{gaps} offsets that no batch has read"] if gaps else [])


class _Thread(threading.Thread):
    """Calls a function and keeps what it failed with."""

    def __init__(self, act: Callable[..., None], *arguments: object) -> None:
        super().__init__(daemon=True)
        self._act, self._arguments, self.fault = act, arguments, ""

    def run(self) -> None:
        try:
            self._act(*self._arguments)
        except Exception as fault:
            self.fault = f"{type(fault).__name__}: {fault}"
