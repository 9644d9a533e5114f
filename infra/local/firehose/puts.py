"""Records that clients put into a delivery stream itself: acknowledged once they are in its log."""

import base64
import functools
import uuid
from collections.abc import Callable
from typing import Any

from infra.local import modelled
from infra.local.journal import Journal, WriteError

Answer = tuple[int, dict[str, str], Any]
Stream = dict[str, Any]
S3 = ("ExtendedS3", "S3")
"""The destinations that are delivered to by runners of ours."""
_RECORD_BYTES = 1_024_000
_BATCH = 500


def log_name(stream_arn: str) -> str:
    """The name of the log of what was put into a delivery stream.

    Example:
        >>> log_name("arn")
        'put:arn'
    """
    return f"put:{stream_arn}"


class Puts:
    """What PutRecord and PutRecordBatch do.

    Args:
        firehose: The emulator's module.
        journal: Where records go.
    """

    def __init__(self, firehose: Any, journal: Journal) -> None:
        self._firehose, self._journal = firehose, journal

    def one(self, emulated: Callable[[Stream], Answer]) -> Callable[[Stream], Answer]:
        """PutRecord: acknowledged once the record is in the log."""

        @functools.wraps(emulated)
        def put(data: Stream) -> Answer:
            if not self._is_ours(data.get("DeliveryStreamName")):
                return emulated(data)
            answer = self._put("PutRecord", data, [data.get("Record") or {}])
            if isinstance(answer, tuple):
                return answer
            if "ErrorCode" in answer[0]:
                return self._firehose._invalid(answer[0]["ErrorMessage"])
            return self._firehose.json_response(answer[0])

        return put

    def many(self, emulated: Callable[[Stream], Answer]) -> Callable[[Stream], Answer]:
        """PutRecordBatch: acknowledged once the records are in the log."""

        @functools.wraps(emulated)
        def put(data: Stream) -> Answer:
            if not self._is_ours(data.get("DeliveryStreamName")):
                return emulated(data)
            answer = self._put("PutRecordBatch", data, data.get("Records") or [])
            if isinstance(answer, tuple):
                return answer
            failed = sum("ErrorCode" in one for one in answer)
            body = {"FailedPutCount": failed, "Encrypted": False, "RequestResponses": answer}
            return self._firehose.json_response(body)

        return put

    def _is_ours(self, name: Any) -> bool:
        stream = self._firehose._streams.get(name)
        return bool(stream) and any(one["type"] in S3 for one in stream["destinations"])

    def _put(self, operation: str, data: Stream, records: list[Stream]) -> Answer | list[dict[str, Any]]:
        fault = modelled.fault_of_form("firehose", operation, data)
        if not fault and not 1 <= len(records) <= _BATCH:
            fault = f"{len(records)} records in a batch; 1 to {_BATCH} expected."
        stream = self._firehose._streams[data["DeliveryStreamName"]]
        if not fault and stream["type"] != "DirectPut":
            fault = f"Firehose {stream['name']} has a Kinesis stream as its source: put records there."
        if fault:
            return self._firehose._invalid(fault)
        answers: list[dict[str, Any]] = []
        try:
            with self._journal.transaction():
                log = self._journal.log(log_name(stream["arn"]))
                for record in records:
                    try:
                        body = base64.b64decode(record["Data"], validate=True)
                        if len(body) > _RECORD_BYTES:
                            raise ValueError("Record size exceeds 1,000 KiB limit.")
                    except ValueError as wrong:
                        answers.append({"ErrorCode": "InvalidArgumentException", "ErrorMessage": str(wrong)})
                        continue
                    log.append("", body)
                    answers.append({"RecordId": uuid.uuid4().hex, "Encrypted": False})
        except WriteError as refused:
            return self._firehose.error_response_json("ServiceUnavailableException", str(refused), 503)
        return answers
