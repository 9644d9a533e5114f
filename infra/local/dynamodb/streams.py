"""Stream records: a log of the journal per stream, instead of a list in the emulator's memory that a kill loses.

Numbers are those of the log: they rise by one, whatever the clock does, and go on after a restart.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, overload

from infra.local.journal import Journal, dumps
from infra.local.log import Log, Record

RETENTION_SECONDS = 24 * 3600
_LABEL = "dynamodb.label"
# Twenty-one digits, as AWS's: none begins with a zero, so their text sorts as their value.
_FIRST_NUMBER = 10**20
_EXPIRED = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def log_name(stream_arn: str) -> str:
    """The name of a stream's log.

    Example:
        >>> log_name("arn:aws:dynamodb:eu-west-1:0:table/t/stream/2026-01-01T00:00:00.000")[:16]
        'dynamodb:arn:aws'
    """
    return f"dynamodb:{stream_arn}"


def number(position: int) -> str:
    """The sequence number of the record at a position.

    Example:
        >>> number(0), number(41)
        ('100000000000000000001', '100000000000000000042')
    """
    return str(_FIRST_NUMBER + position + 1)


def position_of(sequence: str) -> int | None:
    """The position of a sequence number; None if it is none of ours.

    Example:
        >>> position_of(number(41)), position_of("7")
        (41, None)
    """
    if not (sequence.isdecimal() and sequence.isascii()) or int(sequence) <= _FIRST_NUMBER:
        return None
    return int(sequence) - _FIRST_NUMBER - 1


class View(Sequence[dict[str, Any]]):
    """The records of a log as the list of dictionaries that the emulator expects; read when it is looked at."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __len__(self) -> int:
        return self._log.next - self._log.first

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            return [decoded(one) for one in self._log.read(self._log.first + start, max(stop - start, 0))]
        found = self._log.read(self._log.first + range(len(self))[index], 1)
        return decoded(found[0])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        position = self._log.first
        while page := self._log.read(position, 1000):
            yield from map(decoded, page)
            position = page[-1].position + 1


def decoded(record: Record) -> dict[str, Any]:
    """A stream record as a dictionary."""
    found: dict[str, Any] = json.loads(record.body)
    return found


