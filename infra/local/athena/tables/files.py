"""From a table that is no Delta table to its objects in S3: folders of its partitions, then what lies in them."""

import bisect
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.local.athena.contract import Column, QueryError, Range
from infra.local.athena.tables import serde
from infra.local.athena.tables.projection import Projection
from infra.local.athena.tables.scan import File, partition_may_match

# More folders than this are listed as one, by what their names have in common.
_LISTED_APART = 8


@dataclass(frozen=True)
class Prefix:
    """A folder of a table in S3, and the values that its partition has."""

    bucket: str
    prefix: str
    partition: tuple[str | None, ...] = ()


def prefixes(
    table: Mapping[str, Any],
    columns: tuple[Column, ...],
    ranges: Mapping[str, Range],
    partitions: Callable[[], Sequence[Mapping[str, Any]]],
) -> list[Prefix]:
    """Folders that a query has to look into.

    Args:
        table: As Glue describes it.
        columns: Its partitions.
        ranges: What can match.
        partitions: Asks the catalogue for them.

    Raises:
        QueryError: The table's description is wrong.
    """
    folder = serde.location(table)
    if not columns:
        return [_prefix(folder)]
    parameters = table.get("Parameters") or {}
    if Projection.is_on(parameters):
        projection = Projection(parameters, columns, dt.datetime.now(dt.UTC))
        return [
            _prefix(projection.location(values, folder), values)
            for values in projection.partitions(ranges)
            if partition_may_match(values, columns, ranges)
        ]
    found = []
    for entry in partitions():
        values = tuple(entry["Values"])
        if partition_may_match(values, columns, ranges):
            default = f"{folder.rstrip('/')}/{'/'.join(f'{c.name}={v}' for c, v in zip(columns, values, strict=True))}"
            found.append(_prefix((entry.get("StorageDescriptor") or {}).get("Location") or default, values))
    return found


def listed(s3: Any, wanted: Sequence[Prefix]) -> tuple[File, ...]:
    """Objects in folders; empty ones and those whose names start with `_` or `.` are none of a table's.

    Raises:
        QueryError: The bucket does not answer as one.
    """
    by_bucket: dict[str, list[Prefix]] = {}
    for prefix in wanted:
        by_bucket.setdefault(prefix.bucket, []).append(prefix)
    files: list[File] = []
    for bucket, inside in by_bucket.items():
        if len(inside) <= _LISTED_APART:
            for prefix in inside:
                files += (
                    File(bucket, key, size, prefix.partition) for key, size in _objects(s3, bucket, prefix.prefix)
                )
            continue
        inside.sort(key=lambda prefix: prefix.prefix)
        names = [prefix.prefix for prefix in inside]
        for key, size in _objects(s3, bucket, _shared_start(names[0], names[-1])):
            place = bisect.bisect_right(names, key) - 1
            if place >= 0 and key.startswith(names[place]):
                files.append(File(bucket, key, size, inside[place].partition))
    return tuple(files)


def _prefix(url: str, partition: tuple[str | None, ...] = ()) -> Prefix:
    bucket, key = serde.split_url(url)
    return Prefix(bucket, key if not key or key.endswith("/") else f"{key}/", partition)


def _objects(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
    given = {"Bucket": bucket, "Prefix": prefix}
    while True:
        try:
            answer = s3.list_objects_v2(**given)
        except ClientError as fault:
            code = fault.response["Error"]["Code"]
            raise QueryError(
                "HIVE_FILESYSTEM_ERROR", f"Failed to list s3://{bucket}/{prefix}: {code}: {_said(fault)}"
            ) from fault
        for entry in answer.get("Contents", ()):
            if entry["Size"] and not _is_hidden(entry["Key"][len(prefix) :]):
                yield entry["Key"], entry["Size"]
        if not answer["IsTruncated"]:
            return
        given["ContinuationToken"] = answer["NextContinuationToken"]


def _shared_start(first: str, last: str) -> str:
    """What sorted names start with, of which these are the first and the last."""
    length = next(
        (place for place, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1), len(first)
    )
    return first[:length]


def _is_hidden(path: str) -> bool:
    return any(part.startswith(("_", ".")) for part in path.split("/")) or path.endswith("/")


def _said(fault: ClientError) -> str:
    return fault.response["Error"].get("Message", "")
