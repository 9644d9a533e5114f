"""The DynamoDB sink: killed, throttled or refused anywhere, the table ends as the truth says, each key in its order."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from generator import dataset, dispatch, noise, outcome, replay, simulate, table, truth
from generator.dispatch import Dispatch, forget_lost
from generator.journal import Journal, Recipe, Run
from generator.steps import Step, final
from lakehouse.attributes import item
from lakehouse.errors import ConfigError, SourceError
from lakehouse.places import DYNAMODB
from lakehouse.settings import Settings
from tests.unit.memory_table import MemoryTable, fault

pytestmark = pytest.mark.unit

LINES = dataset.read(limit=300)
RECIPE = Recipe("replay", {"limit": 300}, "heavy", 5, 1_000, 10, 1000.0, 100, sink=DYNAMODB)
Way = Callable[[Settings], table._Writer]
WAYS: list[Way] = [table.Batches, table.Conditional]


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "BLOCK_STEPS", 40)
    monkeypatch.setattr(table, "_FIRST_SECONDS", 0.0001)
    monkeypatch.setattr(table, "WORKERS", 1)


def writer(way: Way, held: MemoryTable) -> table._Writer:
    made = way(Settings())
    made._client = held
    return made


def send(folder: Path, way: Way, held: MemoryTable) -> None:
    """A replay to the table, gone on with if one was interrupted."""
    with Journal(folder, "replay", DYNAMODB) as journal, writer(way, held) as producer:
        run = next(iter(forget_lost(journal, "t")), None) or Run(RECIPE, "t")
        steps = itertools.chain.from_iterable(LINES.blocks())
        sending = Dispatch(dict, journal, producer, outcome.silent, outcome.never)
        sending.send(run, steps, rate=None, total=None, resumable=True)


def expected(steps: Iterable[Step]) -> list[str]:
    return sorted(repr(sorted(item(truth.replay.json.loads(image)).items())) for image in final(steps).values())


def rows(held: MemoryTable) -> list[str]:
    """The items without what noise left that the contract does not know."""
    known = set(replay.OrderLine.__dataclass_fields__)
    return sorted(repr(sorted((n, v) for n, v in row.items() if n in known)) for row in held.items.values())


def whole() -> list[str]:
    return expected(itertools.chain.from_iterable(LINES.blocks()))


@pytest.mark.parametrize("way", WAYS)
def test_the_noise_of_a_table_leaves_the_data_set(tmp_path: Path, way: Way) -> None:
    held = MemoryTable()
    send(tmp_path, way, held)
    assert rows(held) == whole()
    changes = defaultdict(list)
    for key, row in held.stream:
        changes[key].append(row)
    assert any(None in row for row in changes.values())  # deleted and inserted again, or never meant
    assert max(map(len, changes.values())) >= 3


@given(kills=st.lists(st.integers(0, 60), max_size=4), way=st.sampled_from(WAYS))
@trials(max_examples=30, deadline=None)
def test_killed_anywhere_and_run_again_the_table_is_the_truth(
    tmp_path_factory: pytest.TempPathFactory, kills: list[int], way: Way
) -> None:
    folder, left = tmp_path_factory.mktemp("kills"), [0]

    def dying(_: str) -> int:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return 0

    held = MemoryTable(dying)
    for kill in kills:
        left[0] = kill if way is table.Batches else 15 * kill
        try:
            send(folder, way, held)
        except Killed:
            continue
        break
    left[0] = -1
    send(folder, way, held)
    assert rows(held) == whole()


def test_what_is_not_taken_is_sent_again_before_anything_of_its_key() -> None:
    turns = itertools.cycle((7, 0, 1))
    held = MemoryTable(lambda _: next(turns))
    with writer(table.Batches, held) as producer:
        for quantity in range(30):
            for order in range(10):
                key, envelope = change("u" if quantity else "c", order, quantity)
                producer.send(key, envelope)
        producer.flush()
    assert {row["quantity"]["N"] for row in held.items.values()} == {"29"}
    by_key = defaultdict(list)
    for name, row in held.stream:
        by_key[name].append(int((row or {})["quantity"]["N"]))
    assert list(by_key.values()) == [list(range(30))] * 10


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "trouble",
    [fault("ProvisionedThroughputExceededException"), fault("InternalServerError"),
     EndpointConnectionError(endpoint_url="http://127.0.0.1:1")],
)  # fmt: skip
def test_a_busy_table_is_tried_again_ever_later(way: Way, trouble: Exception) -> None:
    faults: list[Exception] = [trouble] * 3

    def busy(_: str) -> int:
        if faults:
            raise faults.pop()
        return 0

    held = MemoryTable(busy)
    with writer(way, held) as producer:
        producer.send(*change("c", 1, 5))
        producer.flush()
    assert len(held.items) == 1
    assert len(held.calls) == 4


def test_a_table_that_takes_nothing_costs_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "DELIVERY_SECONDS", 0.01)
    with writer(table.Batches, MemoryTable(lambda _: 1)) as producer:
        producer.send(*change("c", 1, 5))
        with pytest.raises(SourceError, match=r"1 changes were not taken; expected all of them; see `make status`"):
            producer.flush()


def test_a_table_that_is_not_there_is_a_mistake() -> None:
    def absent(_: str) -> int:
        raise fault("ResourceNotFoundException")

    for way in WAYS:
        with writer(way, MemoryTable(absent)) as producer:
            producer.send(*change("c", 1, 5))
            with pytest.raises(ConfigError, match=r"table order_lines .* is not there.*run `make up`"):
                producer.flush()


def test_an_update_sets_what_differs_and_removes_what_became_null() -> None:
    key, envelope = change("u", 1, 5)
    document = table.json.loads(envelope)
    document["before"] |= {"quantity": 4, "description": "gone"}
    document["after"]["description"] = None
    operation, arguments = table.request(item(table.json.loads(key)), document)
    assert operation == "update_item"
    assert arguments["UpdateExpression"] == "SET #0 = :0 REMOVE #1"
    assert arguments["ExpressionAttributeNames"] == {"#0": "quantity", "#1": "description"}
    assert arguments["ExpressionAttributeValues"] == {":0": {"N": "5"}}


def test_changes_that_were_made_before_are_left_out() -> None:
    held = MemoryTable()
    changes = [change("c", 1, 1), change("u", 1, 2), change("c", 2, 1), change("d", 2, 1)]
    for _ in range(2):
        with writer(table.Conditional, held) as producer:
            for key, envelope in changes:
                producer.send(key, envelope)
            producer.flush()
    assert [row["quantity"]["N"] for row in held.items.values()] == ["2"]


def change(op: str, order: int, quantity: int) -> tuple[bytes, bytes]:
    image: dict[str, Any] = {"order_id": f"{order}", "line_no": 1, "quantity": quantity}
    before = None if op == "c" else {**image, "quantity": quantity - 1}
    envelope = {"op": op, "before": before, "after": None if op == "d" else image}
    key = {name: image[name] for name in ("order_id", "line_no")}
    return table.json.dumps(key).encode(), table.json.dumps(envelope).encode()


def test_what_cannot_happen_to_a_table_is_left_out_of_a_level() -> None:
    found = noise.of_table(noise.level("heavy"))
    assert (found.malformed, found.duplicate, found.delayed, found.shuffled, found.null_value) == (0, 0, 0, 0, 0)
    assert replace(found, malformed=0.01, duplicate=0.05, delayed=0.1, shuffled=0.4, null_value=0.01) == noise.level(
        "heavy"
    )


def test_a_journal_tells_the_truth_of_each_sink_apart(tmp_path: Path) -> None:
    settings = replace(Settings(), data_dir=str(tmp_path))
    for sink, steps, number in (("kafka", 100, 1), (DYNAMODB, 30, 2)):
        with Journal(tmp_path, "replay", sink) as journal:
            journal.write(Run(replace(RECIPE, sink=sink, first_lsn=number), "t", steps=steps))
    assert (len(truth.images(settings)), len(truth.images(settings, DYNAMODB))) == (100, 30)
    with Journal(tmp_path, "replay") as kafka, Journal(tmp_path, "replay", DYNAMODB) as other:
        assert [run.recipe.sink for run in forget_lost(kafka, "gone")] == []
        assert [run.recipe.sink for run in forget_lost(other, "t")] == [DYNAMODB]


def test_a_simulation_makes_conditional_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = MemoryTable()
    monkeypatch.setattr(table, "table_id", lambda _: "t")
    monkeypatch.setattr(table, "_client", lambda _: held)
    settings = replace(Settings(), data_dir=str(tmp_path))
    summary = simulate.run(settings, simulate.Request(rate=100_000.0, changes=400, sink=DYNAMODB, noise="heavy"))
    assert {"put_item", "update_item", "delete_item"} == set(held.calls)
    assert summary.sink == DYNAMODB and not summary.malformed and not summary.nulls
    (run,) = Journal(tmp_path, "simulate").runs()
    assert rows(held) == expected(itertools.islice(simulate.steps(run.recipe), run.steps))
