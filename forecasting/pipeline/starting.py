"""What a run is asked for: the input of an execution, a message of the queue, a file that was put under `input/`.

It reads and refuses; it starts nothing.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from forecasting.definitions.definition import Definition
from forecasting.pipeline.plan import Wishes
from forecasting.service.rules.algorithms import NAMES
from lakehouse.errors import ContractError

INPUT = "input/"
MOST_WAITED = 86_400.0  # seconds, for a run of the same forecast
_KEY = re.compile(r"input/([a-z][a-z0-9_]{0,39})/[A-Za-z0-9._=-][A-Za-z0-9._=/-]{0,200}\.csv")
_MODELS = ("auto", *NAMES)
_PERIODS = {
    "Y": timedelta(days=365),
    "M": timedelta(days=30),
    "W": timedelta(days=7),
    "D": timedelta(days=1),
    "H": timedelta(hours=1),
    **{f"{minutes}min": timedelta(minutes=minutes) for minutes in (30, 15, 10, 5, 1)},
}


@dataclass(frozen=True)
class Order:
    """What is to be made.

    Args:
        forecast: Name of a definition.
        wishes: What differs from it.
        upload: Key of the file to import; "" for the table.
        tag: What tells the file's content.
        is_deleted_at_end: Whether the resources go once the run is loaded.
    """

    forecast: str
    wishes: Wishes = field(default_factory=Wishes)
    upload: str = ""
    tag: str = ""
    is_deleted_at_end: bool = False


def order(given: Mapping[str, Any], known: Collection[str]) -> Order:
    """Read the input of an execution, in the words of the queue's messages.

    Args:
        given: DataName, and as wished ForecastHorizon, NumberOfBacktestWindows, Models, PerformDelete, Upload, Tag.
        known: Names of definitions.

    Example:
        >>> order({"DataName": "tea", "ForecastHorizon": 7}, ["tea"]).wishes.horizon
        7

    Raises:
        ContractError: An unknown member, a wrong type or a value out of bounds.
    """
    names = ("DataName", "ForecastHorizon", "NumberOfBacktestWindows", "Models", "PerformDelete", "Upload", "Tag")
    for name in given:
        if name not in names:
            raise ContractError(f"a member {_shown(name)}", f"members {', '.join(names)}")
    forecast = given.get("DataName")
    if not isinstance(forecast, str) or forecast not in known:
        raise ContractError(
            f"DataName {_shown(forecast)}", f"one of {', '.join(known)}", "see forecasting/forecasts.yaml"
        )
    models = given.get("Models", [])
    if not isinstance(models, list) or not all(isinstance(one, str) and one in _MODELS for one in models):
        raise ContractError(f"Models {_shown(models)}", f"a list of {', '.join(_MODELS)}")
    if len(models) != len(set(models)):
        raise ContractError(f"Models {_shown(models)}", "each once")
    is_deleted, upload, tag = given.get("PerformDelete", False), given.get("Upload", ""), given.get("Tag", "")
    if not isinstance(is_deleted, bool):
        raise ContractError(f"PerformDelete {_shown(is_deleted)}", "true or false")
    if not isinstance(tag, str) or not isinstance(upload, str) or (upload and uploaded(upload) != forecast):
        raise ContractError(f"Upload {_shown(upload)}", f"a key {INPUT}{forecast}/….csv")
    wishes = Wishes(_number(given, "ForecastHorizon", 500), _number(given, "NumberOfBacktestWindows", 5), tuple(models))
    return Order(forecast, wishes, upload, tag, is_deleted)


def message(text: str, known: Collection[str]) -> dict[str, Any]:
    """A message of the queue as the input of an execution.

    Raises:
        ContractError: It is no JSON object, or `order` refuses it.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise ContractError(f"a message that is no JSON: {text[:100]!r}", 'such as {"DataName": "…"}') from fault
    if not isinstance(found, dict):
        raise ContractError(f"a message that is no object: {text[:100]!r}", 'such as {"DataName": "…"}')
    order(found, known)
    return found


