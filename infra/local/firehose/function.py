"""Calls a function of the emulator for Firehose, and tells its faults by Firehose's names."""

import json
from typing import Any

from infra.local.firehose.transform import ANSWER_BYTES, InvocationError


def invoke(arn: str, event: dict[str, Any]) -> Any:
    """Call a function by its ARN, in the scope of the delivery stream.

    Raises:
        InvocationError: It is not there, failed, or answered too much.
    """
    from ministack.services import lambda_svc  # noqa: PLC0415

    name, qualifier = lambda_svc._resolve_name_and_qualifier(arn)
    record, _ = lambda_svc._get_func_record_for_qualifier(name, qualifier)
    if record is None:
        raise InvocationError("Lambda.ResourceNotFound", f"Function not found: {arn}")
    result = lambda_svc._execute_function(record, event)
    body = result.get("body")
    lambda_svc._emit_lambda_metrics(name, 0.0, bool(result.get("error")), bool(result.get("throttle")))
    if result.get("throttle"):
        raise InvocationError("Lambda.InvokeLimitExceeded", json.dumps(body))
    if result.get("error"):
        text = body.get("errorMessage", "") if isinstance(body, dict) else str(body)
        code = "Lambda.FunctionTimedOut" if "timed out" in text else "Lambda.FunctionError"
        raise InvocationError(code, text)
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except ValueError as fault:
            raise InvocationError("Lambda.JsonProcessingException") from fault
    if sum(len(str(one.get("data", ""))) for one in _records(body)) > ANSWER_BYTES:
        raise InvocationError("Lambda.FunctionError", "Response payload size exceeded maximum allowed size (6 MB)")
    return body


def _records(body: Any) -> list[dict[str, Any]]:
    records = body.get("records") if isinstance(body, dict) else None
    return [one for one in records if isinstance(one, dict)] if isinstance(records, list) else []
