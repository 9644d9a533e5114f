"""How all kinds and additions are hooked into the emulator's CloudFormation. A new type is a `Kind` listed here."""

from collections.abc import Iterable, Mapping
from typing import Any

import boto3
from botocore.config import Config

from infra.local.cloudformation import additions, budgets, services
from infra.local.cloudformation.kinds import Addition, Client, Kind, Made, Properties
from lakehouse.settings import Settings


def install(settings: Settings, provisioners: Any) -> None:
    """Add all kinds and additions to the emulator's CloudFormation, once it is loaded."""
    # Imported here: the emulator reads its environment when it is imported.
    from ministack.services.cloudformation import stacks  # noqa: PLC0415

    kinds: Iterable[Kind] = (*services.KINDS, budgets.KIND)
    client = _client(settings)
    for kind in kinds:
        provisioners._RESOURCE_HANDLERS[kind.type] = _handlers(kind, client)
        provisioners._REPLACING_PROPERTIES[kind.type] = kind.replacing
    for addition in additions.ADDITIONS:
        handlers = provisioners._RESOURCE_HANDLERS[addition.type]
        provisioners._RESOURCE_HANDLERS[addition.type] = _extended(handlers, addition, client)
    ours = {*(kind.type for kind in kinds), *(addition.type for addition in additions.ADDITIONS)}
    blocking = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda name: name in ours or blocking(name)


def _handlers(kind: Kind, client: Client) -> dict[str, Any]:
    return {
        "create": lambda _logical_id, given, _stack: kind.create(client, given),
        "update": lambda physical_id, before, now, _stack: kind.update(client, physical_id, before, now),
        "delete": lambda physical_id, given: kind.delete(client, physical_id, given),
    }


def _extended(handlers: Mapping[str, Any], addition: Addition, client: Client) -> dict[str, Any]:
    def create(logical_id: str, given: Properties, stack: str) -> Made:
        made: Made = handlers["create"](logical_id, given, stack)
        addition.apply(client, made[0], {}, given)
        return made

    def update(physical_id: str, before: Properties, now: Properties, stack: str, *more: str) -> Made:
        made: Made = handlers["update"](physical_id, before, now, stack, *more)
        addition.apply(client, made[0], before, now)
        return made

    return {**handlers, "create": create, "update": update}


def _client(settings: Settings) -> Client:
    def client(service: str) -> Any:
        from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415  (see above)

        once = Config(retries={"total_max_attempts": 1}, read_timeout=60)
        # An account's number is a key of its root at the gateway.
        keys = {"aws_access_key_id": get_account_id(), "aws_secret_access_key": "test", "aws_session_token": None}
        place = {"endpoint_url": settings.aws_endpoint_url, "region_name": get_region()}
        return boto3.client(service, config=once, **place, **keys)

    return client
