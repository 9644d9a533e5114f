"""Calls from a plug-in's thread to the emulator's own services, without a way over HTTP.

Owns the way onto the gateway's loop, the account and region that a call is made for, and the question whether the
gateway listens yet.
"""

import asyncio
import json
import socket
from typing import Any
from urllib.parse import quote, urlsplit

from lakehouse.settings import Settings

_SECONDS = 20.0


class Inward:
    """The emulator's services as a plug-in asks them; its methods are for threads, not for the loop.

    Args:
        loop: The gateway's.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def json(self, service: str, target: str, members: dict[str, Any], scope: tuple[str, str]) -> tuple[int, Any]:
        """Ask a service of the JSON protocol.

        Args:
            service: As the emulator names it, such as `glue`.
            target: X-Amz-Target.
            members: The request's.
            scope: Account and region.

        Returns:
            Status and what the body holds.

        Raises:
            TimeoutError: No answer within 20 seconds.
        """
        headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.1"}
        status, body = self._ask(service, ("POST", "/", headers, json.dumps(members).encode()), scope)
        return status, json.loads(body or b"{}")

    def has_object(self, bucket: str, key: str, scope: tuple[str, str]) -> bool:
        """Whether S3 has an object."""
        status, _ = self._ask("s3", ("HEAD", f"/{bucket}/{quote(key)}", {"host": "s3.localhost"}, b""), scope)
        return status == 200

    def _ask(self, service: str, request: tuple[str, str, dict[str, str], bytes], scope: tuple[str, str]) -> Any:
        return asyncio.run_coroutine_threadsafe(_asked(service, request, scope), self._loop).result(_SECONDS)


def is_reached(settings: Settings) -> bool:
    """Whether the gateway listens: work of before the start reads from it."""
    url = urlsplit(settings.aws_endpoint_url)
    try:
        socket.create_connection((url.hostname or "", url.port or 80), timeout=1).close()
    except OSError:
        return False
    return True


async def _asked(
    service: str, request: tuple[str, str, dict[str, str], bytes], scope: tuple[str, str]
) -> tuple[int, bytes]:
    # Imported here: the emulator reads its environment when it is imported.
    from ministack import app  # noqa: PLC0415
    from ministack.core.responses import request_scope  # noqa: PLC0415

    with request_scope(*scope):
        status, _, body = await app.SERVICE_HANDLERS[service](*request, {})
    return status, body if isinstance(body, bytes) else str(body).encode()
