"""Starts executions of the forecasts' state machine and follows them; prints nothing.

The same calls here and on AWS.
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakehouse.errors import SourceError
from lakehouse.settings import Settings

PAGE = 20  # executions of a status that are looked at, the newest
NAP_SECONDS = 0.2  # between two looks whether a person wants to go
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}.*")

Report = Callable[[str, str, float], str]
"""Told a forecast, the state it has come to and the seconds since its start; answers why nobody should wait any longer
for it, "" to go on."""


@dataclass(frozen=True)
class Ended:
    """How an execution ended, or the watching of it.

    Args:
        name: Of the forecast.
        seconds: From its start to its end.
        output: What it answers; empty if it failed.
        fault: Why it failed, in a line; "" if it did not.
        is_left: Whether it goes on, since a person wants to wait no longer.
    """

    name: str
    seconds: float
    output: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    is_left: bool = False


def run(
    settings: Settings,
    machine: str,
    orders: Sequence[Mapping[str, Any]],
    report: Report,
    stop: Callable[[], bool] = lambda: False,
) -> list[Ended]:
    """Start an execution for each order, all at once, and wait for their ends.

    Args:
        settings: How the AWS API is reached.
        machine: ARN.
        orders: Inputs, each with a DataName.
        report: Told of each state.
        stop: Whether to leave them to themselves.

    Raises:
        SourceError: Step Functions does not answer, or has forgotten an execution.
    """
    once = Config(retries={"total_max_attempts": 3}, connect_timeout=2, read_timeout=20)
    try:
        client = boto3.client("stepfunctions", config=once, **settings.client_arguments)
        watched = []
        for order in orders:
            name = f"{order['DataName']}-{uuid.uuid4().hex[:12]}"
            answer = client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(order))
            watched.append(_Watched(client, answer["executionArn"], str(order["DataName"])))
        return _follow(watched, report, stop, pause=0.2 if settings.aws_endpoint_url else 10.0)
    except (ClientError, BotoCoreError) as fault:
        place = settings.aws_endpoint_url or "AWS"
        raise SourceError(f"Step Functions: {fault}", f"an answer of {place}", "run it again") from fault


class _Watched:
    """An execution that is looked at until it ends.

    Attributes:
        ended: How it ended; None while it runs.
    """

    def __init__(self, client: Any, arn: str, name: str) -> None:
        self._client, self._arn, self._name = client, arn, name
        self._state, self._began = "", time.monotonic()
        self.ended: Ended | None = None

    def look(self, report: Report) -> None:
        """Tell of a new state, and note an end."""
        found = self._client.describe_execution(executionArn=self._arn)
        seconds = time.monotonic() - self._began
        state = _state(self._client, self._arn)
        reason = ""
        if state and state != self._state:
            self._state = state
            reason = report(self._name, state, seconds)
        if found["status"] == "SUCCEEDED":
            self.ended = Ended(self._name, seconds, json.loads(found["output"]))
        elif found["status"] != "RUNNING":
            text = cause(found.get("cause") or found.get("error") or found["status"])
            self.ended = Ended(self._name, seconds, fault=text)
        elif reason:
            self.ended = Ended(self._name, seconds, fault=reason)

    def leave(self) -> None:
        """Wait no longer."""
        self.ended = self.ended or Ended(self._name, time.monotonic() - self._began, is_left=True)


def _follow(watched: Sequence[_Watched], report: Report, stop: Callable[[], bool], pause: float) -> list[Ended]:
    while not all(one.ended for one in watched):
        for one in watched:
            if not one.ended:
                one.look(report)
        if stop():
            for one in watched:
                one.leave()
            break
        _pause(pause, stop)
    return [one.ended for one in watched if one.ended]


def _pause(seconds: float, stop: Callable[[], bool]) -> None:
    """Wait so long, or until a person wants to wait no longer."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not stop():
        time.sleep(min(left, NAP_SECONDS))


def cause(text: str) -> str:
    """A cause in one line; that of a function is a JSON object with its message.

    Example:
        >>> cause('{"errorMessage": "no such table", "errorType": "ContractError"}')
        'no such table'
    """
    try:
        found = json.loads(text)
        text = found["errorMessage"] if isinstance(found, dict) else text
    except (ValueError, KeyError):
        pass
    return " ".join(str(text).split())


def newest(client: Any, machine: str, status: str) -> dict[str, dict[str, Any]]:
    """By forecast, the newest execution of a status, as ListExecutions shows it.

    Args:
        client: Of Step Functions.
        machine: Name of the state machine; one that is not deployed has none.
        status: RUNNING, FAILED, …

    Raises:
        ClientError, BotoCoreError: Step Functions refuses or does not answer.
    """
    found: dict[str, dict[str, Any]] = {}
    for arn in (
        one["stateMachineArn"] for one in client.list_state_machines()["stateMachines"] if one["name"] == machine
    ):
        for one in client.list_executions(stateMachineArn=arn, statusFilter=status, maxResults=PAGE)["executions"]:
            name = _forecast(client, one)
            if name not in found or _moment(one) > _moment(found[name]):
                found[name] = one
    return found


def _forecast(client: Any, execution: Mapping[str, Any]) -> str:
    """The forecast of an execution: ours are named after it; schedules name theirs by UUIDs."""
    name = str(execution["name"])
    if not _UUID.fullmatch(name):
        return name.partition("-")[0]
    try:
        return str(json.loads(client.describe_execution(executionArn=execution["executionArn"])["input"])["DataName"])
    except (ValueError, KeyError, TypeError):
        return name


def _moment(execution: Mapping[str, Any]) -> datetime:
    found: datetime = execution.get("stopDate") or execution["startDate"]
    return found


def _state(client: Any, arn: str) -> str:
    events = client.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=100)["events"]
    entered = (event.get("stateEnteredEventDetails", {}).get("name", "") for event in events)
    return next((name for name in entered if name), "")
