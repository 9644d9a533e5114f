"""The transform function: what it is asked, what its answer means for each record, what is written of those that fail.

Pure but for the function that is handed in.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

ANSWER_BYTES = 6_291_556
_FAULTS = {
    "Lambda.ProcessingFailedStatus": "ProcessingFailed status set for record",
    "Lambda.MissingRecordId": "One or more record Ids were not returned. Ensure that the Lambda function returns all "
    "received record Ids.",
    "Lambda.DuplicatedRecordId": "Multiple records were returned with the same record ID. Ensure that the Lambda "
    "function returns unique record IDs for each record.",
    "Lambda.FunctionError": "The Lambda function was successfully invoked but it returned an error result.",
    "Lambda.JsonProcessingException": "There was an error parsing returned records from the Lambda function. Ensure "
    "that the returned records follow the status model required by Amazon Data Firehose.",
}


class Arrived(NamedTuple):
    """A record of the source: its name in the batch, when it arrived [seconds since 1970], its data."""

    name: str
    at: float
    data: bytes


class InvocationError(Exception):
    """The function did not answer as it should; code and text are Firehose's."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(text or _FAULTS.get(code, code))
        self.code = code


class Failed(NamedTuple):
    """A record that could not be transformed."""

    record: Arrived
    code: str
    message: str
    attempts: int


@dataclass(frozen=True)
class Outcome:
    """What became of a batch: data to deliver in its order, records that failed; those dropped are in neither."""

    delivered: list[bytes]
    failed: list[Failed]


Invoke = Callable[[dict[str, Any]], Any]


def transform(
    records: Sequence[Arrived], ask: Callable[[Sequence[Arrived]], dict[str, Any]], invoke: Invoke
) -> Outcome:
    """Have one batch transformed by one call.

    Args:
        records: The batch.
        ask: Makes the function's event of a batch.
        invoke: Calls the function; InvocationError if it did not answer.

    Raises:
        InvocationError: The function failed as a whole; the batch may be tried again.
    """
    answer = invoke(ask(records))
    if not isinstance(answer, Mapping) or not isinstance(answer.get("records"), list):
        raise InvocationError("Lambda.JsonProcessingException")
    results: dict[str, Any] = {}
    twice: set[str] = set()
    for one in answer["records"]:
        if not isinstance(one, Mapping) or not isinstance(one.get("recordId"), str):
            raise InvocationError("Lambda.JsonProcessingException")
        if one["recordId"] in results:
            twice.add(one["recordId"])
        results[one["recordId"]] = one
    delivered, failed = [], []
    for record in records:
        try:
            data = _judge(record.name, results, twice)
        except InvocationError as fault:
            failed.append(Failed(record, fault.code, str(fault), 1))
            continue
        if data is not None:
            delivered.append(data)
    return Outcome(delivered, failed)


def _judge(name: str, results: Mapping[str, Any], twice: set[str]) -> bytes | None:
    """The data of a record, None if it was dropped."""
    result = results.get(name)
    if result is None:
        raise InvocationError("Lambda.MissingRecordId")
    if name in twice:
        raise InvocationError("Lambda.DuplicatedRecordId")
    if result.get("result") == "Dropped":
        return None
    if result.get("result") == "ProcessingFailed":
        raise InvocationError("Lambda.ProcessingFailedStatus")
    if result.get("result") != "Ok" or not isinstance(result.get("data"), str):
        raise InvocationError("Lambda.JsonProcessingException")
    try:
        return base64.b64decode(result["data"], validate=True)
    except ValueError as fault:
        raise InvocationError("Lambda.JsonProcessingException") from fault


def event(records: Sequence[Arrived], *, stream_arn: str, region: str, invocation: str) -> dict[str, Any]:
    """What the function is asked.

    Args:
        records: The batch.
        stream_arn: Of the delivery stream.
        region: Its region.
        invocation: A name of this call.
    """
    return {
        "invocationId": invocation,
        "deliveryStreamArn": stream_arn,
        "region": region,
        "records": [
            {
                "recordId": one.name,
                "approximateArrivalTimestamp": int(one.at * 1000),
                "data": base64.b64encode(one.data).decode("ascii"),
            }
            for one in records
        ],
    }


def all_failed(records: Sequence[Arrived], fault: InvocationError, attempts: int) -> Outcome:
    """The outcome of a batch whose function failed at every attempt."""
    return Outcome([], [Failed(one, fault.code, str(fault), attempts) for one in records])


def failure_line(failed: Failed, *, ended_at: float, function: str) -> bytes:
    """The line that is written of a failed record under the error prefix, without a newline.

    Args:
        failed: The record.
        ended_at: When the last attempt ended [seconds since 1970].
        function: ARN of the function.
    """
    line = {
        "attemptsMade": failed.attempts,
        "arrivalTimestamp": int(failed.record.at * 1000),
        "errorCode": failed.code,
        "errorMessage": failed.message,
        "attemptEndingTimestamp": int(ended_at * 1000),
        "rawData": base64.b64encode(failed.record.data).decode("ascii"),
        "lambdaArn": function,
    }
    return json.dumps(line).encode()
