"""JSON 1.1 on the wire: bodies read without trusting them, answers and errors written.

What an operation means is none of its business.
"""

import json
import math
import uuid
from typing import Any

from forecasting.service.faults import ApiError, malformed

Answer = tuple[int, dict[str, str], bytes]

CONTENT_TYPE = "application/x-amz-json-1.1"


def parse(body: bytes) -> dict[str, Any]:
    """The members of a request's body; none for an empty one.

    Raises:
        ApiError: It is no JSON object in UTF-8 (SerializationException).
    """
    try:
        text = body.decode("utf-8")
        found = json.loads(text, parse_constant=_refused, parse_float=_finite) if text.strip() else {}
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode("utf-8")  # fails for half of a surrogate pair
    except (ValueError, RecursionError) as fault:
        raise malformed("The request body is not valid JSON") from fault
    if not isinstance(found, dict):
        raise malformed("The request body is not a JSON object")
    return found


def _refused(constant: str) -> Any:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def answer(members: dict[str, Any] | bytes | None) -> Answer:
    """A 200; its body is empty where the operation answers nothing, and as it is where it is encoded already."""
    if isinstance(members, bytes):
        return 200, _headers(), members
    return 200, _headers(), b"" if members is None else json.dumps(members, allow_nan=False).encode()


def error(fault: ApiError) -> Answer:
    """A 400, or a 500 for a fault of ours."""
    return (
        fault.status,
        _headers(),
        json.dumps({"__type": fault.code, **fault.members, "Message": fault.message}).encode(),
    )


def _headers() -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4())}
