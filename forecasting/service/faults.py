"""The errors that the API answers, under the names that its model and AWS's front end give them.

They are answers and not faults of ours: what is raised here reaches the client word for word, as a 400.
"""

from collections.abc import Mapping


class ApiError(Exception):
    """An error answer.

    Args:
        code: Its name on the wire, such as `InvalidInputException`.
        message: What the client reads.
        status: The HTTP status; 500 for a fault of ours alone.
        members: What the error says beside its message.
    """

    def __init__(self, code: str, message: str, status: int = 400, *, members: Mapping[str, str] | None = None) -> None:
        self.code, self.message, self.status, self.members = code, message, status, members or {}
        super().__init__(f"{code}: {message}")


def invalid(message: str) -> ApiError:
    """The request breaks a rule of the service."""
    return ApiError("InvalidInputException", message)


def not_found(arn: str) -> ApiError:
    """There is no such resource."""
    return ApiError("ResourceNotFoundException", f"No resource found {arn}")


def in_use(message: str) -> ApiError:
    """The resource is busy: the same request may be taken later."""
    return ApiError("ResourceInUseException", message)


def exists(words: str, arn: str) -> ApiError:
    """The name is taken."""
    return ApiError("ResourceAlreadyExistsException", f"A {words} already exists with the arn: {arn}")


def over_limit(message: str) -> ApiError:
    """A quota is used up."""
    return ApiError("LimitExceededException", message)


def bad_token(message: str) -> ApiError:
    """A NextToken that is not, or no longer, one of ours."""
    return ApiError("InvalidNextTokenException", message)


def malformed(message: str) -> ApiError:
    """The body is not JSON, or a value in it has not the type of its member."""
    return ApiError("SerializationException", message)


def unknown_operation(target: str) -> ApiError:
    """No operation of this name."""
    return ApiError("UnknownOperationException", f"Unknown operation: {target[:200]}")


def internal() -> ApiError:
    """A fault of ours; what it was stands in the log."""
    return ApiError("InternalServerException", "The service met an unexpected fault; see its log", 500)
