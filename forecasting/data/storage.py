"""Files to read and objects to write, in S3 or, for what lies beside the process, in a folder.

Here alone S3 is asked, and here its answers become the errors that a job's Message is made from.
"""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError

from lakehouse.errors import ConfigError, ContractError, LakehouseError, SourceError

MAX_FILES = 10_000
_ABSENT = ("404", "NoSuchKey", "NotFound")
_TRY_AGAIN = ("SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "InternalError", "ServiceUnavailable")


@dataclass(frozen=True)
class File:
    """A file to read.

    Args:
        name: With its place, for messages.
        size: In bytes.
        open: Gives its bytes as a stream, from the beginning.
    """

    name: str
    size: int
    open: Callable[[], BinaryIO]


def files(path: str, client: Any) -> list[File]:
    """What an S3Config's Path names: one object, those under a prefix, or those of a bucket.

    In a prefix, markers of folders and names that begin with `_` or `.` are no data: what writes many files leaves
    such beside them.

    Args:
        path: `s3://bucket/key`, `s3://bucket/prefix/`, `s3://bucket`, or a local file or folder.
        client: Of boto3, for S3.

    Raises:
        ContractError: There is nothing, it may not be read, it is more than 10,000 files, or a name has no letter.
        SourceError: S3 does not answer.
        ConfigError: There are no credentials.
    """
    if not path.startswith("s3://"):
        found = _local(Path(path))
    else:
        bucket, key = split(path)
        found = _one(client, bucket, key) if key and not key.endswith("/") else []
        found = found or list(_under(client, bucket, key))
    if not found:
        raise ContractError(
            f"nothing at {path}", "an object, or a prefix with objects", "upload it or correct the path"
        )
    for file in found:
        name = file.name.rstrip("/").rsplit("/", 1)[-1]
        if not re.search("[^\\W\\d_]", name):
            raise ContractError(f"the file {file.name}", "a name with at least one letter", "rename it")
    return found


def put(client: Any, path: str, body: bytes, kms_key: str | None = None) -> None:
    """Write an object.

    Raises:
        ContractError: The bucket is not there or may not be written.
        SourceError: S3 does not answer.
    """
    bucket, key = split(path)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    try:
        client.put_object(Bucket=bucket, Key=key, Body=body, **encryption)
    except (ClientError, BotoCoreError) as fault:
        raise _error(fault, f"writing {path} in the bucket {bucket}") from fault


def split(path: str) -> tuple[str, str]:
    """Bucket and key of an S3 path; the key is "" for a whole bucket."""
    bucket, _, key = path.removeprefix("s3://").partition("/")
    return bucket, key


def _local(path: Path) -> list[File]:
    paths = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    return [File(str(one), one.stat().st_size, lambda one=one: one.open("rb")) for one in paths if one.exists()]  # type: ignore[misc]


def _one(client: Any, bucket: str, key: str) -> list[File]:
    name = f"s3://{bucket}/{key}"
    try:
        return [_object(client, bucket, key, client.head_object(Bucket=bucket, Key=key)["ContentLength"])]
    except ClientError as fault:
        if _code(fault) in _ABSENT:
            return []
        raise _error(fault, f"reading {name}") from fault
    except BotoCoreError as fault:
        raise _error(fault, f"reading {name}") from fault


def _under(client: Any, bucket: str, key: str) -> Iterator[File]:
    prefix = key if not key or key.endswith("/") else f"{key}/"
    arguments: dict[str, str] = {"Bucket": bucket, "Prefix": prefix}
    count = 0
    while True:
        try:
            page = client.list_objects_v2(**arguments)
        except (ClientError, BotoCoreError) as fault:
            raise _error(fault, f"listing s3://{bucket}/{prefix}") from fault
        for found in page.get("Contents", ()):
            if found["Key"].endswith("/") or found["Key"].rsplit("/", 1)[-1][0] in "_.":
                continue
            count += 1
            if count > MAX_FILES:
                told = f"more than {MAX_FILES:,} files at s3://{bucket}/{prefix}"
                raise ContractError(told, "no more", "join files, or name a prefix")
            yield _object(client, bucket, found["Key"], found["Size"])
        if not page.get("IsTruncated"):
            return
        arguments["ContinuationToken"] = page["NextContinuationToken"]


def _object(client: Any, bucket: str, key: str, size: int) -> File:
    name = _printable(f"s3://{bucket}/{key}")

    def opened() -> BinaryIO:
        try:
            return _Body(client.get_object(Bucket=bucket, Key=key)["Body"], name)  # type: ignore[return-value]
        except (ClientError, BotoCoreError) as fault:
            raise _error(fault, f"reading {name}") from fault

    return File(name, size, opened)


class _Body(io.RawIOBase):
    """An object's bytes as they come, with S3's faults as ours."""

    def __init__(self, body: Any, name: str) -> None:
        self._body, self._name = body, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            found = self._body.read(len(buffer))
        except (BotoCoreError, OSError) as fault:
            raise _error(fault, f"reading {self._name}") from fault
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._body.close()
        super().close()


def _printable(name: str) -> str:
    """A key may hold anything; a message is one line."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in name)


def _code(fault: ClientError) -> str:
    return str(fault.response.get("Error", {}).get("Code", ""))


def _error(fault: Exception, what: str) -> LakehouseError:
    if isinstance(fault, ParamValidationError):
        return ContractError(
            f"{what}: {' '.join(str(fault).split())[:300]}", "a bucket and a key of S3", "correct the path"
        )
    if isinstance(fault, NoCredentialsError):
        return ConfigError(f"{what}: {fault}", "credentials of AWS", "set them for the service")
    if not isinstance(fault, ClientError):
        return SourceError(f"{what}: {type(fault).__name__}: {fault}", "an answer of S3", "try again")
    status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    told = f"{what}: S3 says {_code(fault)}"
    if _code(fault) in _TRY_AGAIN or status >= 500:
        return SourceError(told, "an answer of S3", "try again")
    return ContractError(told, "a bucket and objects that the role may use", "correct the path or the permissions")
