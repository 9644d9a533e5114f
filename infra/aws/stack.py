"""One CloudFormation stack as it is: its state, what it has put out, what happens to it, and its end.

Owns the states of a stack: which are worked from, which are cleared away, which a person has to mend.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.aws import failure
from infra.aws.failure import Event, StackError

SECONDS = 3600.0  # an MSK cluster takes 15 to 35 minutes
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 5.0
# Nothing lives in these: what was made has been rolled back.
_DEAD = ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED")
_USABLE = (
    "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE",
)  # fmt: skip
_MENDED_BY_HAND = {
    "UPDATE_ROLLBACK_FAILED": "`aws cloudformation continue-update-rollback --stack-name {}`, then deploy again",
    "UPDATE_FAILED": "`aws cloudformation rollback-stack --stack-name {}`, then deploy again",
    "IMPORT_ROLLBACK_FAILED": "`aws cloudformation continue-update-rollback --stack-name {}`, then deploy again",
}

Report = Callable[[str, Event], None]


def found(client: Any, name: str) -> dict[str, Any] | None:
    """A stack as CloudFormation describes it; None where there is none."""
    try:
        stacks = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as fault:
        if "does not exist" in fault.response["Error"].get("Message", ""):
            return None
        raise
    return dict(stacks[0]) if stacks and stacks[0]["StackStatus"] != "DELETE_COMPLETE" else None


def outputs(stack: Mapping[str, Any] | None) -> dict[str, str]:
    """A stack's outputs by name."""
    return {one["OutputKey"]: one["OutputValue"] for one in (stack or {}).get("Outputs", [])}


def is_usable(stack: Mapping[str, Any] | None) -> bool:
    """Whether its resources are there: it was created, and the last update ended in one way or the other."""
    return (stack or {}).get("StackStatus", "") in _USABLE


def is_to_update(name: str, stack: Mapping[str, Any] | None) -> bool:
    """Whether there is a stack to update; what a failed creation has left is none.

    Raises:
        StackError: Someone else is at work on it, or a person has to mend it.
    """
    if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return False
    status = stack["StackStatus"]
    _require_rest(name, status)
    if status in _MENDED_BY_HAND:
        said = f"stack {name} is {status}: {failure.reason(stack)}"
        raise StackError(said, "", _MENDED_BY_HAND[status].format(name))
    return status not in _DEAD


def prepare(client: Any, name: str, report: Callable[[str], None]) -> bool:
    """Make sure that a change set can be made; returns whether there is a stack to update.

    Raises:
        StackError: Someone else is at work on it, or a person has to mend it.
    """
    stack = found(client, name)
    is_there = is_to_update(name, stack)
    if stack is not None and not is_there and stack["StackStatus"] in _DEAD:
        report(f"{name} is left from a deployment that failed ({stack['StackStatus']}): it is deleted first")
        delete(client, name, lambda *_: None)
    return is_there


def delete(client: Any, name: str, report: Report) -> None:
    """Delete a stack and wait until it is gone; what its template retains stays.

    Raises:
        StackError: Someone else is at work on it, it is protected, or a resource would not go.
    """
    stack = found(client, name)
    if stack is None:
        return
    if stack["StackStatus"] != "REVIEW_IN_PROGRESS":
        _require_rest(name, stack["StackStatus"])
    before = seen(client, stack["StackId"])
    with refusals(name):
        client.delete_stack(StackName=name)
    # By its id a stack is found after its end, too.
    left, events = followed(client, stack["StackId"], before, lambda _, event: report(name, event))
    if left is not None:
        raise failure.of(name, left, events, "remove what holds it, then repeat the command")


def seen(client: Any, name: str) -> set[str]:
    """The ids of the events so far."""
    return {event["EventId"] for event in _events(client, name)}


def followed(client: Any, name: str, seen: set[str], report: Report) -> tuple[dict[str, Any] | None, list[Event]]:
    """Wait until a stack is at rest; each event is reported once, in order."""
    events: list[Event] = []
    pause, end = _FIRST_PAUSE, time.monotonic() + SECONDS
    while True:
        # The stack first: what happens between the two calls is then told in the next round, not lost.
        stack = found(client, name)
        for event in reversed(list(_events(client, name))):
            if event["EventId"] not in seen:
                seen.add(event["EventId"])
                events.append(event)
                report(name, event)
                pause = _FIRST_PAUSE
        if stack is None or not (stack["StackStatus"].endswith("_IN_PROGRESS")):
            return stack, events
        if time.monotonic() > end:
            raise StackError(f"stack {name} is {stack['StackStatus']}", f"an end within {SECONDS:.0f} s")
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


@contextlib.contextmanager
def refusals(name: str) -> Iterator[None]:
    """Turn CloudFormation's refusal of a call about a stack into one line."""
    try:
        yield
    except ClientError as fault:
        if known := failure.refused(name, fault):
            raise known from fault
        raise


def _require_rest(name: str, status: str) -> None:
    if status.endswith("_IN_PROGRESS"):
        action = "wait for its end: `make status ENV=` shows it"
        raise StackError(f"stack {name} is {status}", "a stack at rest", action)


def _events(client: Any, name: str) -> Iterator[Event]:
    try:
        for page in client.get_paginator("describe_stack_events").paginate(StackName=name):
            yield from page["StackEvents"]
    except ClientError as fault:
        if "does not exist" not in fault.response["Error"].get("Message", ""):
            raise
