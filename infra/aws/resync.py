"""Resync: what a table holds now, written into bronze as if its stream had said so when it was enabled.

Changes made while a stream was off are in no stream. The rows found by a scan become READ records with number 0 under
the new stream's label, later than all that the old stream said and earlier than all that the new one says; so do the
deletes of rows that silver has and the table lacks. Changes may go on meanwhile; a second run does no harm.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError
from deltalake.exceptions import TableNotFoundError

from generator import silver
from infra.aws.records import ROWS_PER_OBJECT, Clients, Report, clients_of, put, table_of
from lakehouse import places, streamrecords
from lakehouse.errors import ConfigError, SourceError
from lakehouse.fields import Rejection
from lakehouse.mapping import FieldMapping
from lakehouse.progress import Progress
from lakehouse.settings import Settings

WAIT_SECONDS = 120.0
Key = tuple[str, int]
_KEY = pa.schema([("order_id", pa.string()), ("line_no", pa.int32())])


@dataclass(frozen=True)
class Resynced:
    """What a resync wrote: the stream's label, rows read from the table, deletes, and objects of bronze."""

    label: str
    read: int
    deleted: int
    objects: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """The table: its name, its stream, its key's attributes and which attribute is which column."""

    name: str
    stream: str
    keys: tuple[str, ...]
    mapping: FieldMapping


class Resync:
    """A resync of the settings' table.

    Args:
        settings: Table and bucket.
        report: Told what is done, how much of it, and of how much.
        clients: Makes clients by the service's name.
    """

    def __init__(
        self,
        settings: Settings,
        report: Report = lambda what, done, total: None,
        clients: Clients | None = None,
    ) -> None:
        clients = clients or clients_of(settings)
        self._settings, self._report = settings, report
        self._table, self._s3 = clients("dynamodb"), clients("s3")

    def run(self, wait_seconds: float = WAIT_SECONDS) -> Resynced:
        """Do it.

        Raises:
            ConfigError: There is no such table, or its stream is off.
            SourceError: The driver does not take in what lies in bronze, or AWS does not answer.
        """
        try:
            source = self._source()
            progress = self._caught_up(wait_seconds)
            label, found = streamrecords.label_of(source.stream), set[Key]()
            place = f"{places.RESYNC}{label}-{time.time_ns() // 1000}"
            objects = self._write(self._rows(source, found), f"{place}-rows")
            gone = sorted(self._held(progress, label) - found)
            objects += self._write(self._deletes(source, gone), f"{place}-deletes")
        except (ClientError, BotoCoreError) as fault:
            where = self._settings.aws_endpoint_url or "AWS"
            raise SourceError(f"resync: {fault}", f"an answer of {where}", "run it again: it begins anew") from fault
        return Resynced(label, len(found), len(gone), tuple(objects))

    def _source(self) -> Source:
        name = self._settings.dynamodb_table
        table = table_of(self._table, name)
        stream = table.get("LatestStreamArn")
        if not stream or not (table.get("StreamSpecification") or {}).get("StreamEnabled"):
            raise ConfigError(f"the stream of table {name} is off", "one with new and old images", "enable it first")
        keys = tuple(part["AttributeName"] for part in table["KeySchema"])
        mapping = FieldMapping.from_json((self._object(places.MAPPING) or b"").decode())
        return Source(name, stream, keys, mapping)

    def _caught_up(self, seconds: float) -> Progress:
        """The progress once gold shows all that Firehose has brought: a late old insert must not come after us."""
        last, end = self._newest(), time.monotonic() + seconds
        while True:
            progress = Progress.from_json(self._object(places.PROGRESS) or b"{}")
            if all(progress.firehose_ends.get(root, "") >= key for root, key in last.items()):
                return progress
            if time.monotonic() > end:
                raise SourceError(
                    f"silver has not taken in all of bronze after {seconds:.0f} s",
                    "a driver that works",
                    "see `make status`, then run it again",
                )
            time.sleep(0.5)

    def _newest(self) -> dict[str, str]:
        found = {}
        for root in (places.BRONZE_DYNAMODB, places.ERRORS):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._settings.bucket, Prefix=root)
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
            if keys:
                found[root] = max(keys)
        return found

    def _rows(self, source: Source, found: set[Key]) -> Iterator[str]:
        now, start = int(time.time()), dict[str, Any]()
        while True:
            page = self._table.scan(TableName=source.name, ConsistentRead=True, **start)
            for item in page["Items"]:
                keys = {name: item[name] for name in source.keys}
                with contextlib.suppress(Rejection):  # it is in no table of ours; its record will say why
                    found.add(streamrecords.key_of(keys, source.mapping))
                yield streamrecords.encode("READ", source.stream, "0", now, keys, NewImage=item)
            self._report("rows of the table", len(found), None)
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _held(self, progress: Progress, label: str) -> set[Key]:
        """The live rows of silver that no record of the new stream has touched."""
        # The label has the form of a time: streamrecords.label_of takes no other.
        is_older = f"cdc_sequence < '{streamrecords.sequence(label, '0')}'"
        try:
            rows = silver.rows(self._settings, _KEY, f"source = '{places.DYNAMODB}' AND NOT is_deleted AND {is_older}")
        except TableNotFoundError:
            return set()
        return set(zip(*(column.to_pylist() for column in rows.columns), strict=True))

    def _deletes(self, source: Source, gone: Iterable[Key]) -> Iterator[str]:
        now = int(time.time())
        for order_id, line_no in gone:
            keys = streamrecords.keys_of(order_id, line_no, source.mapping)
            yield streamrecords.encode("REMOVE", source.stream, "0", now, keys)

    def _write(self, records: Iterator[str], name: str) -> list[str]:
        """Objects of bronze, beside Firehose's of today and before them: its last key says how far it has come."""
        written: list[str] = []
        while part := list(islice(records, ROWS_PER_OBJECT)):
            day = datetime.now(UTC).date()
            key = f"{places.dated(places.BRONZE_DYNAMODB, day)}{name}-{len(written):06d}.jsonl.gz"
            put(self._s3, self._settings.bucket, key, part)
            written.append(key)
        return written

    def _object(self, key: str) -> bytes | None:
        try:
            return bytes(self._s3.get_object(Bucket=self._settings.bucket, Key=key)["Body"].read())
        except ClientError as fault:
            if fault.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
