"""Whatever the noise, the messages reduce to what the shop meant: the planner against a dictionary replay."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator import dataset, malformed, noise, replay
from generator.plan import Planner
from generator.steps import Clock, Message, Step, final
from lakehouse import envelopes
from lakehouse.envelopes import Change, OrderLine
from lakehouse.fields import Rejection

pytestmark = pytest.mark.unit

LINES = dataset.read(limit=4_000)
KINDS = {
    "insert", "wrong", "blank", "correction", "unknown", "undone", "reinsert", "late", "phantom", "phantom_deleted",
    "tombstone", "null_value", "duplicate",
}  # fmt: skip


def accepted(messages: Iterable[Message]) -> Iterable[Change]:
    for message in messages:
        if message.value is not None:
            try:
                yield envelopes.decode(message.value.decode())
            except (UnicodeDecodeError, Rejection):
                assert message.kind.startswith("malformed:"), message


def replayed(messages: Iterable[Message]) -> dict[tuple[str, int], OrderLine]:
    """The slow obvious way: the greatest sequence of a key wins, wherever it was delivered."""
    newest: dict[tuple[str, int], Change] = {}
    for change in accepted(messages):
        if change.key not in newest or change.sequence > newest[change.key].sequence:
            newest[change.key] = change
    return {key: change.line for key, change in newest.items() if change.line is not None}


@pytest.mark.parametrize("level", noise.LEVELS)
@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_the_replay_leaves_the_data_set(level: str, seed: int) -> None:
    assert replayed(replay.messages(LINES, level, seed)) == replay.truth(LINES)


def row(number: int, quantity: int) -> str:
    line = {
        "order_id": f"S{number}", "line_no": 1, "product_id": "p", "description": "a \"b\" \\ é", "quantity": quantity,
        "unit_price": "1.250", "customer_id": "7", "country": "EIRE", "ordered_at": "2024-02-29T10:00:00.000000Z",
    }  # fmt: skip
    return noise.dumps(line)


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Steps of a shop over few keys: each key is inserted, then changed, deleted, inserted again."""
    live: dict[int, str] = {}
    steps = []
    for number, quantity in draw(st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), max_size=60)):
        key, image = noise.dumps({"order_id": f"S{number}", "line_no": 1}), row(number, quantity)
        before = live.get(number)
        if before is None:
            steps.append(Step("c", key, "null", image))
            live[number] = image
        elif quantity == 0:
            steps.append(Step("d", key, live.pop(number), "null"))
        else:
            steps.append(Step("u", key, before, image))
            live[number] = image
    return steps


ALWAYS = noise.Level(
    wrong=0.15, blank=0.15, reinsert=0.15, late=0.15, unknown=0.1, phantom=0.1, null_value=0.1, malformed=0.1,
    duplicate=0.3, delayed=0.5, shuffled=0.6,
)  # fmt: skip


@given(histories(), st.integers(0, 2**32), st.integers(2, 80))
@settings(max_examples=200, deadline=None)
def test_any_history_survives_any_noise(steps: list[Step], seed: int, reach: int) -> None:
    planner = Planner(ALWAYS, seed, first_lsn=10, clock=Clock(1_000), reach=reach)
    messages = planner.feed(steps) + planner.finish()
    expected = {line.key: line for line in map(replay.order_line, final(steps).values())}
    assert replayed(messages) == expected


@given(st.lists(st.integers(1, 700), max_size=8), st.sampled_from(sorted(noise.LEVELS)))
@settings(max_examples=15, deadline=None)
def test_messages_do_not_depend_on_how_the_steps_are_cut(cuts: list[int], level: str) -> None:
    steps = [step for block in LINES.blocks() for step in block]
    whole = list(replay.messages(LINES, level, seed=3))
    planner = Planner(
        noise.level(level), 3, first_lsn=1, clock=Clock(replay.START_MILLIS, replay.FULL_SPEED), reach=replay.REACH
    )
    pieces: list[Message] = []
    for cut in cuts:
        head, steps = steps[:cut], steps[cut:]
        pieces += planner.feed(head)
    assert pieces + planner.feed(steps) + planner.finish() == whole


def test_another_seed_gives_other_messages() -> None:
    assert list(replay.messages(LINES, seed=1)) != list(replay.messages(LINES, seed=2))


def test_every_kind_of_noise_occurs() -> None:
    found = {message.kind for message in replay.messages(LINES, "heavy")}
    assert found >= KINDS
    assert sum(kind.startswith("malformed:") for kind in found) > 20
    assert {message.kind for message in replay.messages(LINES, "none")} == {"insert"}


