"""Notices of services: events at once, figures gathered, and everything sent at the end."""

import threading
from typing import Any

import pytest

from forecasting.service import outbox
from forecasting.service.outbox import Outbox

pytestmark = pytest.mark.unit


class Sent:
    """What was sent, in its order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, list[Any]]] = []
        self.came = threading.Event()

    def __call__(self, account: str, region: str, items: list[dict[str, Any]]) -> None:
        self.calls.append((account, region, [item["n"] for item in items]))
        self.came.set()


def test_figures_of_many_go_in_one_call_for_each_account_and_region() -> None:
    events, metrics = Sent(), Sent()
    box = Outbox("test", event=events, metric=metrics)
    for number in range(5):
        box.put("metric", "a", "eu", [{"n": number}])
        box.put("event", "a", "eu", [{"n": number}])
    box.put("metric", "b", "eu", [{"n": 9}])
    box.start()
    assert metrics.came.wait(10)
    box.stop()
    assert events.calls == [("a", "eu", [number]) for number in range(5)]
    assert metrics.calls == [("a", "eu", [0, 1, 2, 3, 4]), ("b", "eu", [9])]


def test_figures_that_are_gathered_are_sent_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "GATHER_SECONDS", 1000.0)
    metrics = Sent()
    box = Outbox("test", metric=metrics)
    box.start()
    for number in range(1500):
        box.put("metric", "a", "eu", [{"n": number}])
    box.stop()
    assert [len(items) for _, _, items in metrics.calls] == [1000, 500]


def test_what_cannot_be_sent_keeps_nothing_else() -> None:
    metrics = Sent()

    def refuse(*_: Any) -> None:
        raise OSError("no")

    box = Outbox("test", event=refuse, metric=metrics)
    box.put("event", "a", "eu", [{"n": 1}])
    box.put("metric", "a", "eu", [{"n": 2}])
    box.start()
    box.stop()
    assert metrics.calls == [("a", "eu", [2])]
