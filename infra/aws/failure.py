"""Why a stack is not what was wanted: the reason that came first, in one line with what to do. Calls nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lakehouse.errors import SourceError

Event = Mapping[str, Any]

_CONSEQUENCE = ("cancelled", "canceled")
# Someone else has begun to work on the stack since we looked at it.
_OVERTAKEN = ("InvalidChangeSetStatus", "OperationInProgress", "ChangeSetNotFound")
_REFUSED = ("ValidationError", "LimitExceededException", "InsufficientCapabilitiesException", "AlreadyExistsException")


class StackError(SourceError):
    """A stack could not be brought to what was wanted; the reason that came first is the text."""

    retryable = False


def first(events: Sequence[Event]) -> tuple[str, str]:
    """The resource that failed first and its reason; others were stopped because of it.

    Example:
        >>> first([
        ...     {"LogicalResourceId": "B", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "no disk"},
        ...     {"LogicalResourceId": "C", "ResourceStatus": "CREATE_FAILED",
        ...      "ResourceStatusReason": "Resource creation cancelled"}])
        ('B', 'no disk')
    """
    failed = [one for one in events if one["ResourceStatus"].endswith("_FAILED")]
    own = [one for one in failed if not any(word in one.get("ResourceStatusReason", "") for word in _CONSEQUENCE)]
    for one in own or failed:
        return one["LogicalResourceId"], _plain(one.get("ResourceStatusReason", "no reason given"))
    return "", ""


def of(name: str, stack: Mapping[str, Any] | None, events: Sequence[Event], action: str) -> StackError:
    """The error of a stack that ended otherwise than wanted."""
    resource, why = first(events)
    status = (stack or {}).get("StackStatus", "gone")
    said = f"{resource}: {why}" if resource else reason(stack or {})
    return StackError(f"stack {name}: {said} (the stack is {status})", "", action)


def refused(name: str, fault: ClientError) -> StackError | None:
    """The error of a call about a stack that CloudFormation refuses; None for what has nothing to do with stacks."""
    code, said = fault.response["Error"]["Code"], _plain(fault.response["Error"].get("Message", ""))
    if "_IN_PROGRESS" in said or code.removesuffix("Exception") in _OVERTAKEN:
        action = "wait for the end of the other deployment: `make status ENV=` shows it; then deploy again"
        return StackError(f"stack {name}: {said}", "nobody else at work on it", action)
    if "TerminationProtection" in said:
        option = "update-termination-protection --no-enable-termination-protection"
        action = f"`aws cloudformation {option} --stack-name {name}`, then repeat"
        return StackError(f"stack {name} is protected", "", action)
    if code in _REFUSED:
        return StackError(f"stack {name}: {said}", "", "correct template or environment")
    return None


def reason(stack: Mapping[str, Any]) -> str:
    """What CloudFormation says of a stack's state, in one line."""
    return _plain(stack.get("StackStatusReason", "no reason given"))


def _plain(text: str) -> str:
    return " ".join(text.split())
