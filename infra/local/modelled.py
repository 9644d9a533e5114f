"""Requests checked against AWS's own models, which botocore brings."""

import functools
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.model import OperationModel
from botocore.validate import ParamValidator


def fault(service: str, operation: str, given: Mapping[str, Any]) -> str:
    """Why a request is none of this operation, by all that its model says; empty if it is one.

    Example:
        >>> fault("pipes", "StartPipe", {"Name": "a b"})[:51]
        "1 validation error detected: Value 'a b' at 'name' "
    """
    # Imported here: a gateway that nobody asks carries none of it.
    from forecasting.service import validation  # noqa: PLC0415
    from forecasting.service.faults import ApiError  # noqa: PLC0415

    manner = validation.Manner("ValidationException")
    try:
        validation.check(given, _operation(service, operation).input_shape, manner)
    except ApiError as wrong:
        return wrong.message
    return ""


def fault_of_form(service: str, operation: str, given: Mapping[str, Any]) -> str:
    """The same for types and required members alone, for requests that carry data.

    Example:
        >>> fault_of_form("firehose", "PutRecord", {"DeliveryStreamName": "s"})
        'Missing required parameter in input: "Record"'
    """
    report = ParamValidator().validate(given, _operation(service, operation).input_shape)
    return str(report.generate_report()) if report.has_errors() else ""


@functools.cache
def _operation(service: str, operation: str) -> OperationModel:
    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(operation)
