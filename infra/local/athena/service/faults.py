"""The errors that Athena's API answers, in the words that clients look for.

Where a text was measured at AWS, its source stands beside it; the others are ours.
"""

import uuid

from forecasting.service.faults import ApiError


def invalid(message: str, code: str = "INVALID_INPUT") -> ApiError:
    """The request breaks a rule.

    Args:
        message: What the client reads.
        code: AthenaErrorCode; AWS says it twice
            (https://github.com/aoyagikouhei/athena-local, docs/dev/measurements/errors.md).
    """
    return ApiError("InvalidRequestException", message, members={"AthenaErrorCode": code, "ErrorCode": code})


def not_found(message: str, resource: str) -> ApiError:
    """There is no such resource."""
    return ApiError("ResourceNotFoundException", message, members={"ResourceName": resource})


def execution_not_found(execution_id: str) -> ApiError:
    """There is no such execution for this caller."""
    return invalid(f"QueryExecution {execution_id} was not found", "QUERY_EXECUTION_NOT_FOUND")


def too_many() -> ApiError:
    """More executions wait than the account may have."""
    return ApiError(
        "TooManyRequestsException",
        "You have exceeded the limit for the number of queries you can run concurrently. Reduce the number of "
        "concurrent queries submitted by this account.",
        members={"Reason": "CONCURRENT_QUERY_LIMIT_EXCEEDED"},
    )


def entity_not_found() -> ApiError:
    """The catalogue has no such database or table; clients look for the code within the text."""
    return metadata("Entity Not Found", "EntityNotFoundException")


def metadata(message: str, code: str) -> ApiError:
    """The catalogue refused.

    Source: https://github.com/DyfanJones/noctua/issues/205 for the form of the text.
    """
    place = f"Service: AmazonDataCatalog; Status Code: 400; Error Code: {code}; Request ID: {uuid.uuid4()}; Proxy: null"
    return ApiError("MetadataException", f"{message} ({place})")


def not_offered(operation: str) -> ApiError:
    """An operation of Athena that this service has not: notebooks, Spark sessions, capacity."""
    return invalid(f"{operation} is not offered by the local Athena service: it runs SQL alone", "NOT_SUPPORTED")
