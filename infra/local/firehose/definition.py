"""What a delivery stream is to do, read from its S3 destination; the same members stand in a template."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.firehose.checks import SUFFIXES, parameters

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Destination:
    """An S3 destination.

    Attributes:
        bucket: Its bucket.
        prefix: Of objects, with expressions.
        error_prefix: Of objects with failed records; empty for none.
        extension: Of objects.
        gzip: Whether they are compressed.
        buffer_bytes: An object is written when so much waits …
        buffer_seconds: … or the oldest record waits so long.
        delimiter: Appended to each record.
        function: ARN of the transform function; empty for none.
        function_retries: How often it is called again.
        function_bytes: It is called when so much waits …
        function_seconds: … or the oldest record waits so long.
    """

    bucket: str
    prefix: str
    error_prefix: str
    extension: str
    gzip: bool
    buffer_bytes: int
    buffer_seconds: float
    delimiter: bytes
    function: str
    function_retries: int
    function_bytes: int
    function_seconds: float


def parse(given: Mapping[str, Any]) -> Destination:
    """Read the members of an S3 destination that `checks.check` has let pass.

    Example:
        >>> parse({"BucketARN": "arn:aws:s3:::b"}).buffer_seconds
        300.0
    """
    hints = given.get("BufferingHints") or {}
    compression = given.get("CompressionFormat") or "UNCOMPRESSED"
    function = parameters(given, "Lambda")
    delimiter = parameters(given, "AppendDelimiterToRecord").get("Delimiter", "")
    return Destination(
        bucket=str(given.get("BucketARN", "")).rpartition(":")[2],
        prefix=given.get("Prefix") or "",
        error_prefix=given.get("ErrorOutputPrefix") or "",
        extension=given.get("FileExtension") or SUFFIXES[compression],
        gzip=compression == "GZIP",
        buffer_bytes=int(float(hints.get("SizeInMBs", 5)) * _MEGABYTE),
        buffer_seconds=float(hints.get("IntervalInSeconds", 300)),
        # The member holds a backslash and an n, not a newline.
        delimiter=delimiter.replace("\\n", "\n").encode(),
        function=function.get("LambdaArn", ""),
        function_retries=int(function.get("NumberOfRetries", 3)),
        function_bytes=int(float(function.get("BufferSizeInMBs", 1)) * _MEGABYTE),
        function_seconds=float(function.get("BufferIntervalInSeconds", 60)),
    )


class Compressed:
    """Records in one object as it grows: compressed as they come, so that little is held.

    Args:
        destination: Says whether, and what stands behind each record.
    """

    def __init__(self, destination: Destination) -> None:
        self._delimiter = destination.delimiter
        self._gzip = zlib.compressobj(6, zlib.DEFLATED, 31) if destination.gzip else None
        self._parts: list[bytes] = []
        self.records = 0
        self.size = 0  # before compression, by which buffers are measured

    def add(self, records: list[bytes]) -> None:
        """Append records."""
        body = b"".join(part for record in records for part in (record, self._delimiter))
        self.records += len(records)
        self.size += len(body)
        self._parts.append(self._gzip.compress(body) if self._gzip else body)

    def body(self) -> bytes:
        """The object; nothing can be added any more."""
        if self._gzip:
            self._parts.append(self._gzip.flush())
            self._gzip = None
        return b"".join(self._parts)
