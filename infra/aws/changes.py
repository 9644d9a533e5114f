"""Brings one CloudFormation stack to what its template and parameters say, by change sets; AWS and gateway alike.

Owns the states of a stack: which are worked from, which are cleared away, which a person has to mend.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from lakehouse.errors import SourceError

SECONDS = 3600.0  # an MSK cluster takes 15 to 35 minutes
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 5.0
# Nothing lives in these: what was made has been rolled back.
_DEAD = ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED")
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
_CONSEQUENCE = ("cancelled", "canceled")
_MENDED_BY_HAND = {
    "UPDATE_ROLLBACK_FAILED": "`aws cloudformation continue-update-rollback --stack-name {}`, then deploy again",
}

Event = Mapping[str, Any]
Report = Callable[[str, Event], None]


@dataclass(frozen=True)
class Wanted:
    """A stack as it is to be.

    Args:
        name: Of the stack.
        template: Its text.
        parameters: Values by name.
        tags: On the stack and all that can have tags.
    """

    name: str
    template: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What happens to one resource.

    Args:
        action: Add, Modify, Remove or Import.
        logical_id: The resource's name in the template.
        type: Such as AWS::S3::Bucket.
        replacement: True, Conditional or False.
        properties: Which change.
    """

    action: str
    logical_id: str
    type: str
    replacement: str = "False"
    properties: tuple[str, ...] = ()


class StackError(SourceError):
    """A stack could not be brought to what was wanted; the reason that came first is the text."""

    retryable = False


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
    status = (stack or {}).get("StackStatus", "")
    return status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


def prepare(client: Any, name: str, report: Callable[[str], None]) -> bool:
    """Make sure that a change set can be made; returns whether there is a stack to update.

    Raises:
        StackError: Someone else is at work on it, or a person has to mend it.
    """
    stack = found(client, name)
    if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return False
    status = stack["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        raise StackError(
            f"stack {name} is {status}", "a stack at rest", "wait for its end: `make status ENV=` shows it"
        )
    if status in _MENDED_BY_HAND:
        raise StackError(f"stack {name} is {status}: {_reason(stack)}", "", _MENDED_BY_HAND[status].format(name))
    if status in _DEAD:
        report(f"{name} is left from a deployment that failed ({status}): it is deleted first")
        delete(client, name, lambda *_: None)
        return False
    return True


def propose(client: Any, wanted: Wanted, *, is_new: bool) -> tuple[str, list[Change]]:
    """Make a change set and wait for it; returns its name and what it would change, nothing of both if nothing.

    Raises:
        StackError: The template or a parameter is refused.
    """
    mark = hashlib.sha256(f"{wanted}{time.time_ns()}".encode()).hexdigest()[:12]
    change_set = f"deploy-{mark}"
    try:
        client.create_change_set(
            StackName=wanted.name,
            ChangeSetName=change_set,
            ChangeSetType="CREATE" if is_new else "UPDATE",
            TemplateBody=wanted.template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in wanted.parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": key, "Value": value} for key, value in wanted.tags.items()],
            # What an environment that was destroyed has kept is taken over again.
            ImportExistingResources=True,
        )
    except ClientError as fault:
        if fault.response["Error"]["Code"] in ("ValidationError", "LimitExceededException"):
            said = fault.response["Error"].get("Message", "")
            raise StackError(f"stack {wanted.name}: {said}", "", "correct template or environment") from fault
        raise
    known = _settled_change_set(client, wanted.name, change_set)
    if known["Status"] != "FAILED":
        return change_set, _changes(client, wanted.name, change_set)
    discard(client, wanted.name, change_set, is_new=is_new)
    reason = known.get("StatusReason", "")
    if any(words in reason for words in _UNCHANGED):
        return "", []
    raise StackError(f"stack {wanted.name}: {reason}", "", "correct template or environment")


def discard(client: Any, name: str, change_set: str, *, is_new: bool) -> None:
    """Delete a change set that is not executed, and the empty stack that it brought along."""
    client.delete_change_set(StackName=name, ChangeSetName=change_set)
    if is_new:
        stack = found(client, name)
        if stack and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            client.delete_stack(StackName=name)


