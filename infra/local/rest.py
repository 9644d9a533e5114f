"""Services of the REST kind (`rest-json`): which method answers which path, and how faults are told. Keeps nothing.

A service is made of functions from a `Request` to what its answer's body holds.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from infra.local.plugin import Answer, Query


@dataclass(frozen=True)
class Request:
    """What a client asks.

    Args:
        account: Of the caller.
        region: Of the call.
        names: What the path names.
        body: Its members; empty without a body.
        query: Parameters of the address.
    """

    account: str
    region: str
    names: Mapping[str, str]
    body: Mapping[str, Any]
    query: Query

    def asked(self, name: str, default: str = "") -> str:
        """A parameter of the address."""
        return (self.query.get(name) or [default])[0]


@dataclass
class ApiError(Exception):
    """An answer that is an error, by the name that the API's model has."""

    code: str
    message: str
    status: int = 400


Operation = Callable[[Request], Mapping[str, Any]]
Route = tuple[str, re.Pattern[str], Operation]


def route(method: str, path: str, operation: Operation) -> Route:
    """A route; `{name}` stands for a part of the path, `{name+}` for all that follows but what is spelt out.

    Example:
        >>> bool(route("GET", "/v1/connectors/{arn+}", lambda _: {})[1].fullmatch("/v1/connectors/arn:a/b"))
        True
    """
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", path))
    return method, re.compile(pattern), operation


def answered(
    routes: Sequence[Route], method: str, path: str, body: bytes, query: Query, *, account: str, region: str
) -> Answer:
    """The answer to a request; the first route that fits takes it."""
    try:
        given = json.loads(body or b"{}")
        if not isinstance(given, dict):
            raise ApiError("ValidationException", "the body is no JSON object")
        for verb, pattern, operation in routes:
            found = pattern.fullmatch(unquote(path))
            if verb == method and found:
                told = operation(Request(account, region, found.groupdict(), given, query))
                return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()
        raise ApiError("UnknownOperationException", f"{method} {path} is not answered here", 404)
    except ValueError:
        return _told(ApiError("ValidationException", "the body is not JSON"))
    except ApiError as fault:
        return _told(fault)


def _told(fault: ApiError) -> Answer:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": fault.code}
    return fault.status, headers, json.dumps({"__type": fault.code, "message": fault.message}).encode()
