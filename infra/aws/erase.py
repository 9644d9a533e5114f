"""Deletes what templates retain: buckets with every version of every object, the table, and the key in a week.

Called for an environment that a person has asked to be destroyed with its data, and for nothing else.
"""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

KEY_DAYS = 7  # the least that AWS allows; within them the deletion can be called off


def everything(
    client: Callable[[str], Any], storage: Mapping[str, str], table: str, report: Callable[[str], None]
) -> None:
    """Delete the data of an environment whose stacks are gone.

    Args:
        client: Makes a client of a service.
        storage: What the storage stack had put out.
        table: The DynamoDB table; "" for one that is not ours.
        report: Is told of each thing that is deleted.
    """
    s3 = client("s3")
    for name in ("Bucket", "AccessLogs"):
        if bucket := storage.get(name):
            objects = _empty(s3, bucket)
            _unless_gone(lambda: s3.delete_bucket(Bucket=bucket), "NoSuchBucket")
            report(f"deleted bucket {bucket} with {objects:,} objects and versions")
    if table and _unless_gone(lambda: client("dynamodb").delete_table(TableName=table), "ResourceNotFoundException"):
        report(f"deleted table {table}")
    if key := storage.get("KeyArn"):
        delete = client("kms").schedule_key_deletion
        # A key that is to be deleted already is in a state that refuses it.
        if _unless_gone(
            lambda: delete(KeyId=key, PendingWindowInDays=KEY_DAYS), "NotFoundException", "KMSInvalidStateException"
        ):
            report(f"the key will be deleted in {KEY_DAYS} days: {key}")


def _empty(s3: Any, bucket: str) -> int:
    deleted = 0
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            for start in range(0, len(found), 1000):
                part = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found[start : start + 1000]]
                told = s3.delete_objects(Bucket=bucket, Delete={"Objects": part, "Quiet": True})
                deleted += len(part) - len(told.get("Errors", []))
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "NoSuchBucket":
            raise
    return deleted


def _unless_gone(delete: Callable[[], Any], *codes: str) -> bool:
    try:
        delete()
    except ClientError as fault:
        if fault.response["Error"]["Code"] not in codes:
            raise
        return False
    return True
