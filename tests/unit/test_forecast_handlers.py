"""The Lambda functions of the forecasts, over clients that remember what they were asked."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from forecasting.definitions import reading
from infra.aws.handlers import calls, messages, steps, uploads

pytestmark = pytest.mark.unit

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Client:
    """S3, Step Functions and SQS at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.listed: list[dict[str, Any]] = []

    def get_paginator(self, _: str) -> "Client":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Contents": self.listed}]

    def __getattr__(self, name: str) -> Any:
        if name == "exceptions":
            return type("Exceptions", (), {"ExecutionAlreadyExists": KeyError})
        return lambda **given: self.asked.append((name, given))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    found = Client()
    monkeypatch.setattr(calls, "client", lambda _: found)
    monkeypatch.setattr(steps, "definitions", lambda: {"revenue": reading.load()["revenue_by_country"]})
    monkeypatch.setenv("MACHINE", "machine")
    monkeypatch.setenv("TOPIC", "topic")
    monkeypatch.setenv("DEAD_LETTERS", "dead")
    return found


def uploaded(*keys: str) -> dict[str, Any]:
    """An event of S3's."""
    return {"Records": [{"s3": {"bucket": {"name": "lake"}, "object": {"key": key, "sequencer": "7"}}} for key in keys]}


def entry(key: str, age: int) -> dict[str, Any]:
    return {"Key": key, "ETag": f'"{key}"', "LastModified": NOON - timedelta(minutes=age)}


def test_of_several_files_the_newest_starts_a_run_whatever_else_lies_beside_it(client: Client) -> None:
    client.listed = [
        entry("input/revenue/old.csv", 9),
        entry("input/revenue/a%20b.csv", 5),
        entry("input/revenue/may.csv", 3),
        entry("input/revenue/notes.txt", 1),
    ]
    event = uploaded(
        "input/revenue/old.csv", "input/revenue/may.csv", "input/", "input/nobody/may.csv", "input/revenue/notes.txt"
    )
    assert uploads.handler(event, None) == {"started": ["input/revenue/may.csv"]}
    assert [given["Message"].partition(";")[0] for name, given in client.asked if name == "publish"] == [
        "input/nobody/may.csv starts no forecast",
        "input/revenue/notes.txt starts no forecast",
    ]
    ((name, given),) = (one for one in client.asked if one[0] != "publish")
    assert (name, json.loads(given["input"])) == (
        "start_execution",
        {"DataName": "revenue", "Upload": "input/revenue/may.csv", "Tag": "input/revenue/may.csv"},
    )


def test_a_wrong_message_goes_to_the_dead_letters_with_a_reason_that_can_be_sent(client: Client) -> None:
    body = json.dumps({"DataName": "revenue", "\u0000\n": 1})
    assert messages.handler({"Records": [{"messageId": "1", "body": body}]}, None) == {"batchItemFailures": []}
    ((name, given),) = client.asked
    assert (name, given["QueueUrl"], given["MessageBody"]) == ("send_message", "dead", body)
    reason = given["MessageAttributes"]["Reason"]["StringValue"]
    assert reason.startswith('a member "\\u0000\\n"; expected members DataName, ')
    assert reason.isprintable()


def test_a_message_that_cannot_be_handled_now_comes_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no answer")

    monkeypatch.setattr(messages, "start", refuse)
    records = [{"messageId": number, "body": '{"DataName": "revenue"}'} for number in "12"]
    failed = [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]
    assert messages.handler({"Records": records}, None) == {"batchItemFailures": failed}
    assert client.asked == []


@pytest.mark.parametrize(("hours", "status"), [(23, "BUSY"), (25, "REFUSED")])
def test_a_run_waits_for_another_of_its_forecast_for_a_day(
    client: Client, monkeypatch: pytest.MonkeyPatch, hours: int, status: str
) -> None:
    monkeypatch.setattr(calls, "version", lambda *_: "7 etag")
    monkeypatch.setattr(calls, "hold", lambda *_: False)
    site = {"bucket": "lake", "role": "r", "topic": "t", "prefix": "", "poll_seconds": "60", "load_seconds": "0"}
    since = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    event = {"input": {"DataName": "revenue"}, "execution": "x", "execution_arn": "arn", "since": since, **site}
    context = type("Context", (), {"invoked_function_arn": "arn:aws:lambda:eu-west-1:000000000000:function:steps"})
    found = steps.make_plan(event, context)
    assert found["status"] == status
    assert found.get("poll_seconds") == (60 if status == "BUSY" else None)
