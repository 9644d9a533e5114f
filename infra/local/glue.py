"""What clients of Athena ask of Glue and the emulator's leaves out, made of what it has.

It keeps nothing: BatchDeletePartition deletes one by one, GetTableVersions shows the one version that is kept,
GetPartitions heeds its Expression, by which dbt says what it is about to delete.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from infra.local.plugin import Answer, Query

Handler = Callable[[str, str, dict[str, str], Any, Query], Awaitable[Answer]]
# An operation and its members, to the status and what the body holds.
Ask = Callable[[str, Mapping[str, Any]], Awaitable[tuple[int, Any]]]


def install() -> None:
    """Add the operations to the emulator's Glue."""
    # Imported here: the emulator reads its environment when it is imported.
    from ministack import app  # noqa: PLC0415

    app.SERVICE_HANDLERS["glue"] = extended(app.SERVICE_HANDLERS["glue"])


def extended(inner: Handler) -> Handler:
    """A handler of Glue with the operations that another one has not."""

    async def handle(method: str, path: str, headers: dict[str, str], body: Any, query: Query) -> Answer:
        operation = _ADDED.get(headers.get("x-amz-target", "").partition(".")[2])
        if operation is None:
            return await inner(method, path, headers, body, query)

        async def ask(action: str, members: Mapping[str, Any]) -> tuple[int, Any]:
            given = {**headers, "x-amz-target": f"AWSGlue.{action}"}
            status, _, answer = await inner(method, path, given, json.dumps(members).encode(), query)
            return status, json.loads(answer)

        try:
            members = json.loads(body or b"{}")
        except ValueError:
            return await inner(method, path, headers, body, query)
        status, answer = await operation(ask, members)
        return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()

    return handle


async def _batch_delete_partition(ask: Ask, given: Mapping[str, Any]) -> tuple[int, Any]:
    table = {"DatabaseName": given.get("DatabaseName"), "TableName": given.get("TableName")}
    status, found = await ask("GetTable", {"DatabaseName": table["DatabaseName"], "Name": table["TableName"]})
    if status != 200:
        return status, found
    errors = []
    for partition in given.get("PartitionsToDelete", []):
        one = {**table, "PartitionValues": partition["Values"]}
        status, found = await ask("GetPartition", one)
        if status == 200:
            await ask("DeletePartition", one)
        else:
            detail = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Partition not found."}
            errors.append({"PartitionValues": partition["Values"], "ErrorDetail": detail})
    return 200, {"Errors": errors}


async def _get_table_versions(ask: Ask, given: Mapping[str, Any]) -> tuple[int, Any]:
    status, found = await ask("GetTable", {"DatabaseName": given.get("DatabaseName"), "Name": given.get("TableName")})
    if status != 200:
        return status, found
    table = found["Table"]
    return 200, {"TableVersions": [{"Table": table, "VersionId": table["VersionId"]}]}


async def _get_partitions(ask: Ask, given: Mapping[str, Any]) -> tuple[int, Any]:
    status, found = await ask("GetPartitions", given)
    expression = (given.get("Expression") or "").strip()
    if status != 200 or not expression:
        return status, found
    # Imported here: the grammar is there for those who ask.
    from infra.local.partitions import ExpressionError, matching  # noqa: PLC0415

    status, about = await ask("GetTable", {"DatabaseName": given.get("DatabaseName"), "Name": given.get("TableName")})
    if status != 200:
        return status, about
    keys = [(key["Name"], key.get("Type", "string")) for key in about["Table"]["PartitionKeys"]]
    try:
        test = matching(expression, keys)
        return 200, {**found, "Partitions": [one for one in found["Partitions"] if test(one["Values"])]}
    except ExpressionError as fault:
        return 400, {"__type": "InvalidInputException", "message": f"Unsupported expression '{expression}': {fault}"}


_ADDED: dict[str, Callable[[Ask, Mapping[str, Any]], Awaitable[tuple[int, Any]]]] = {
    "BatchDeletePartition": _batch_delete_partition,
    "GetPartitions": _get_partitions,
    "GetTableVersions": _get_table_versions,
}
