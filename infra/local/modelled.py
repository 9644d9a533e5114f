"""Requests checked against AWS's own models, which botocore brings: types, lengths, ranges, required members."""

import functools
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.model import OperationModel
from botocore.validate import ParamValidator


def fault(service: str, operation: str, given: Mapping[str, Any]) -> str:
    """Why a request is none of this operation; empty if it is one.

    Example:
        >>> fault("firehose", "PutRecord", {"DeliveryStreamName": "s"})
        'Missing required parameter in input: "Record"'
    """
    report = ParamValidator().validate(given, _operation(service, operation).input_shape)
    return str(report.generate_report()) if report.has_errors() else ""


@functools.cache
def _operation(service: str, operation: str) -> OperationModel:
    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(operation)
