"""Events of our services to the emulator's EventBridge.

They do not come through the door: the emulator refuses the source of a service of AWS from clients, as AWS does.
"""

import asyncio
import json
from typing import Any

_SECONDS = 5.0


def put(loop: asyncio.AbstractEventLoop | None, account: str, region: str, entries: list[dict[str, Any]]) -> None:
    """Put events as a service of AWS does; called from any thread but the loop's.

    Args:
        loop: The gateway's; None before it has started.
        account: Whose event bus.
        region: Where.
        entries: Those of PutEvents.

    Raises:
        OSError: The emulator did not take them all.
    """
    if loop is None:
        raise OSError("the gateway has not started")
    asyncio.run_coroutine_threadsafe(_put(account, region, entries), loop).result(_SECONDS)


async def _put(account: str, region: str, entries: list[dict[str, Any]]) -> None:
    """On the loop, as the emulator serves its own clients."""
    # Imported here: the emulator reads its environment when it is imported.
    from ministack import app  # noqa: PLC0415
    from ministack.core.responses import request_scope  # noqa: PLC0415

    events = app._get_module("eventbridge")
    with request_scope(account, region):
        _, _, body = events._put_events({"Entries": entries}, allow_aws_source=True)
    if json.loads(body)["FailedEntryCount"]:
        raise OSError(body.decode())
