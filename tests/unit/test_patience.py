"""Patience: faults from outside are tried again, and nothing else is."""

import threading
from collections.abc import Callable

import pytest

from lakehouse.errors import ConfigError, ContractError, SourceError
from spark_jobs import patience
from spark_jobs.patience import TRIES, Patience

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MOST_SECONDS", 0.001)


def failing(times: int, fault: Exception) -> tuple[Callable[[], int], list[int]]:
    """A call that fails so many times and then returns how often it was made."""
    calls: list[int] = []

    def act() -> int:
        calls.append(len(calls) + 1)
        if len(calls) <= times:
            raise fault
        return len(calls)

    return act, calls


def patient(check: Callable[[], None] = lambda: None, stop: threading.Event | None = None) -> Patience:
    return Patience(check, stop or threading.Event())


@pytest.mark.parametrize("fault", [SourceError("no answer"), OSError("Generic S3 error")])
def test_a_fault_from_outside_is_tried_again(fault: Exception) -> None:
    assert patient().call(failing(TRIES - 1, fault)[0]) == TRIES


def test_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    act, calls = failing(99, SourceError("no answer"))
    with pytest.raises(SourceError, match="no answer"):
        patient().call(act)
    assert len(calls) == TRIES


@pytest.mark.parametrize(
    "fault", [ConfigError("wrong"), ContractError("broken"), ConnectionRefusedError("no JVM"), ValueError("a bug")]
)
def test_what_will_not_pass_is_not_tried_again(fault: Exception) -> None:
    act, calls = failing(1, fault)
    with pytest.raises(type(fault)):
        patient().call(act)
    assert calls == [1]


def test_a_driver_without_its_lease_does_not_go_on() -> None:
    def lost() -> None:
        raise SourceError("the lease was lost")

    act, calls = failing(1, OSError("Generic S3 error"))
    with pytest.raises(SourceError, match="lease"):
        patient(lost).call(act)
    assert calls == [1]


def test_nor_does_one_that_is_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    act, calls = failing(1, OSError("Generic S3 error"))
    with pytest.raises(OSError, match="Generic"):
        patient(stop=stop).call(act)
    assert calls == [1]
