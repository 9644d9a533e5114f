"""The load to measure with has exactly its shares, and its changes fit the rows before them."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from generator import load, noise, simulate
from generator.journal import Recipe
from generator.plan import Planner
from generator.shop import Shop
from generator.steps import Clock, Step

pytestmark = pytest.mark.unit

START = 1_700_000_000_000


def steps(count: int, seed: int = 1) -> list[Step]:
    return list(islice(load.steps(Shop(seed, "S1", patience_seconds=1), Random(seed), START, 2_000.0), count))


def test_every_thousand_changes_have_the_shares() -> None:
    found = steps(5_000)
    for start in range(0, 5_000, 1_000):
        assert Counter(step.op for step in found[start : start + 1_000]) == {"c": 480, "u": 500, "d": 20}
    assert found == steps(5_000)
    assert found != steps(5_000, seed=2)


def test_changes_fit_the_rows_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "ROWS", 500)  # so that rows leave the choice, too
    rows: dict[str, str] = {}
    for step in steps(20_000):
        assert (step.op == "c") == (step.key not in rows)
        assert step.before == rows.pop(step.key, "null")
        if step.op != "d":
            rows[step.key] = step.after
            assert step.before != step.after
    assert len(rows) == 20 * (480 - 20)


def test_noise_has_the_shares_and_reaches_ten_seconds() -> None:
    count = 60_000
    planner = Planner(noise.level("load"), 1, first_lsn=1, clock=Clock(START, 2_000), reach=20_000)
    messages = planner.feed(steps(count)) + planner.finish()
    assert planner.delayed / count == pytest.approx(0.10, rel=0.03)
    assert planner.kinds["duplicate"] / count == pytest.approx(0.05, rel=0.05)
    assert sum(message.kind.startswith("malformed:") for message in messages) / count == (pytest.approx(0.001, rel=0.3))
    late, newest = [], 0
    for message in messages:
        if message.lsn and message.kind != "duplicate":
            late.append(newest - message.lsn)
            newest = max(newest, message.lsn)
    assert 5_000 < max(late) <= 21_000


def test_a_live_simulation_with_that_noise_is_the_load() -> None:
    arguments = {"faker": simulate.faker.VERSION, "first_day": None, "last_day": None, "orders_per_day": 1.0}
    recipe = Recipe("simulate", arguments, "load", 3, 77, START, 2_000.0, 20_000)
    found = Counter(step.op for step in islice(simulate.steps(recipe), 2_000))
    assert found == {"c": 960, "u": 1_000, "d": 40}
