"""The fault proxy: everything passes unchanged, and each action befalls exactly the requests that its rule names."""

import http.client
import http.server
import threading
import time
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.chaos.proxy import Proxy
from tests.chaos.rules import ERROR_500, SLOW_DOWN, Call, Delay, Reset, Rule

pytestmark = pytest.mark.unit


class Upstream(http.server.BaseHTTPRequestHandler):
    """A bucket in a dictionary; it notes every request that reaches it."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]
    requests: list[tuple[str, str]]

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        self.objects[self.path] = self.rfile.read(length)
        self._note(200, b"")

    def do_GET(self) -> None:
        body = self.objects.get(self.path)
        self._note(404 if body is None else 200, body or b"")

    do_HEAD = do_GET  # noqa: N815

    def do_DELETE(self) -> None:
        self.objects.pop(self.path, None)
        self.requests.append((self.command, self.path))
        self.send_response_only(204)
        self.end_headers()

    def _note(self, status: int, body: bytes) -> None:
        self.requests.append((self.command, self.path))
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Host", self.headers["Host"])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[type[Upstream]]:
    """A fresh bucket that listens; `port` says where."""
    handler = type("Fresh", (Upstream,), {"objects": {}, "requests": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(upstream: type[Upstream]) -> Iterator[Proxy]:
    with Proxy(0, f"127.0.0.1:{upstream.port}") as entered:  # type: ignore[attr-defined]
        yield entered


@pytest.fixture
def line(proxy: Proxy) -> Iterator[http.client.HTTPConnection]:
    """One connection to the proxy, kept alive."""
    connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=5)
    yield connection
    connection.close()


def ask(line: http.client.HTTPConnection, method: str, key: str, body: bytes | None = None) -> tuple[int, bytes]:
    line.request(method, f"/bucket/{key}", body)
    response = line.getresponse()
    return response.status, response.read()


def test_requests_pass_unchanged_over_one_connection(
    proxy: Proxy, upstream: type[Upstream], line: http.client.HTTPConnection
) -> None:
    assert ask(line, "PUT", "a%20b?x=1", b"\x00" * 100_000) == (200, b"")
    assert ask(line, "GET", "a%20b?x=1") == (200, b"\x00" * 100_000)
    assert ask(line, "GET", "none") == (404, b"")
    assert ask(line, "DELETE", "a%20b?x=1") == (204, b"")
    line.request("GET", "/bucket/none")
    response = line.getresponse()
    response.read()
    assert response.getheader("X-Host") == proxy.upstream
    assert [path for _, path in upstream.requests][:2] == ["/bucket/a%20b?x=1"] * 2


def test_a_head_keeps_the_length_of_what_it_does_not_send(line: http.client.HTTPConnection) -> None:
    ask(line, "PUT", "a", b"12345")
    line.request("HEAD", "/bucket/a")
    response = line.getresponse()
    assert (response.getheader("Content-Length"), response.read()) == ("5", b"")
    assert ask(line, "GET", "a") == (200, b"12345")


def test_a_chunked_body_arrives_whole(upstream: type[Upstream], line: http.client.HTTPConnection) -> None:
    line.request("PUT", "/bucket/a", iter([b"one", b"two"]), encode_chunked=True)
    line.getresponse().read()
    assert upstream.objects == {"/bucket/a": b"onetwo"}


def test_a_client_that_waits_to_continue_is_told_so_at_once(proxy: Proxy, upstream: type[Upstream]) -> None:
    began = time.monotonic()
    s3 = client(proxy)
    s3.put_object(Bucket="bucket", Key="k", Body=b"x" * 2**21)  # botocore asks before it sends
    assert time.monotonic() - began < 0.9  # and sends after 1 s if it is not told
    assert upstream.requests == [("PUT", "/bucket/k")]


def client(proxy: Proxy) -> "boto3.client":
    once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
    return boto3.client("s3", endpoint_url=proxy.url, config=once, **keys)


@pytest.mark.parametrize(
    ("action", "status", "code"), [(ERROR_500, 500, "InternalError"), (SLOW_DOWN, 503, "SlowDown")]
)
def test_an_answer_in_the_gateways_place(proxy: Proxy, upstream: type[Upstream], action, status, code) -> None:  # type: ignore[no-untyped-def]
    proxy.add(Rule(action))
    with pytest.raises(ClientError) as fault:
        client(proxy).put_object(Bucket="bucket", Key="k", Body=b"x")
    assert fault.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert fault.value.response["Error"]["Code"] == code
    assert upstream.requests == []


@pytest.mark.parametrize("forwarded", [False, True])
def test_a_reset_loses_the_request_or_only_its_response(
    proxy: Proxy, upstream: type[Upstream], line: http.client.HTTPConnection, forwarded: bool
) -> None:
    rule = proxy.add(Rule(Reset(forwarded)))
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        ask(line, "PUT", "k", b"x")
    line.close()
    assert upstream.objects == ({"/bucket/k": b"x"} if forwarded else {})
    assert rule.met.is_set()
    assert ask(line, "PUT", "k", b"y") == (200, b"")


def test_boto_sees_a_reset_as_a_closed_connection(proxy: Proxy) -> None:
    proxy.add(Rule(Reset(forwarded=False)))
    with pytest.raises(ConnectionClosedError):
        client(proxy).put_object(Bucket="bucket", Key="k", Body=b"x")


def test_a_delay_answers_late_or_never(
    proxy: Proxy, upstream: type[Upstream], line: http.client.HTTPConnection
) -> None:
    proxy.add(Rule(Delay(0.2)))
    began = time.monotonic()
    assert ask(line, "PUT", "k", b"x") == (200, b"")
    assert time.monotonic() - began >= 0.2
    proxy.add(Rule(Delay(0.05, then_cut=True)))
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        ask(line, "PUT", "never", b"x")
    assert "/bucket/never" not in upstream.objects


@pytest.mark.parametrize("after", [False, True])
def test_a_call_comes_in_the_requests_place_or_after_it(
    proxy: Proxy, upstream: type[Upstream], line: http.client.HTTPConnection, after: bool
) -> None:
    seen: list[bool] = []
    proxy.add(Rule(Call(lambda: seen.append("/bucket/k" in upstream.objects), after)))
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        ask(line, "PUT", "k", b"x")
    assert seen == [after]
    assert ("/bucket/k" in upstream.objects) is after


def test_a_rule_names_its_requests(proxy: Proxy, upstream: type[Upstream], line: http.client.HTTPConnection) -> None:
    proxy.add(Rule(ERROR_500, ("PUT",), r"^ops/plans/", nth=2, times=2))
    asked = [("PUT", "ops/plans/1"), ("GET", "ops/plans/1"), ("PUT", "x/ops/plans/"), *[("PUT", "ops/plans/2")] * 3]
    statuses = [ask(line, method, key, b"x" if method == "PUT" else None)[0] for method, key in asked]
    assert statuses == [200, 200, 200, 500, 500, 200]


def test_a_share_of_requests_and_no_more_once_it_is_removed(proxy: Proxy, line: http.client.HTTPConnection) -> None:
    draws = iter((0.1, 0.9, 0.3, 0.5))
    rule = proxy.add(Rule(ERROR_500, times=100, share=0.4, draw=lambda: next(draws)))
    assert [ask(line, "GET", "k")[0] for _ in range(4)] == [500, 404, 500, 404]
    proxy.remove(rule)
    assert ask(line, "GET", "k")[0] == 404


def test_a_gateway_that_is_gone_is_a_broken_connection(proxy: Proxy) -> None:
    proxy.upstream = "127.0.0.1:9"
    with pytest.raises(ConnectionClosedError):
        client(proxy).put_object(Bucket="bucket", Key="k", Body=b"x")