class DurableStreams:
    """The emulator's streams, kept in the journal.

    Args:
        dynamodb: The emulator's DynamoDB module.
        journal: Where they are kept.
    """

    def __init__(self, dynamodb: Any, journal: Journal) -> None:
        self._dynamodb, self._journal = dynamodb, journal

    # --- in place of the emulator's functions

    def emit(
        self, table_name: str, event: str, old: Any, new: Any, replicate: bool = True, expired: bool = False
    ) -> None:
        """Write the record of a change to the table's stream, and to Kinesis if it is a destination.

        Args:
            table_name: Of the table, in the account and region of the request.
            event: INSERT, MODIFY or REMOVE.
            old: The item before; None if there was none.
            new: The item after; None if there is none.
            replicate: Whether other replicas get the change.
            expired: Whether it was time to live that deleted the item.
        """
        dynamodb = self._dynamodb
        table = dynamodb._tables.get(table_name)
        if not table:
            return
        if replicate:
            dynamodb._replicate_write(table, event, old, new)
        if event == "MODIFY" and old == new:
            return
        specification = table.get("StreamSpecification") or {}
        if specification.get("StreamEnabled"):
            with self._journal.transaction():
                log = self._journal.log(log_name(table["LatestStreamArn"]))
                view = specification.get("StreamViewType", "NEW_AND_OLD_IMAGES")
                record = self.record(table, event, (old, new), view, number(log.next))
                if expired:
                    record["userIdentity"] = _EXPIRED
                log.append("", dumps(record))
            dynamodb.esm_wake.set()
        if dynamodb._kinesis_destinations.get(table_name):
            record = self.record(table, event, (old, new), "NEW_AND_OLD_IMAGES", dynamodb._next_stream_seq())
            dynamodb._fan_out_to_kinesis(table_name, record)

    def record(self, table: Any, event: str, images: tuple[Any, Any], view: str, sequence: str) -> dict[str, Any]:
        """A stream record as a pipe and Lambda see it.

        Args:
            table: The emulator's table.
            event: INSERT, MODIFY or REMOVE.
            images: The item before and after.
            view: The stream's view type.
            sequence: The record's sequence number.
        """
        old, new = images
        item = new or old or {}
        keys = {name: item[name] for name in (table["pk_name"], table["sk_name"]) if name and name in item}
        change: dict[str, Any] = {
            "ApproximateCreationDateTime": int(time.time()),
            "Keys": keys,
            "SequenceNumber": sequence,
            "SizeBytes": sum(self._dynamodb._item_size_bytes(one) for one in (keys, old, new) if one),
            "StreamViewType": view,
        }
        if view in ("NEW_AND_OLD_IMAGES", "NEW_IMAGE") and new:
            change["NewImage"] = new
        if view in ("NEW_AND_OLD_IMAGES", "OLD_IMAGE") and old:
            change["OldImage"] = old
        # Of where it stands: a record that comes twice has one name.
        name = f"{table.get('LatestStreamArn')}/{sequence}"
        return {
            "eventID": hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(),
            "eventName": event,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self._dynamodb.get_region(),
            "dynamodb": change,
            "eventSourceARN": table.get("LatestStreamArn") or "",
        }

    def label(self) -> str:
        """A label for a new stream: now, and later than every label before, whatever the clock says."""
        with self._journal.transaction():
            moment = datetime.now(UTC).replace(tzinfo=None)
            before = self._journal.state(_LABEL)
            if before:
                moment = max(moment, datetime.fromisoformat(before) + timedelta(milliseconds=1))
            label = moment.isoformat(timespec="milliseconds")
            self._journal.save(_LABEL, label)
            return label

    def start(self, table_name: str, *, account_id: str | None = None, region: str | None = None) -> int:
        """The position of the oldest record of a table's stream."""
        log = self._log(table_name, account_id, region)
        return log.first if log else 0

    def end(self, table_name: str, *, account_id: str | None = None, region: str | None = None) -> int:
        """The position behind the newest record of a table's stream."""
        log = self._log(table_name, account_id, region)
        return log.next if log else 0

    def since(
        self, table_name: str, position: int, limit: int, *, account_id: str | None = None, region: str | None = None
    ) -> list[dict[str, Any]]:
        """At most `limit` records of a table's stream from a position on."""
        log = self._log(table_name, account_id, region)
        return [decoded(one) for one in log.read(position, limit)] if log else []

    def live(
        self, table_name: str, *, account_id: str | None = None, region: str | None = None
    ) -> Sequence[dict[str, Any]]:
        """The records of a table's stream."""
        log = self._log(table_name, account_id, region)
        return View(log) if log else []

    def closed(self, stream_arn: str) -> dict[str, Any] | None:
        """A stream that was disabled less than 24 hours ago, with its records; None if there is none."""
        closed = self._dynamodb._closed_streams.get(stream_arn)
        if closed is None or closed["ClosedAt"] < time.time() - RETENTION_SECONDS:
            return None
        log = self._journal.log(log_name(stream_arn))
        return {**closed, "records": View(log), "trimmed": log.first}

    def close(self, table_name: str, table: dict[str, Any] | None = None) -> None:
        """Detach the stream of a table; its records can be read for 24 hours more."""
        specification = (table or {}).get("StreamSpecification") or {}
        if not table or not specification.get("StreamEnabled") or not table.get("LatestStreamArn"):
            return
        self._dynamodb._closed_streams[table["LatestStreamArn"]] = {
            "TableName": table_name,
            "StreamLabel": table.get("LatestStreamLabel", ""),
            "StreamViewType": specification.get("StreamViewType", "NEW_AND_OLD_IMAGES"),
            "KeySchema": table.get("KeySchema", []),
            "CreationRequestDateTime": table.get("CreationDateTime", 0),
            "ClosedAt": time.time(),
        }

    def _log(self, table_name: str, account_id: str | None, region: str | None) -> Log | None:
        tables = self._dynamodb._tables
        scoped = account_id is not None and region is not None
        table = tables.get_scoped(account_id, region, table_name) if scoped else tables.get(table_name)
        arn = (table or {}).get("LatestStreamArn")
        enabled = ((table or {}).get("StreamSpecification") or {}).get("StreamEnabled")
        return self._journal.log(log_name(arn)) if arn and enabled else None

    # --- retention

    def forget_closed(self) -> None:
        """Remove streams that were disabled 24 hours ago."""
        closed = self._dynamodb._closed_streams
        before = time.time() - RETENTION_SECONDS
        for key in [key for key, one in list(closed._data.items()) if one["ClosedAt"] < before]:
            self._journal.drop_log(log_name(key[2]))
            closed._data.pop(key, None)


def called_by_reaper() -> bool:
    """Whether the emulator's time-to-live thread is running this."""
    return threading.current_thread().name == "dynamodb-ttl-reaper"
