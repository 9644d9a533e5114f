"""Four rounds of faults on one stack; `make chaos` runs as many as one likes."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.chaos import rounds
from tests.chaos.expected import Expected
from tests.chaos.faults import FAULTS
from tests.chaos.stack import LEASE_SECONDS, Stack, started
from tests.chaos.topic import TopicStack
from tests.stack.conftest import make_settings

pytestmark = pytest.mark.stack

NAMES = [fault.name for fault in FAULTS]


def seed_of(name: str) -> int:
    """The first seed whose only fault this is."""
    seeds = count(NAMES.index(name), len(FAULTS))
    return next(seed for seed in seeds if len(rounds.drawn(seed)[0]) == 1)


@pytest.fixture(scope="module")
def fire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Expected]]:
    """A stack and what its tables must hold, over the rounds of this module."""
    settings = make_settings(tmp_path_factory.mktemp("chaos"), lease_seconds=LEASE_SECONDS)
    with started(TopicStack, settings) as stack:
        yield stack, Expected(settings.data_path, settings.business_timezone)


@pytest.mark.parametrize(
    ("name", "restarts"),
    [
        ("S3 loses responses to writes", 0),
        ("topic twice, backwards", 0),
        ("kill -9 after silver commit", 1),
        ("kill -9 after forecast commit", 2),
    ],
)
def test_a_round(fire: tuple[Stack, Expected], name: str, restarts: int) -> None:
    stack, expected = fire
    outcome = rounds.run(stack, expected, seed_of(name))
    assert outcome.faults == []
    assert outcome.rows > 500
    assert [(one.fault, one.recovery_seconds is not None) for one in outcome.happenings] == [(name, True)], outcome
    assert stack.restarts("spark") == restarts  # it rides out what it can
