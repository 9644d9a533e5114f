"""Any List operation: a page of it and the token of the next."""

import json
from collections.abc import Sequence
from typing import TypeVar

from forecasting.service import tokens
from infra.local.athena.service import faults
from infra.local.athena.service.call import Call
from infra.local.athena.service.executions import Json

MOST = 50
Item = TypeVar("Item")


def page(call: Call, operation: str, request: Json, items: Sequence[Item]) -> tuple[list[Item], Json]:
    """The items of the page that a request asks for, and NextToken if more follow.

    Args:
        call: The request's.
        operation: Its name.
        request: With MaxResults and NextToken.
        items: All, in the order of the list.

    Raises:
        ApiError: The token is none of this list.
    """
    start = place(call, operation, request, default=0)
    most = request.get("MaxResults") or MOST
    more = {"NextToken": token(call, operation, request, start + most)} if start + most < len(items) else {}
    return list(items[start : start + most]), more


def place(call: Call, operation: str, request: Json, *, default: int, words: str = "") -> int:
    """Where a list goes on.

    Args:
        call: The request's.
        operation: Its name.
        request: With NextToken.
        default: Without a token.
        words: What is said of a token that is none of this list, which follows.

    Raises:
        ApiError: It is none of this list.
    """
    given = request.get("NextToken")
    if given is None:
        return default
    try:
        return tokens.read(given, _scope(call, operation, request), call.now)
    except ValueError as fault:
        raise faults.invalid(f"{words or 'The nextPageToken is malformed:'} {given}") from fault


def token(call: Call, operation: str, request: Json, position: int) -> str:
    """What a list is asked with to go on at a position."""
    return tokens.make(position, _scope(call, operation, request), call.now)


def _scope(call: Call, operation: str, request: Json) -> str:
    filters = {name: value for name, value in request.items() if name not in ("NextToken", "MaxResults")}
    return json.dumps([operation, call.owner.account, call.owner.region, filters], sort_keys=True)