@pytest.mark.parametrize("level", ["realistic", "heavy"])
def test_shares_are_those_of_the_table(level: str) -> None:
    lines = dataset.read(limit=40_000)
    kinds = [message.kind for message in replay.messages(lines, level)]
    shares = noise.level(level)
    for kind, share in (("wrong", shares.wrong), ("late", shares.late), ("null_value", shares.null_value)):
        assert kinds.count(kind) / len(lines) == pytest.approx(share, rel=0.35), kind
    assert kinds.count("duplicate") / len(kinds) == pytest.approx(shares.duplicate, rel=0.2)


def test_values_are_the_bytes_of_encode() -> None:
    compared = 0
    for message in replay.messages(LINES, "heavy", first_lsn=77):
        if message.value is None or message.kind == "unknown" or message.kind.startswith("malformed:"):
            continue
        document = json.loads(message.value)
        before, after = (
            None if image is None else replay.order_line(noise.dumps({name: image[name] for name in envelopes.FIELDS}))
            for image in (document["before"], document["after"])
        )
        if after is None or set(document["after"]) == set(envelopes.FIELDS):
            at = datetime.fromtimestamp(document["source"]["ts_ms"] / 1000, UTC)
            assert message.value == envelopes.encode(document["op"], message.lsn, at, before, after)
            line = after or before
            assert line is not None
            assert message.key == envelopes.encode_key(*line.key)
            compared += 1
    assert compared > len(LINES)


def test_a_delete_is_followed_by_its_tombstone() -> None:
    messages = list(replay.messages(LINES, "heavy"))
    owed: dict[bytes, int] = {}
    for message in messages:
        if message.value is not None and b'"op":"d"' in message.value and message.kind in ("undone", "phantom_deleted"):
            owed[message.key] = owed.get(message.key, 0) + 1
        elif message.kind == "tombstone":
            assert message.value is None
            owed[message.key] -= 1
    assert owed
    assert not any(owed.values())


def test_changes_arrive_out_of_order_near_and_far() -> None:
    lines = dataset.read(limit=60_000)
    latest: dict[bytes, tuple[int, int]] = {}
    distances = []
    for place, message in enumerate(replay.messages(lines, "heavy")):
        if message.lsn:
            lsn, before = latest.get(message.key, (0, 0))
            if message.lsn < lsn:
                distances.append(place - before)
            else:
                latest[message.key] = message.lsn, place
    assert min(distances) < 100
    assert max(distances) > 20_000


def test_source_time_and_lsn_rise_together() -> None:
    changes = sorted(
        (m.lsn, json.loads(m.value)["ts_ms"]) for m in replay.messages(LINES, "heavy") if m.lsn and m.value
    )
    assert [at for _, at in changes] == sorted(at for _, at in changes)


@pytest.mark.parametrize("kind", malformed.KINDS)
def test_every_malformed_message_is_rejected(kind: str) -> None:
    sound = {
        "before": json.loads(row(1, 1)), "after": json.loads(row(1, 7)),
        "source": {"connector": "postgresql", "name": "shop", "table": "order_lines", "lsn": 12, "ts_ms": 34},
        "op": "u", "ts_ms": 34,
    }  # fmt: skip
    envelopes.decode(json.dumps(sound))
    value = malformed.broken(kind, sound)
    with pytest.raises((UnicodeDecodeError, Rejection)):
        envelopes.decode(value.decode())
    if kind == "big":
        assert malformed.BIG_BYTES < len(value) < 2 * 1024 * 1024


def test_big_messages_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generator.plan._MALFORMED", ("big",))
    sizes = [len(message.value or b"") for message in replay.messages(LINES, "heavy")]
    assert sum(size > malformed.BIG_BYTES for size in sizes) == 8


def test_no_phantom_shares_its_key_with_a_line() -> None:
    lines = replay.truth(LINES)
    keys = {json.loads(m.key)["order_id"] for m in replay.messages(LINES, "heavy") if m.kind == "phantom"}
    assert any(key.startswith("X") for key in keys)
    for message in replay.messages(LINES, "heavy"):
        if message.kind == "phantom":
            key = json.loads(message.key)
            assert (key["order_id"], key["line_no"]) not in lines


def test_unknown_columns_keep_the_line() -> None:
    extended = [m for m in replay.messages(LINES, "heavy") if m.kind == "unknown" and m.value]
    truth = replay.truth(LINES)
    for change in accepted(extended):
        assert change.extra
        assert change.line == truth[change.key]
    assert extended


@pytest.mark.parametrize("kind", ["wrong", "blank"])
def test_what_is_to_be_corrected_is_wrong_and_still_acceptable(kind: str) -> None:
    truth = replay.truth(LINES)
    changes = list(accepted(m for m in replay.messages(LINES, "heavy") if m.kind == kind))
    assert len(changes) > 50
    for change in changes:
        assert change.line is not None
        assert change.line != truth[change.key]
    if kind == "wrong":
        moved = [c for c in changes if c.line and c.line.ordered_at.date() != truth[c.key].ordered_at.date()]
        assert moved
