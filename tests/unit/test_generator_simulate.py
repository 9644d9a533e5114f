"""The made-up shop: the same for the same seed, plausible over the year, its truth right under any noise."""

import json
from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from generator import dataset, noise, replay, simulate, truth
from generator.catalogue import demand
from generator.journal import Journal, Recipe, Run
from generator.plan import Planner
from generator.shop import Shop
from generator.simulate import Request
from generator.steps import Clock, Step, final
from lakehouse import envelopes
from lakehouse.envelopes import Change
from lakehouse.errors import ConfigError, ContractError
from lakehouse.fields import Rejection
from lakehouse.settings import Settings

pytestmark = pytest.mark.unit


def live(count: int, seed: int = 1, name: str = "S1") -> list[Step]:
    return list(islice(Shop(seed, name, patience_seconds=5).live(1_700_000_000_000, 100.0), count))


def days(first: date, last: date, seed: int = 1) -> list[Step]:
    return list(Shop(seed, "S1", patience_seconds=2 * 86_400).days(first, last, 30))


def recipe(first_lsn: int = 123_456, **arguments: object) -> Recipe:
    given = {"faker": simulate.faker.VERSION, "first_day": None, "last_day": None, "orders_per_day": 30.0}
    return Recipe("simulate", {**given, **arguments}, "heavy", 1, first_lsn, 1_700_000_000_000, 100.0, 500)


def test_the_same_seed_gives_the_same_shop_and_a_longer_run_begins_like_a_shorter() -> None:
    assert live(500) == live(2_000)[:500]
    assert live(500) != live(500, seed=2)
    assert days(date(2024, 1, 1), date(2024, 1, 9))[:300] == days(date(2024, 1, 1), date(2024, 2, 9))[:300]


def test_changes_of_every_kind_happen_and_fit_the_rows_before() -> None:
    rows: dict[str, str] = {}
    ops: Counter[str] = Counter()
    for step in live(20_000):
        ops[step.op] += 1
        assert (step.op == "c") == (step.key not in rows)
        if step.op != "c":
            assert step.before == rows.pop(step.key)
        if step.op != "d":
            rows[step.key] = step.after
            assert step.before != step.after
    lines = [replay.order_line(image) for image in rows.values()]
    assert min(ops[op] for op in "cud") > 50
    assert any(line.quantity < 0 for line in lines)
    assert all(line.order_id.startswith("S1-") for line in lines)
    assert {line.customer_id is None for line in lines} == {True, False}
    assert len({line.country for line in lines}) > 5


@pytest.mark.parametrize("level", noise.LEVELS)
def test_its_truth_survives_the_noise(level: str) -> None:
    steps = live(8_000)
    planner = Planner(noise.level(level), 1, first_lsn=1, clock=Clock(0, 100.0), reach=3_000)
    newest: dict[tuple[str, int], Change] = {}
    for message in planner.feed(steps) + planner.finish():
        try:
            change = envelopes.decode(message.value.decode()) if message.value is not None else None
        except (UnicodeDecodeError, Rejection):
            continue
        if change and (change.key not in newest or change.sequence > newest[change.key].sequence):
            newest[change.key] = change
    left = {key: change.line for key, change in newest.items() if change.line}
    assert left == {line.key: line for line in map(replay.order_line, final(steps).values())}


def test_days_are_whole_and_demand_follows_the_season() -> None:
    steps = days(date(2024, 11, 25), date(2024, 12, 1))
    orders = Counter(
        json.loads(step.after)["ordered_at"][:10] for step in steps if step.op == "c" and '"line_no":1,' in step.after
    )
    assert sorted(orders) == [f"2024-11-{day}" for day in range(25, 31)] + ["2024-12-01"]
    assert orders["2024-11-28"] > orders["2024-12-01"]
    assert demand(date(2024, 12, 1)) > 1.3 * demand(date(2024, 7, 7))
    assert demand(date(2025, 7, 6)) > demand(date(2024, 7, 7))


def test_order_ids_are_unique_over_runs() -> None:
    ids = [
        {json.loads(s.key)["order_id"] for s in islice(simulate.steps(recipe(lsn)), 400)}
        for lsn in (10**15, 10**15 + 1)
    ]
    assert not ids[0] & ids[1]
    assert all(order_id.startswith("S") for order_id in ids[0] | ids[1])


def test_a_run_of_another_faker_is_refused() -> None:
    with pytest.raises(ContractError, match=r"Faker 1\.0"):
        simulate.steps(recipe(faker="1.0"))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(noise="loud"), "noise 'loud'"),
        (Request(rate=0), "rate 0"),
        (Request(rate=float("nan")), "rate nan"),
        (Request(first_day=date(2024, 1, 1)), "only one of --from and --to"),
        (Request(first_day=date(2024, 1, 2), last_day=date(2024, 1, 1)), "days in order"),
        (Request(first_day=date(1, 1, 1), last_day=date(2024, 1, 1)), "2000 to 2100"),
        (Request(changes=0), "changes 0"),
        (Request(seconds=-1.5), "seconds -1.5"),
    ],
)
def test_what_cannot_be_simulated_is_refused(request_: Request, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        request_.check()


def test_the_truth_is_written_from_the_journal(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    runs = [
        Run(Recipe("replay", {"limit": 700}, "heavy", 5, 5, 10, 1e6, 300), "t", steps=700, closed=True),
        Run(recipe(10**15), "t", steps=900, ended=True),
        Run(recipe(10**15 + 1, first_day="2024-03-01", last_day="2024-03-02"), "t", steps=100, closed=True),
    ]
    for run in runs:
        with Journal(tmp_path, run.recipe.shop) as journal:
            journal.write(run)
    parts = [list(islice(simulate.steps(run.recipe), run.steps)) for run in runs[1:]]
    expected = {line.key: line for steps in parts for line in map(replay.order_line, final(steps).values())}
    expected |= replay.truth(dataset.read(limit=700))

    assert truth.write(settings, tmp_path / "truth.parquet") == len(expected)
    rows = pq.read_table(tmp_path / "truth.parquet").to_pylist()
    assert {(row["order_id"], row["line_no"]): envelopes.OrderLine(**row) for row in rows} == expected
    assert truth.write(settings, tmp_path / "truth.jsonl") == len(expected)
    texts = (tmp_path / "truth.jsonl").read_text().splitlines()
    assert {line.key: line for line in map(replay.order_line, texts)} == expected


def test_the_truth_of_a_shop_that_never_opened_is_empty(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    assert truth.write(settings, tmp_path / "truth.parquet") == 0
    assert pq.read_table(tmp_path / "truth.parquet").column_names == list(envelopes.FIELDS)
    with pytest.raises(ConfigError, match=r"\.csv"):
        truth.write(settings, tmp_path / "truth.csv")
    with pytest.raises(ConfigError, match="absent"):
        truth.write(settings, tmp_path / "absent" / "truth.jsonl")