def execute(client: Any, name: str, change_set: str, report: Report) -> dict[str, str]:
    """Carry a change set out and tell of each resource; returns the stack's outputs.

    Raises:
        StackError: A resource failed; the stack has been rolled back.
    """
    before = {event["EventId"] for event in _events(client, name)}
    client.execute_change_set(StackName=name, ChangeSetName=change_set)
    stack, events = _followed(client, name, before, report)
    if stack is None or stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise _failure(name, stack, events)
    return outputs(stack)


def delete(client: Any, name: str, report: Report) -> None:
    """Delete a stack and wait until it is gone; what its template retains stays.

    Raises:
        StackError: A resource would not go.
    """
    stack = found(client, name)
    if stack is None:
        return
    before = {event["EventId"] for event in _events(client, stack["StackId"])}
    client.delete_stack(StackName=name)
    # By its id a stack is found after its end, too.
    left, events = _followed(client, stack["StackId"], before, lambda _, event: report(name, event))
    if left is not None:
        raise _failure(name, left, events)


def first_failure(events: list[Event]) -> tuple[str, str]:
    """The resource that failed first and its reason; others were stopped because of it.

    Example:
        >>> first_failure([
        ...     {"LogicalResourceId": "B", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "no disk"},
        ...     {"LogicalResourceId": "C", "ResourceStatus": "CREATE_FAILED",
        ...      "ResourceStatusReason": "Resource creation cancelled"}])
        ('B', 'no disk')
    """
    failed = [one for one in events if one["ResourceStatus"].endswith("_FAILED")]
    own = [one for one in failed if not any(word in one.get("ResourceStatusReason", "") for word in _CONSEQUENCE)]
    for one in own or failed:
        return one["LogicalResourceId"], " ".join(one.get("ResourceStatusReason", "no reason given").split())
    return "", ""


def _failure(name: str, stack: Mapping[str, Any] | None, events: list[Event]) -> StackError:
    resource, reason = first_failure(events)
    status = (stack or {}).get("StackStatus", "gone")
    said = f"{resource}: {reason}" if resource else _reason(stack or {})
    return StackError(f"stack {name}: {said} (the stack is {status})", "", "correct it and deploy again")


def _reason(stack: Mapping[str, Any]) -> str:
    return " ".join(stack.get("StackStatusReason", "no reason given").split())


def _followed(client: Any, name: str, seen: set[str], report: Report) -> tuple[dict[str, Any] | None, list[Event]]:
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


def _events(client: Any, name: str) -> Iterator[Event]:
    try:
        for page in client.get_paginator("describe_stack_events").paginate(StackName=name):
            yield from page["StackEvents"]
    except ClientError as fault:
        if "does not exist" not in fault.response["Error"].get("Message", ""):
            raise


def _settled_change_set(client: Any, name: str, change_set: str) -> dict[str, Any]:
    pause, end = _FIRST_PAUSE, time.monotonic() + SECONDS
    while True:
        known: dict[str, Any] = client.describe_change_set(StackName=name, ChangeSetName=change_set)
        if not known["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
            return known
        if time.monotonic() > end:
            raise StackError(f"change set {change_set} of {name} is {known['Status']}", "an end")
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _changes(client: Any, name: str, change_set: str) -> list[Change]:
    pages = client.get_paginator("describe_change_set").paginate(StackName=name, ChangeSetName=change_set)
    listed = [one["ResourceChange"] for page in pages for one in page["Changes"] if one["Type"] == "Resource"]
    return [
        Change(
            one["Action"],
            one["LogicalResourceId"],
            one["ResourceType"],
            one.get("Replacement", "False"),
            tuple(sorted({_property(detail["Target"]) for detail in one.get("Details", [])})),
        )
        for one in listed
    ]


def _property(target: Mapping[str, Any]) -> str:
    return str(target.get("Name") or target["Attribute"])
