"""What is done about topic and connector where a worker comes late, fails, or the topic is another one."""

from typing import Any

import pytest

from connect import registration
from generator import topics
from infra.local import connector
from lakehouse.errors import ConfigError, SourceError
from lakehouse.settings import Settings, load

pytestmark = pytest.mark.unit


class Worker:
    """A Connect worker and a broker: `state` and `registered` are what they say, `asked` is what they were asked."""

    def __init__(self) -> None:
        self.topic, self.registered, self.state = "A" * 22, "", "RUNNING"
        self.asked: list[str] = []

    def status(self, _: Settings) -> dict[str, Any]:
        if not self.registered:
            raise ConfigError("no such connector")
        return {"connector": {"state": "RUNNING"}, "tasks": [{"id": 0, "state": self.state}]}

    def topic_id(self, _: Settings) -> str:
        return self.registered

    def ensure(self, _: Settings) -> str:
        return self.topic

    def register(self, _: Settings, topic_id: str) -> None:
        self.asked.append("register")
        self.registered = topic_id

    def restart(self, _: Settings) -> None:
        self.asked.append("restart")
        self.state = "RUNNING"


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    there = Worker()
    for name in ("status", "topic_id", "register", "restart"):
        monkeypatch.setattr(registration, name, getattr(there, name))
    monkeypatch.setattr(topics, "ensure", there.ensure)
    return there


def test_it_is_registered_once(worker: Worker) -> None:
    settings = load({}, None)
    assert [connector.look(settings) for _ in range(3)] == ["registered", "", ""]
    assert worker.asked == ["register"]
    assert worker.registered == worker.topic


def test_a_topic_made_anew_is_registered(worker: Worker) -> None:
    settings = load({}, None)
    connector.look(settings)
    worker.topic = "B" * 22
    assert connector.look(settings) == "registered"
    assert worker.registered == "B" * 22


def test_what_has_failed_is_restarted_and_what_runs_is_left_alone(worker: Worker) -> None:
    settings = load({}, None)
    connector.look(settings)
    worker.state = "FAILED"
    assert [connector.look(settings) for _ in range(2)] == ["restarted", ""]
    worker.state = "UNASSIGNED"
    assert connector.look(settings) == ""
    assert worker.asked == ["register", "restart"]


def test_it_looks_on_after_a_fault_and_tells_the_same_one_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([SourceError("no worker"), SourceError("no worker"), "registered", SourceError("no broker"), ""])
    pauses: list[float] = []
    told: list[dict[str, Any]] = []

    def look(_: Settings) -> str:
        answer = next(answers)
        if isinstance(answer, str):
            return answer
        raise answer

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(connector, "look", look)
    monkeypatch.setattr(connector.time, "sleep", pause)
    monkeypatch.setattr(connector, "event", lambda _, **fields: told.append(fields))
    with pytest.raises(KeyboardInterrupt):
        connector.keep(load({}, None))
    assert [next(iter(fields.values())) for fields in told] == ["no worker", "registered", "no broker"]
    assert pauses == [connector.SOON_SECONDS] * 4 + [connector.LATER_SECONDS]
