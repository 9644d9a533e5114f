"""Where the result of an execution goes: a folder in S3, from the request or from the workgroup, and its file."""

import re

from infra.local.athena.service import faults
from infra.local.athena.service.executions import Json

_FORM = re.compile(r"s3://[a-zA-Z0-9][a-zA-Z0-9._-]{1,253}[a-zA-Z0-9](?:/[^\x00-\x1f\x7f]*)?")


def folder(location: str) -> str:
    """A location with a slash at its end.

    Raises:
        ApiError: It is no place in S3.
    """
    if not _FORM.fullmatch(location):
        raise faults.invalid("outputLocation is not a valid S3 path.")
    return location if location.endswith("/") else f"{location}/"


def chosen(asked: Json, workgroup: Json) -> Json:
    """The result configuration that holds for an execution, its location with a slash at the end.

    Args:
        asked: The request's ResultConfiguration.
        workgroup: The configuration of the workgroup; where it is enforced, the request's is not looked at.

    Raises:
        ApiError: Neither has a location, or it is none in S3.
    """
    own: Json = workgroup["ResultConfiguration"]
    if asked.get("OutputLocation"):
        folder(asked["OutputLocation"])
    if workgroup["EnforceWorkGroupConfiguration"]:
        found = own
    else:
        # Who names a place says all of it; otherwise the workgroup's place is the default.
        found = asked if asked.get("OutputLocation") else {**own, **asked}
    if not found.get("OutputLocation"):
        raise faults.invalid(
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input."
        )
    return {**found, "OutputLocation": folder(found["OutputLocation"])}


def result_file(place: str, execution_id: str, statement: str, substatement: str) -> str:
    """The file that AWS names for an execution, whether it is written or not.

    Source: https://github.com/aoyagikouhei/athena-local, README, "Result files".
    """
    if substatement == "CREATE_TABLE_AS_SELECT":
        return f"{place}tables/{execution_id}"
    if substatement == "INSERT":
        return f"{place}{execution_id}"
    is_table = statement == "DML" and substatement != "EXPLAIN"
    return f"{place}{execution_id}{'.csv' if is_table else '.txt'}"
