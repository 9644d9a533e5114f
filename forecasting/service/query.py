"""QueryForecast and QueryWhatIfForecast: may this forecast be asked, and is it asked well?

The numbers come from `forecasting.data.query`.
"""

import importlib
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from forecasting.service import faults, states
from forecasting.service.kinds import KINDS
from forecasting.service.store import Json, Resource
from forecasting.service.view import View
from lakehouse.errors import ContractError


class Reader(Protocol):
    """What reads a forecast's artefact: the module `forecasting.data.query`."""

    NotFoundError: type[ContractError]

    def answer(self, folder: Path, filters: dict[str, str], start: str | None, end: str | None) -> dict[str, Any]:
        """The whole answer for one series, between two moments or without them."""
        ...


READER = "forecasting.data.query"
_DAY = 86_400
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2})?", re.ASCII)


def find(name: str, request: Json, view: View) -> Resource:
    """The forecast that a query asks.

    Raises:
        ApiError: It is not there, not ACTIVE, too old, or not among the latest ones.
    """
    kind = KINDS["what-if-forecast" if "WhatIf" in name else "forecast"]
    found = view.get(kind.resource, request[kind.arn_member])
    if found.status != states.ACTIVE:
        raise faults.in_use(f"The {kind.words} {found.arn} is not ACTIVE; its status is {found.status}")
    days, most = view.quotas["queryable_days"], view.quotas["queryable_forecasts"]
    if view.now - found.created_at > days * _DAY:
        raise faults.invalid(f"The {kind.words} {found.arn} is older than {days} days and cannot be queried any more")
    latest = view.store.latest_numbers(view.caller.account, view.caller.region, kind.resource, most)
    if found.number not in latest:
        raise faults.invalid(
            f"Only the {most} latest {kind.plural_words} can be queried; {found.arn} is not among them"
        )
    if "NextToken" in request:
        raise faults.bad_token("A query is answered whole; there is no NextToken of one")
    return found


def reader() -> Reader:
    """What reads forecasts; it brings numpy along, so it is imported with the first query."""
    found: Any = importlib.import_module(READER)
    return found


def forget() -> None:
    """Let go of what queries have opened, since a forecast is deleted."""
    if READER in sys.modules:  # without a query nothing is open
        importlib.import_module(READER).forget()


def ask(request: Json, folder: Path) -> Json:
    """The predictions for one time series.

    Args:
        request: The checked query.
        folder: The forecast's artefacts.

    Raises:
        ApiError: The dates are none, or nothing in the forecast fits them and the filters.
    """
    start, end = (_moment(request, name) for name in ("StartDate", "EndDate"))
    if start and end and end < start:
        raise faults.invalid(f"The EndDate {request['EndDate']} lies before the StartDate {request['StartDate']}")
    found = reader()
    try:
        return dict(found.answer(folder, request["Filters"], start, end))
    except ContractError as fault:
        if isinstance(fault, found.NotFoundError):
            raise faults.ApiError("ResourceNotFoundException", str(fault)) from fault
        raise faults.invalid(str(fault)) from fault
    except FileNotFoundError as fault:  # deleted since it was looked up
        raise faults.not_found(next(request[name] for name in request if name.endswith("Arn"))) from fault


def _moment(request: Json, member: str) -> str | None:
    text = request.get(member)
    if text is None:
        return None
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)
        return datetime.fromisoformat(text).isoformat()
    except ValueError as fault:
        raise faults.invalid(f"Invalid {member}: {text[:100]}. Expected yyyy-MM-dd'T'HH:mm:ss") from fault
