"""Starts executions of the forecasts' state machine and follows them; prints nothing.

The same calls here and on AWS.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakehouse.errors import SourceError
from lakehouse.settings import Settings

Report = Callable[[str, str, float], None]


@dataclass(frozen=True)
class Ended:
    """How an execution ended.

    Args:
        name: Of the forecast.
        seconds: From its start to its end.
        output: What it answers; empty if it failed.
        fault: Why it failed, in a line; "" if it did not.
    """

    name: str
    seconds: float
    output: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


def run(settings: Settings, machine: str, orders: Sequence[Mapping[str, Any]], report: Report) -> list[Ended]:
    """Start an execution for each order, all at once, and wait for their ends.

    Args:
        settings: How the AWS API is reached.
        machine: ARN.
        orders: Inputs, each with a DataName.
        report: Told the forecast, the state it has come to and the seconds since its start.

    Raises:
        SourceError: Step Functions does not answer, or has forgotten an execution.
    """
    once = Config(retries={"total_max_attempts": 3}, connect_timeout=2, read_timeout=20)
    try:
        client = boto3.client("stepfunctions", config=once, **settings.client_arguments)
        running = {}
        for order in orders:
            name = f"{order['DataName']}-{uuid.uuid4().hex[:12]}"
            answer = client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(order))
            running[answer["executionArn"]] = str(order["DataName"])
        return _follow(client, running, report, pause=0.2 if settings.aws_endpoint_url else 10.0)
    except (ClientError, BotoCoreError) as fault:
        place = settings.aws_endpoint_url or "AWS"
        raise SourceError(f"Step Functions: {fault}", f"an answer of {place}", "run it again") from fault


def _follow(client: Any, running: Mapping[str, str], report: Report, pause: float) -> list[Ended]:
    begin, states, ended = time.monotonic(), dict.fromkeys(running, ""), dict[str, Ended]()
    while len(ended) < len(running):
        for arn, name in running.items():
            if arn in ended:
                continue
            found = client.describe_execution(executionArn=arn)
            seconds = time.monotonic() - begin
            state = _state(client, arn)
            if state and state != states[arn]:
                states[arn] = state
                report(name, state, seconds)
            if found["status"] == "SUCCEEDED":
                ended[arn] = Ended(name, seconds, json.loads(found["output"]))
            elif found["status"] != "RUNNING":
                reason = cause(found.get("cause") or found.get("error") or found["status"])
                ended[arn] = Ended(name, seconds, fault=reason)
        time.sleep(pause)
    return [ended[arn] for arn in running]


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


def _state(client: Any, arn: str) -> str:
    events = client.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=100)["events"]
    entered = (event.get("stateEnteredEventDetails", {}).get("name", "") for event in events)
    return next((name for name in entered if name), "")