def uploaded(key: str) -> str:
    """The forecast whose rows a file under `input/` holds; "" for a key that is none.

    Example:
        >>> uploaded("input/tea/2024.csv"), uploaded("input/tea/")
        ('tea', '')
    """
    found = _KEY.fullmatch(key)
    return found.group(1) if found else ""


def require_data(versions: Mapping[str, str], *, upload: str = "") -> None:
    """Refuse a run without data.

    Raises:
        ContractError: A table has no commit.
    """
    missing = [] if upload else [table for table, version in versions.items() if not version]
    if missing:
        raise ContractError(f"{', '.join(missing)} has no data", "some", "run `make replay` or see `make status`")


def require_rows(definition: Definition, count: int) -> None:
    """Refuse a forecast of nothing.

    Raises:
        ContractError: No row has an item, a time and a target.
    """
    if not count:
        source = "its query" if definition.query else definition.table
        raise ContractError(f"no rows of {definition.name}", f"some with {definition.target}", f"look at {source}")


def require_history(definition: Definition, first: str, last: str) -> None:
    """Refuse a horizon longer than a third of the history, or a quarter for an AutoPredictor, as Amazon Forecast does.

    Args:
        definition: Its frequency, horizon and predictors.
        first: Moment of the oldest datum, ISO 8601; "" where nobody knows.
        last: The same of the newest.

    Raises:
        ContractError: The horizon is too long.
    """
    if not first or not last:
        return
    span = datetime.fromisoformat(last.replace("Z", "")) - datetime.fromisoformat(first.replace("Z", ""))
    periods = int(span / _PERIODS[definition.frequency]) + 1
    horizons = definition.least_horizons
    if definition.horizon * horizons > periods:
        raise ContractError(
            f"horizon {definition.horizon} of {definition.name} with a history of {periods} periods",
            f"at most a {'third' if horizons == 3 else 'quarter'} of it, {periods // horizons}",
            "shorten the horizon, or wait for more data",
        )


def require_turn(forecast: str, waited: float) -> None:
    """Refuse to wait for ever for another run of a forecast: a history of Step Functions holds 25,000 events.

    Args:
        forecast: Its name.
        waited: Seconds since the execution began.

    Raises:
        ContractError: It has waited for a day.
    """
    if waited > MOST_WAITED:
        raise ContractError(
            f"another run of {forecast} is still at work after {waited / 3600:.0f} hours",
            "its end",
            "approve, reject or stop it, then start this one again",
        )


def loading(text: str | None, waited: float, limit: int) -> dict[str, Any]:
    """What has become of a run's loading.

    Args:
        text: Of the object that the driver writes; None while there is none.
        waited: Seconds since the run was ready to be loaded.
        limit: Seconds after which nobody waits any more.

    Returns:
        `status` LOADED, REFUSED with a `reason`, or WAITING.
    """
    if text is not None:
        found = json.loads(text)
        reason = found.get("fault", "")
        return {"status": "REFUSED", "reason": reason} if reason else {"status": "LOADED", "report": found}
    if waited > limit:
        return {"status": "REFUSED", "reason": f"the driver has not loaded the run in {limit} s; see `make status`"}
    return {"status": "WAITING"}


def lock_key(forecast: str) -> str:
    """Key of the object that names the execution whose turn it is."""
    return f"ops/forecasts/locks/{forecast}.json"


def approval_key(forecast: str) -> str:
    """Key of the object that holds the token of the run that waits for approval."""
    return f"ops/forecasts/approvals/{forecast}.json"


def _number(given: Mapping[str, Any], name: str, high: int) -> int | None:
    value = given.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= high):
        raise ContractError(f"{name} {_shown(value)}", f"a whole number from 1 to {high}")
    return value


def _shown(value: Any) -> str:
    return json.dumps(value)[:100]
