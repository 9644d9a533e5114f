"""The bucket as the driver uses it: small objects read, created if absent, replaced if unchanged, and listed.

Tables are not read or written here (see delta.py); bronze is only listed and, where an object is damaged, salvaged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakehouse.errors import ConfigError, ContractError, LakehouseError, SourceError
from lakehouse.settings import Settings

ABSENT = ("NoSuchKey", "404", "NotFound")
EXISTS = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


@dataclass(frozen=True)
class Entry:
    """An object as a listing shows it; `size` in bytes, `modified_at` in seconds since 1970."""

    key: str
    etag: str
    size: int
    modified_at: float | None = None


class Bucket:
    """The environment's bucket.

    Args:
        settings: Where it is and how to reach it.

    Raises:
        SourceError: From every method, when S3 does not answer or answers with a fault after its retries.
        ConfigError: From every method, when the bucket does not exist or may not be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.name = settings.bucket
        self._where = f"bucket {settings.bucket} at {settings.aws_endpoint_url or 'AWS'}"
        retries = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=3, read_timeout=60)
        self._s3 = boto3.client("s3", config=retries, **settings.client_arguments)

    def get(self, key: str) -> bytes | None:
        """The object's bytes, None if there is no such object."""
        found = self.get_with_etag(key)
        return found[0] if found else None

    def get_with_etag(self, key: str) -> tuple[bytes, str] | None:
        """The object's bytes and ETag, None if there is no such object."""
        try:
            answer = self._s3.get_object(Bucket=self.name, Key=key)
            return answer["Body"].read(), answer["ETag"]
        except ClientError as fault:
            if _code(fault) in ABSENT:
                return None
            raise self._error(fault) from fault
        except BotoCoreError as fault:
            raise self._error(fault) from fault

    def present(self, key: str) -> bytes:
        """The bytes of an object that must be there.

        Raises:
            ContractError: It is gone.
        """
        body = self.get(key)
        if body is None:
            raise ContractError(f"object {key} is gone", "books that nobody deletes from", "restore it from a version")
        return body

    def put(self, key: str, body: bytes) -> None:
        """Write the object, whether or not it exists."""
        self._put(key, body)

    def create(self, key: str, body: bytes) -> bool:
        """Write the object only if there is none; False if there is one."""
        return self._put(key, body, IfNoneMatch="*")

    def replace(self, key: str, body: bytes, etag: str) -> bool:
        """Write the object only if it still is the one with this ETag; False if it is another or gone."""
        return self._put(key, body, IfMatch=etag)

    def delete(self, key: str) -> None:
        """Delete the object; fine if there is none."""
        self._call("delete_object", Key=key)

    def delete_all(self, prefix: str) -> int:
        """Delete every object under a prefix and return how many there were."""
        keys = [entry.key for entry in self.entries(prefix)]
        self.delete_keys(keys)
        return len(keys)

    def delete_keys(self, keys: Sequence[str]) -> None:
        """Delete objects; fine if one is not there."""
        for start in range(0, len(keys), 1000):
            chunk = [{"Key": key} for key in keys[start : start + 1000]]
            self._call("delete_objects", Delete={"Objects": chunk, "Quiet": True})

    def entries(self, prefix: str, after: str = "") -> Iterator[Entry]:
        """The objects under a prefix in order of their keys, those after `after` only."""
        arguments = {"Prefix": prefix, "StartAfter": after} if after else {"Prefix": prefix}
        while True:
            page = self._call("list_objects_v2", **arguments)
            for found in page.get("Contents", ()):
                yield Entry(found["Key"], found["ETag"], found["Size"], found["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            arguments = {"Prefix": prefix, "ContinuationToken": page["NextContinuationToken"]}

    def folders(self, prefix: str) -> list[str]:
        """The prefixes one level below a prefix, in order."""
        arguments = {"Prefix": prefix, "Delimiter": "/"}
        found: list[str] = []
        while True:
            page = self._call("list_objects_v2", **arguments)
            found += [folder["Prefix"] for folder in page.get("CommonPrefixes", ())]
            if not page.get("IsTruncated"):
                return found
            arguments["ContinuationToken"] = page["NextContinuationToken"]

    def _put(self, key: str, body: bytes, **condition: str) -> bool:
        try:
            self._s3.put_object(Bucket=self.name, Key=key, Body=body, **condition)
        except ClientError as fault:
            if condition and _code(fault) in EXISTS + ABSENT:
                # a response that is lost makes the client try again and meet its own object
                return self.get(key) == body
            raise self._error(fault) from fault
        except BotoCoreError as fault:
            raise self._error(fault) from fault
        return True

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            return getattr(self._s3, operation)(Bucket=self.name, **arguments)
        except (ClientError, BotoCoreError) as fault:
            raise self._error(fault) from fault

    def _error(self, fault: Exception) -> LakehouseError:
        code = _code(fault) if isinstance(fault, ClientError) else type(fault).__name__
        if code in ("NoSuchBucket", "AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
            return ConfigError(
                f"{self._where}: {code}",
                "a bucket that exists and may be used",
                "start the stack with `make up`, or correct BUCKET, the endpoint or the keys",
            )
        return SourceError(f"{self._where} did not answer: {code}", action="see `make status`, then try again")


def _code(fault: ClientError) -> str:
    return str(fault.response.get("Error", {}).get("Code", ""))
