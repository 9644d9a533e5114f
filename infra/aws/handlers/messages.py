"""The function behind the queue: a message starts an execution, and one that is wrong goes to the dead letters at once.

What may pass (a service that does not answer) is left to the queue's own redelivery, message by message.
"""

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from forecasting.pipeline import starting
from infra.aws.handlers import calls, steps
from lakehouse.errors import LakehouseError


def handler(event: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Start what the messages ask for; those that could not be handled are named, to come again."""
    failed = []
    for one in event["Records"]:
        try:
            _handle(one)
        except Exception as fault:
            print(json.dumps({"message": one["messageId"], "fault": str(fault)}))  # noqa: T201  (the function's log)
            failed.append({"itemIdentifier": one["messageId"]})
    return {"batchItemFailures": failed}


def _handle(record: Mapping[str, Any]) -> None:
    attributes = record.get("attributes", {})
    try:
        given = starting.message(record["body"], sorted(steps.definitions()))
    except LakehouseError as fault:
        calls.client("sqs").send_message(
            QueueUrl=os.environ["DEAD_LETTERS"],
            MessageBody=record["body"],
            MessageGroupId=attributes.get("MessageGroupId", "unknown"),
            MessageDeduplicationId=record["messageId"],
            MessageAttributes={"Reason": {"DataType": "String", "StringValue": str(fault)[:1000]}},
        )
        return
    start(given, record["messageId"])


def start(given: Mapping[str, Any], name: str) -> None:
    """Start an execution; one of this name that was started before is the same."""
    states = calls.client("stepfunctions")
    try:
        states.start_execution(
            stateMachineArn=os.environ["MACHINE"],
            name=re.sub(r"[^A-Za-z0-9_-]", "-", f"{given['DataName']}-{name}")[:80],
            input=json.dumps(given),
        )
    except states.exceptions.ExecutionAlreadyExists:
        return
