"""The function inside Firehose: lets stream records pass unchanged and names those that are none, one by one.

A record is passed on as it came, byte for byte, deletes too; Firehose adds the newline. What is no change of a table
is reported as failed, and Firehose keeps it under the error prefix.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

# As the pipe delivers them; DESIGN's envelope from DynamoDB.
_REQUIRED = ("eventName", "eventSourceARN", "dynamodb")
_IN_CHANGE = ("Keys", "SequenceNumber")


def handler(event: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Answer a batch of Firehose: a result for every record, in its order."""
    results = [transform(record) for record in event["records"]]
    failed = [one["recordId"] for one in results if one["result"] != "Ok"]
    # One line is written in any case: it is what tells in the log that the function lives.
    print(json.dumps({"records": len(results), "failed": len(failed), "first_failed": failed[:1]}))  # noqa: T201
    return {"records": results}


def transform(record: Mapping[str, Any]) -> dict[str, Any]:
    """The result of one record of Firehose.

    Example:
        >>> transform({"recordId": "1", "data": "e30="})
        {'recordId': '1', 'result': 'ProcessingFailed', 'data': 'e30='}
    """
    result = "Ok" if is_change(record["data"]) else "ProcessingFailed"
    return {"recordId": record["recordId"], "result": result, "data": record["data"]}


def is_change(data: str) -> bool:
    """Whether base64 text holds one change of a DynamoDB stream on one line."""
    try:
        raw = base64.b64decode(data, validate=True)
        change = json.loads(raw)
    except ValueError:
        return False
    if b"\n" in raw or not isinstance(change, dict) or any(name not in change for name in _REQUIRED):
        return False
    within = change["dynamodb"]
    return isinstance(within, dict) and all(name in within for name in _IN_CHANGE)
