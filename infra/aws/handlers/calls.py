"""The functions' clients and their few calls of S3 and Step Functions; what they mean is decided elsewhere."""

import functools
import json
from typing import Any

import boto3
from botocore.exceptions import ClientError

_NOT_NOW = ("PreconditionFailed", "412", "ConditionalRequestConflict")


@functools.cache
def client(service: str) -> Any:
    """A client, built once in the life of a function."""
    return boto3.client(service)


def text(bucket: str, key: str) -> str | None:
    """An object's text; None where there is none."""
    try:
        return str(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())
    except ClientError as fault:
        if fault.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise


def create(bucket: str, key: str, body: str) -> bool:
    """Write an object unless it is there; whether it was written."""
    try:
        client("s3").put_object(Bucket=bucket, Key=key, Body=body.encode(), IfNoneMatch="*")
    except ClientError as fault:
        if fault.response["Error"]["Code"] in _NOT_NOW:
            return False
        raise
    return True


def hold(bucket: str, key: str, execution: str) -> bool:
    """Let one execution at a time go on; whether it is this one. Who holds it and runs no more is relieved."""
    s3, body = client("s3"), json.dumps({"execution": execution})
    if create(bucket, key, body):
        return True
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
        holder = json.loads(found["Body"].read())["execution"]
        if holder == execution:
            return True
        if _is_running(holder):
            return False
        s3.put_object(Bucket=bucket, Key=key, Body=body.encode(), IfMatch=found["ETag"])
    except ClientError as fault:
        if fault.response["Error"]["Code"] in (*_NOT_NOW, "NoSuchKey", "404"):
            return False  # another was quicker; the next look will tell
        raise
    return True


def _is_running(execution: str) -> bool:
    states = client("stepfunctions")
    try:
        return bool(states.describe_execution(executionArn=execution)["status"] == "RUNNING")
    except states.exceptions.ExecutionDoesNotExist:
        return False


def version(bucket: str, table: str) -> str:
    """What tells a Delta table's content: its newest commit that changed rows, and that commit's ETag.

    Commits that only rewrite files are passed over, else a compaction would make every forecast anew. "" for a table
    without commits.
    """
    layer, _, name = table.partition(".")
    prefix, commits = f"{layer}/{name}/_delta_log/", []
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for found in page.get("Contents", []):
            key = found["Key"].removeprefix(prefix)
            if key.endswith(".json") and key.partition(".")[0].isdigit():
                commits.append((key.partition(".")[0], found["ETag"], found["Key"]))
    commits.sort(reverse=True)
    for number, etag, key in commits:
        body = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        if any(_changes_rows(json.loads(line)) for line in body.splitlines() if line.strip()):
            return f"{number} {etag}"
    return f"{commits[0][0]} {commits[0][1]}" if commits else ""


def _changes_rows(action: dict[str, Any]) -> bool:
    """Whether an action of a commit adds or removes rows; `dataChange` is false where a file is only rewritten."""
    return any(action.get(kind, {}).get("dataChange", False) for kind in ("add", "remove"))


def documents(path: str) -> Any:
    """A JSON file of the function's own package."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123  (a plain file beside the code)
        return json.load(file)
