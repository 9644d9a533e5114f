"""Change sets: how a stack is brought to what its template and parameters say; AWS and gateway alike."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.aws import failure, stack
from infra.aws.failure import StackError
from infra.aws.stack import Report

SECONDS = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 5.0
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
_CORRECT = "correct template or environment"


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


def propose(client: Any, wanted: Wanted, *, is_new: bool) -> tuple[str, list[Change]]:
    """Make a change set and wait for it; returns its name and what it would change, nothing of both if nothing.

    Raises:
        StackError: The template or a parameter is refused, or someone else is at work on the stack.
    """
    mark = hashlib.sha256(f"{wanted}{time.time_ns()}".encode()).hexdigest()[:12]
    name = f"deploy-{mark}"
    with stack.refusals(wanted.name):
        client.create_change_set(
            StackName=wanted.name,
            ChangeSetName=name,
            ChangeSetType="CREATE" if is_new else "UPDATE",
            TemplateBody=wanted.template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in wanted.parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": key, "Value": value} for key, value in wanted.tags.items()],
            # What an environment that was destroyed has kept is taken over again.
            ImportExistingResources=True,
        )
    known = _settled(client, wanted.name, name)
    if known["Status"] != "FAILED":
        return name, _changes(client, wanted.name, name)
    discard(client, wanted.name, name, is_new=is_new)
    reason = " ".join(known.get("StatusReason", "").split())
    if any(words in reason for words in _UNCHANGED):
        return "", []
    raise StackError(f"stack {wanted.name}: {reason}", "", _CORRECT)


def discard(client: Any, stack_name: str, name: str, *, is_new: bool) -> None:
    """Delete a change set that is not executed, and the empty stack that it brought along."""
    client.delete_change_set(StackName=stack_name, ChangeSetName=name)
    if is_new:
        left = stack.found(client, stack_name)
        if left and left["StackStatus"] == "REVIEW_IN_PROGRESS":
            client.delete_stack(StackName=stack_name)


def execute(client: Any, stack_name: str, name: str, report: Report) -> dict[str, str]:
    """Carry a change set out and tell of each resource; returns the stack's outputs.

    Raises:
        StackError: A resource failed, and the stack has been rolled back; or someone else was quicker.
    """
    before = stack.seen(client, stack_name)
    with stack.refusals(stack_name):
        client.execute_change_set(StackName=stack_name, ChangeSetName=name)
    ended, events = stack.followed(client, stack_name, before, report)
    if ended is None or ended["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise failure.of(stack_name, ended, events, "correct it and deploy again")
    return stack.outputs(ended)


def _settled(client: Any, stack_name: str, name: str) -> dict[str, Any]:
    pause, end = _FIRST_PAUSE, time.monotonic() + SECONDS
    while True:
        known: dict[str, Any] = client.describe_change_set(StackName=stack_name, ChangeSetName=name)
        if not known["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
            return known
        if time.monotonic() > end:
            raise StackError(f"change set {name} of {stack_name} is {known['Status']}", f"an end in {SECONDS:.0f} s")
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _changes(client: Any, stack_name: str, name: str) -> list[Change]:
    pages = client.get_paginator("describe_change_set").paginate(StackName=stack_name, ChangeSetName=name)
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
