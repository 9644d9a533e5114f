"""Which S3 destinations a delivery stream may have here: what AWS refuses, and what this gateway does not do. Pure."""

import re
import zoneinfo
from collections.abc import Mapping
from typing import Any

SUFFIXES = {"GZIP": ".gz", "UNCOMPRESSED": ""}
"""What objects end with, by the compressions that are done."""
_EXPRESSION = re.compile(r"!\{([^}:]*):?([^}]*)\}")
_EXTENSION = re.compile(r"(\.[0-9a-z!\-_.*'()]+)?")
_LETTERS = "yMdHmsD"
_RANGES = {"SizeInMBs": (1, 128), "IntervalInSeconds": (0, 900)}
_OF_FUNCTION = {"BufferSizeInMBs": (0.2, 3), "BufferIntervalInSeconds": (0, 900), "NumberOfRetries": (0, 300)}


class DefinitionError(ValueError):
    """A delivery stream that cannot run; the text is what AWS would tell."""


def check(given: Mapping[str, Any]) -> None:
    """Refuse a destination that could not run as it says.

    Example:
        >>> check({"BucketARN": "arn:aws:s3:::b", "BufferingHints": {"SizeInMBs": 64}})

    Raises:
        DefinitionError: Its members contradict each other, are out of range, or cannot be honoured here.
    """
    compression = given.get("CompressionFormat") or "UNCOMPRESSED"
    if compression not in SUFFIXES:
        raise DefinitionError(f"CompressionFormat {compression} is not supported by this gateway; GZIP is.")
    _check_undone(given)
    _check_prefixes(given.get("Prefix") or "", given.get("ErrorOutputPrefix") or "")
    _check_ranges(given.get("BufferingHints") or {}, _RANGES)
    _check_ranges(parameters(given, "Lambda"), _OF_FUNCTION)
    if not _EXTENSION.fullmatch(given.get("FileExtension") or ""):
        raise DefinitionError(f"FileExtension {given['FileExtension']} must begin with a dot, in lower case.")
    zone = given.get("CustomTimeZone") or "UTC"
    if zone not in zoneinfo.available_timezones():
        raise DefinitionError(f"CustomTimeZone {zone} is no time zone.")


def parameters(given: Mapping[str, Any], kind: str) -> dict[str, str]:
    """The parameters of the first processor of a kind by name; none if processing is off or has no such processor."""
    processing = given.get("ProcessingConfiguration") or {}
    if str(processing.get("Enabled", "")).lower() != "true":
        return {}
    for processor in processing.get("Processors") or []:
        if processor.get("Type") == kind:
            return {one["ParameterName"]: str(one["ParameterValue"]) for one in processor.get("Parameters") or []}
    return {}


def _check_undone(given: Mapping[str, Any]) -> None:
    for name in ("DynamicPartitioningConfiguration", "DataFormatConversionConfiguration"):
        if str((given.get(name) or {}).get("Enabled", "")).lower() == "true":
            raise DefinitionError(f"{name} is not supported by this gateway; leave it out.")
    if given.get("S3BackupMode") == "Enabled":
        raise DefinitionError("S3BackupMode Enabled is not supported by this gateway; leave it out.")
    processing = given.get("ProcessingConfiguration") or {}
    for processor in processing.get("Processors") or []:
        if processor.get("Type") not in ("Lambda", "AppendDelimiterToRecord"):
            raise DefinitionError(f"Processor {processor.get('Type')} is not supported by this gateway; Lambda is.")


def _check_prefixes(prefix: str, error_prefix: str) -> None:
    if _EXPRESSION.search(prefix) and not error_prefix:
        raise DefinitionError("ErrorOutputPrefix is required when Prefix has expressions.")
    if "!{firehose:error-output-type}" in prefix:
        raise DefinitionError("Prefix cannot have !{firehose:error-output-type}.")
    if _EXPRESSION.search(error_prefix) and "!{firehose:error-output-type}" not in error_prefix:
        raise DefinitionError("ErrorOutputPrefix must have !{firehose:error-output-type} when it has expressions.")
    for space, value in _EXPRESSION.findall(prefix + error_prefix):
        if space.startswith("partitionKeyFrom"):
            raise DefinitionError(f"!{{{space}:{value}}} needs dynamic partitioning, which this gateway does not do.")
        if space == "timestamp":
            _check_pattern(value)
        elif (space, value) not in (("firehose", "random-string"), ("firehose", "error-output-type")):
            raise DefinitionError(f"!{{{space}:{value}}} is no expression of a prefix.")


def _check_pattern(pattern: str) -> None:
    for letter in re.sub(r"'[^']*'", "", pattern):
        if letter.isalpha() and letter not in _LETTERS:
            raise DefinitionError(f"Letter {letter} of timestamp:{pattern} is not supported by this gateway; "
                                  f"{', '.join(_LETTERS)} are.")  # fmt: skip


def _check_ranges(given: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]) -> None:
    for name, (low, high) in ranges.items():
        if name not in given:
            continue
        try:
            value = float(given[name])
        except (TypeError, ValueError) as fault:
            raise DefinitionError(f"{name} {given[name]} is no number.") from fault
        if not low <= value <= high:
            raise DefinitionError(f"{name} must be from {low:g} to {high:g}, not {value:g}.")
