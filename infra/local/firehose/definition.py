"""What a delivery stream is to do, read from its S3 destination; the same members stand in a template."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MEGABYTE = 1024 * 1024
_SUFFIX = {"GZIP": ".gz", "UNCOMPRESSED": ""}
_EXPRESSION = re.compile(r"!\{([A-Za-z]+):([^}]*)\}")


class DefinitionError(ValueError):
    """A delivery stream that cannot run; the text is what AWS would tell."""


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
    """Read the members of an S3 destination.

    Example:
        >>> parse({"BucketARN": "arn:aws:s3:::b"}).buffer_seconds
        300.0

    Raises:
        DefinitionError: They contradict each other or cannot be honoured here.
    """
    hints = given.get("BufferingHints") or {}
    compression = given.get("CompressionFormat") or "UNCOMPRESSED"
    if compression not in _SUFFIX:
        raise DefinitionError(f"CompressionFormat {compression} is not supported by this gateway; GZIP is.")
    prefix, error_prefix = given.get("Prefix") or "", given.get("ErrorOutputPrefix") or ""
    _check_prefixes(prefix, error_prefix)
    function = _parameters(given, "Lambda")
    delimiter = _parameters(given, "AppendDelimiterToRecord").get("Delimiter", "")
    return Destination(
        bucket=str(given.get("BucketARN", "")).rpartition(":")[2],
        prefix=prefix,
        error_prefix=error_prefix,
        extension=given.get("FileExtension") or _SUFFIX[compression],
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


def _parameters(given: Mapping[str, Any], kind: str) -> dict[str, str]:
    processing = given.get("ProcessingConfiguration") or {}
    if str(processing.get("Enabled", "")).lower() != "true":
        return {}
    for processor in processing.get("Processors") or []:
        if processor.get("Type") == kind:
            return {one["ParameterName"]: str(one["ParameterValue"]) for one in processor.get("Parameters") or []}
    return {}


def _check_prefixes(prefix: str, error_prefix: str) -> None:
    if _EXPRESSION.search(prefix) and not error_prefix:
        raise DefinitionError("ErrorOutputPrefix is required when Prefix has expressions.")
    if any(one[0] == "firehose" and one[1] == "error-output-type" for one in _EXPRESSION.findall(prefix)):
        raise DefinitionError("Prefix cannot have !{firehose:error-output-type}.")
    if _EXPRESSION.search(error_prefix) and "!{firehose:error-output-type}" not in error_prefix:
        raise DefinitionError("ErrorOutputPrefix must have !{firehose:error-output-type} when it has expressions.")


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
