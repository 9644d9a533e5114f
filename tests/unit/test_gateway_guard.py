"""Who may speak to the gateway: clients on this machine, and no web page."""

import asyncio
from typing import Any

import pytest

from infra.local.guard import Guard

pytestmark = pytest.mark.unit

PORT = 4566


def request(
    *headers: tuple[str, str], path: str = "/", method: str = "GET", kind: str = "http", hosts: tuple[str, ...] = ()
) -> tuple[list[dict[str, Any]], bool]:
    """What a client gets that sends these headers, and whether the application behind saw the request."""
    sent: list[dict[str, Any]] = []
    seen = False

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal seen
        seen = True
        cors = [(b"Access-Control-Allow-Origin", b"*"), (b"access-control-expose-headers", b"*"), (b"etag", b"e")]
        await send({"type": "http.response.start", "status": 200, "headers": cors})
        await send({"type": "http.response.body", "body": b"hello"})

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    pairs = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": kind, "method": method, "path": path, "headers": pairs}
    asyncio.run(Guard(app, PORT, hosts)(scope, receive, send))
    return sent, seen


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4566",
        "localhost:4566",
        "LOCALHOST:4566",
        "[::1]:4566",
        "saleslake-local.localhost:4566",
        "saleslake-local.s3.localhost:4566",
    ],
)
def test_names_of_this_machine_are_served(host: str) -> None:
    sent, seen = request(("Host", host))
    assert seen
    assert sent[0]["status"] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:4566",
        "localhost.evil.example:4566",
        "127.0.0.1.evil.example:4566",
        "evillocalhost:4566",
        "127.0.0.1:80",
        "127.0.0.1",
        "localhost",
        "[::1]",
        "",
        ":4566",
        "0.0.0.0:4566",
    ],
)
def test_other_names_are_refused(host: str) -> None:
    sent, seen = request(("Host", host))
    assert not seen
    assert sent[0]["status"] == 403


def test_a_request_without_or_with_two_hosts_is_refused() -> None:
    assert not request()[1]
    assert not request(("Host", "127.0.0.1:4566"), ("Host", "127.0.0.1:4566"))[1]


def test_the_name_in_the_endpoint_is_served_too() -> None:
    assert request(("Host", "gateway:4566"), hosts=("gateway",))[1]
    assert not request(("Host", "gateway:4566"))[1]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:4566", ""])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_origin_is_refused(origin: str, method: str) -> None:
    sent, seen = request(("Host", "127.0.0.1:4566"), ("Origin", origin), method=method)
    assert not seen
    assert sent[0]["status"] == 403
    assert not [name for name, _ in sent[0]["headers"] if name.startswith(b"access-control")]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin"])
def test_an_image_or_form_of_a_page_is_refused(site: str) -> None:
    assert not request(("Host", "127.0.0.1:4566"), ("Sec-Fetch-Site", site))[1]


def test_a_typed_address_is_served() -> None:
    assert request(("Host", "127.0.0.1:4566"), ("Sec-Fetch-Site", "none"))[1]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("GET", "/_ministack/config"),
        ("GET", "/_MiniStack/config"),
        ("POST", "/_ministack/health"),
        ("GET", "/_ministack/sqs/messages"),
        ("GET", "/_localstack/health"),
    ],
)
def test_the_administration_paths_are_closed(method: str, path: str) -> None:
    sent, seen = request(("Host", "127.0.0.1:4566"), path=path, method=method)
    assert not seen
    assert sent[0]["status"] == 403


@pytest.mark.parametrize("path", ["/_ministack/health", "/_ministack/ready"])
def test_health_is_open(path: str) -> None:
    assert request(("Host", "127.0.0.1:4566"), path=path)[1]


def test_answers_carry_no_cors_headers() -> None:
    sent, _ = request(("Host", "127.0.0.1:4566"))
    assert sent[0]["headers"] == [(b"etag", b"e")]
    assert sent[1]["body"] == b"hello"


def test_a_web_socket_of_a_page_is_closed() -> None:
    sent, seen = request(("Host", "127.0.0.1:4566"), ("Origin", "http://evil.example"), kind="websocket")
    assert not seen
    assert sent == [{"type": "websocket.close", "code": 1008}]
