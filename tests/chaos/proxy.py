"""A proxy in front of the gateway that does to S3 requests what a bad day does, by rules that are data.

It knows HTTP and the shape of S3's paths, nothing of what the objects mean. Bodies are held in memory as a whole: the
product's objects are megabytes at most.
"""

import contextlib
import http.client
import http.server
import socket
import struct
import threading
import time
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from tests.chaos.rules import Action, Answer, Call, Delay, Request, Reset, Rule

_HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "host", "expect", "content-length"}
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER for 0 s: a close sends RST
_PATIENCE_SECONDS: Final = 120


class Proxy:
    """Forwards to the gateway on a port of its own, while it is entered.

    Args:
        port: Where it listens on 127.0.0.1; 0 for a free port.
        upstream: The gateway's host and port.
    """

    def __init__(self, port: int, upstream: str) -> None:
        self.upstream = upstream
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.proxy = self

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Proxy":
        serve = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="proxy", daemon=True)
        serve.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, rule: Rule) -> Rule:
        """Let a rule apply from now on."""
        with self._lock:
            self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Let a rule apply no more."""
        with self._lock:
            self._rules = [kept for kept in self._rules if kept is not rule]

    def clear(self) -> None:
        """Let no rule apply."""
        with self._lock:
            self._rules = []

    def action(self, request: Request) -> Action | None:
        """What befalls a request: the action of the first rule that applies."""
        with self._lock:
            return next((rule.action for rule in self._rules if rule.applies(request)), None)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: Proxy

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that are killed leave broken connections behind, which is what this is for."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        key = unquote(parts.path.lstrip("/")).partition("/")[2]
        action = self.server.proxy.action(Request(self.command, key, parts.query))
        body = self._body()
        match action:
            case Answer():
                self._fault(action)
                return
            case Reset(forwarded=False):
                self._cut()
                return
            case Delay():
                time.sleep(action.seconds)
                if action.then_cut:
                    self._cut()
                    return
            case Call(after=False):
                action.what()
                self._cut()
                return
        answer = self._forward(body)
        if isinstance(action, Call):
            action.what()
        if answer is None or isinstance(action, (Call, Reset)):
            self._cut()
        else:
            self._respond(*answer)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 (the names http.server looks for)

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()  # without it the client waits a second before it sends its body
        return True

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _forward(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes] | None:
        """The gateway's response; None if it gave none."""
        # a connection for each request: one that is kept may belong to a gateway that was killed meanwhile
        upstream = http.client.HTTPConnection(self.server.proxy.upstream, timeout=_PATIENCE_SECONDS)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            upstream.putheader("Host", self.server.proxy.upstream)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    upstream.putheader(name, value)
            if body or self.command in ("PUT", "POST"):
                upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body or None)
            response = upstream.getresponse()
            return response, response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            upstream.close()

    def _respond(self, response: http.client.HTTPResponse, body: bytes) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        length = response.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        if response.status not in (204, 304):
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body)

    def _fault(self, answer: Answer) -> None:
        text = f"<?xml version='1.0'?><Error><Code>{answer.code}</Code><Message>on purpose</Message></Error>".encode()
        self.send_response_only(answer.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        # the server's own shutdown would send an orderly end first
        self.connection.close()

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: Any) -> None:
        """Log nothing: a round has thousands of requests."""
