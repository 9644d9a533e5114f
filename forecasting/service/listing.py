"""Any List operation: the newest first, filtered, a page at a time.

What follows a page is a token (`tokens.py`).
"""

import json

from forecasting.service import faults, tokens
from forecasting.service.kinds import KINDS, Kind
from forecasting.service.store import Json
from forecasting.service.view import View

PAGE = 100


def list_resources(name: str, request: Json, view: View) -> Json:
    """One page of a kind's summaries.

    Raises:
        ApiError: A filter has an unknown key (InvalidInput), or the token is none of this list (InvalidNextToken).
    """
    kind = next(kind for kind in KINDS.values() if kind.plural == name.removeprefix("List"))
    filters = request.get("Filters", [])
    _check_keys(kind, filters)
    scope = json.dumps([name, view.caller.account, view.caller.region, filters])
    before = _before(request["NextToken"], scope, view.now) if "NextToken" in request else None
    most = request.get("MaxResults", PAGE)
    page: list[tuple[int, Json]] = []
    for resource in view.store.of_kind(view.caller.account, view.caller.region, kind.resource, before):
        members = view.members(resource)
        if all(_matches(one, members) for one in filters):
            page.append((resource.number, members))
        if len(page) > most:
            break
    answer: Json = {kind.plural: [members for _, members in page[:most]]}
    if len(page) > most:
        answer["NextToken"] = tokens.make(page[most - 1][0], scope, view.now)
    return answer


def _check_keys(kind: Kind, filters: list[dict[str, str]]) -> None:
    allowed = [*kind.filters, "Status"]
    wrong = [one["Key"] for one in filters if one["Key"] not in allowed]
    if wrong:
        raise faults.invalid(f"Invalid filter key: {wrong[0]}. Valid keys: {', '.join(allowed)}")


def _matches(one: dict[str, str], members: Json) -> bool:
    return (members.get(one["Key"]) == one["Value"]) == (one["Condition"] == "IS")


def _before(token: str, scope: str, now: float) -> int:
    try:
        return tokens.read(token, scope, now)
    except tokens.ExpiredError as fault:
        raise faults.bad_token("The NextToken has expired; tokens are good for 24 hours") from fault
    except ValueError as fault:
        raise faults.bad_token("The NextToken is not of this list and these filters") from fault
