"""The door of the gateway: who may speak to it, checked before the emulator sees a request.

It refuses what a web page open in a browser on this machine could send, and the emulator's administration paths. It
knows no service and no credentials.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
OPEN_ADMIN_PATHS = ("/_ministack/health", "/_ministack/ready")
# Where a custom resource's function answers CloudFormation; the path ends in a token that only the two know.
_ANSWERS = "/_ministack/cfn-response/"
_ADMIN_PREFIXES = ("/_ministack", "/_localstack")


class Guard:
    """ASGI middleware that lets a request through only if no browser page can have sent it.

    Args:
        app: The application behind.
        port: The gateway's port; a Host header must name it.
        hosts: Host names beside the loopback ones and `*.localhost` under which clients reach the gateway.
    """

    def __init__(self, app: App, port: int, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._port = port
        self._hosts = {*LOOPBACK, *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        fault = self.fault(scope)
        if fault is None:
            await self._app(scope, receive, _without_cors(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refuse(send, fault)

    def fault(self, scope: Scope) -> str | None:
        """Why this request is refused; None if it is not.

        A page cannot choose Host, Origin or Sec-Fetch-Site. Host keeps out names that were made to resolve to
        loopback (DNS rebinding); Origin and Sec-Fetch-Site keep out everything a page sends on its own, images and
        forms included.
        """
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.decode("latin-1").strip().lower())
        hosts = headers.get(b"host", [])
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return f"Host {', '.join(hosts) or 'missing'} is not a name of this gateway"
        if b"origin" in headers:
            return "requests of web pages are not allowed (Origin)"
        if any(site != "none" for site in headers.get(b"sec-fetch-site", [])):
            return "requests of web pages are not allowed (Sec-Fetch-Site)"
        path = scope["path"].lower()
        method = scope.get("method")
        is_open = (path in OPEN_ADMIN_PATHS and method == "GET") or (path.startswith(_ANSWERS) and method == "PUT")
        if path.startswith(_ADMIN_PREFIXES) and not is_open:
            return "the administration paths are closed"
        return None

    def _is_ours(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        if not colon or port.endswith("]"):
            name, port = host, "80"
        return port == str(self._port) and (name in self._hosts or name.endswith(".localhost"))


def _without_cors(send: Send) -> Send:
    async def send_without_cors(message: MutableMapping[str, Any]) -> None:
        if "headers" in message:
            kept = [pair for pair in message["headers"] if not pair[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return send_without_cors


async def _refuse(send: Send, fault: str) -> None:
    body = f"refused: {fault}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
