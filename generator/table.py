"""The shop's DynamoDB table: writes that arrive in the order of each row's changes, and that may be sent again.

Two ways behind the same protocol as Kafka's producers: whole rows in batches, for bulk; and one conditional put, update
or delete a change, as a shop's own program makes them. Making the table is the stack's (infra/aws/streaming.yaml).
"""

import json
import random
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from generator.producers import Closing
from lakehouse.attributes import Attributes, item
from lakehouse.errors import ConfigError, LakehouseError, SourceError
from lakehouse.logs import event
from lakehouse.settings import Settings

WORKERS: Final = 4
"""Threads, each with the changes of some keys."""
BATCH_ITEMS: Final = 25
"""What BatchWriteItem takes."""
DELIVERY_SECONDS: Final = 120.0
_FIRST_SECONDS, _LAST_SECONDS = 0.05, 5.0
_BUSY: Final = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")
_REFUSED: Final = "ConditionalCheckFailedException"
_AGAIN: Final = "see `make status`, then run the same command again: it goes on where it stopped"

Change = tuple[Attributes, dict[str, Any]]


def table_id(settings: Settings) -> str:
    """What tells this table from another of its name, made later.

    Raises:
        ConfigError: There is none.
        SourceError: DynamoDB does not answer.
    """
    try:
        return str(_client(settings).describe_table(TableName=settings.dynamodb_table)["Table"]["TableId"])
    except (ClientError, BotoCoreError) as fault:
        raise _error(settings, fault) from fault


class _Writer(Closing):
    """Collects changes, and at a flush writes them, those of one key by one thread and in their order."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._table = settings, settings.dynamodb_table
        self._client = _client(settings)
        self._pool = ThreadPoolExecutor(WORKERS, "table")
        self._waiting: list[list[Change]] = [[] for _ in range(WORKERS)]

    def send(self, key: bytes, value: bytes | None) -> None:
        """Take a change as Debezium's envelope says it; a null says nothing here."""
        if value is not None:
            self._waiting[zlib.crc32(key) % WORKERS].append((item(json.loads(key)), json.loads(value)))

    def flush(self) -> None:
        """Write everything.

        Raises:
            SourceError: DynamoDB did not take it within DELIVERY_SECONDS.
            ConfigError: There is no such table.
        """
        waiting, self._waiting = self._waiting, [[] for _ in range(WORKERS)]
        for written in [self._pool.submit(self._write, changes) for changes in waiting if changes]:
            written.result()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _write(self, changes: list[Change]) -> None:
        raise NotImplementedError

    def _call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call until DynamoDB takes it; what it is too busy for, or does not answer, is tried again ever later."""
        for _ in _pauses():
            try:
                return dict(getattr(self._client, operation)(**arguments))
            except ClientError as fault:
                if _code(fault) not in _BUSY and not _code(fault).startswith(("Internal", "5")):
                    raise
                last: Exception = fault
            except BotoCoreError as fault:
                last = fault
        raise _error(self._settings, last) from last


class Batches(_Writer):
    """Whole rows by BatchWriteItem, for bulk: an update is a put. A row that is there already changes nothing."""

    name = "BatchWriteItem"

    def _write(self, changes: list[Change]) -> None:
        try:
            for batch in batches(changes):
                self._send(batch)
        except (ClientError, BotoCoreError) as fault:
            raise _error(self._settings, fault) from fault

    def _send(self, requests: list[dict[str, Any]]) -> None:
        for _ in _pauses():
            answer = self._call("batch_write_item", {"RequestItems": {self._table: requests}})
            requests = answer.get("UnprocessedItems", {}).get(self._table, [])
            if not requests:
                return
        raise SourceError(f"table {self._table}: {len(requests)} changes were not taken", "all of them", _AGAIN)


class Conditional(_Writer):
    """One request a change: a put of a row that is not there, an update or a delete of one that is.

    A condition that fails means that the change was made before, by a run that was killed: it is left out.
    """

    name = "conditional writes"

    def _write(self, changes: list[Change]) -> None:
        refused = 0
        for key, envelope in changes:
            operation, arguments = request(key, envelope)
            try:
                self._call(operation, {"TableName": self._table, **arguments})
            except ClientError as fault:
                if _code(fault) != _REFUSED:
                    raise _error(self._settings, fault) from fault
                refused += 1
        if refused:
            event("changes were made before", table=self._table, changes=refused)


def batches(changes: list[Change]) -> Iterator[list[dict[str, Any]]]:
    """Requests of BatchWriteItem in the order of the changes, each with a key once at most."""
    batch: dict[str, dict[str, Any]] = {}
    for key, envelope in changes:
        name = json.dumps(key)
        if name in batch or len(batch) == BATCH_ITEMS:
            yield list(batch.values())
            batch = {}
        is_delete = envelope["op"] == "d"
        batch[name] = (
            {"DeleteRequest": {"Key": key}} if is_delete else {"PutRequest": {"Item": item(envelope["after"])}}
        )
    if batch:
        yield list(batch.values())


def request(key: Attributes, envelope: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The operation of a change and its arguments: its condition says that the row is, or is not, there."""
    there, absent = "attribute_exists(order_id)", "attribute_not_exists(order_id)"
    if envelope["op"] == "d":
        return "delete_item", {"Key": key, "ConditionExpression": there}
    after = item(envelope["after"])
    if envelope["op"] != "u":
        return "put_item", {"Item": after, "ConditionExpression": absent}
    before = item(envelope["before"] or {})
    fresh = {name: value for name, value in after.items() if before.get(name) != value and name not in key}
    gone = [name for name in before if name not in after]
    names = {f"#{number}": name for number, name in enumerate([*fresh, *gone])}
    sets = [f"#{number} = :{number}" for number in range(len(fresh))]
    removes = [f"#{number}" for number in range(len(fresh), len(names))]
    parts = ([f"SET {', '.join(sets)}"] if sets else []) + ([f"REMOVE {', '.join(removes)}"] if removes else [])
    arguments: dict[str, Any] = {"Key": key, "ConditionExpression": there}
    if parts:
        arguments |= {"UpdateExpression": " ".join(parts), "ExpressionAttributeNames": names}
    if fresh:
        arguments["ExpressionAttributeValues"] = {f":{number}": value for number, value in enumerate(fresh.values())}
    return "update_item", arguments


def _pauses(sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Attempts, with a pause before each but the first: twice as long each time, by chance shorter."""
    end, pause, attempt = time.monotonic() + DELIVERY_SECONDS, _FIRST_SECONDS, 0
    while attempt == 0 or time.monotonic() < end:
        if attempt:
            sleep(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, _LAST_SECONDS)
        attempt += 1
        yield attempt


def _client(settings: Settings) -> Any:
    config = Config(
        retries={"mode": "standard", "max_attempts": 2},
        connect_timeout=3,
        read_timeout=60,
        max_pool_connections=WORKERS,
        parameter_validation=False,  # half of what a batch costs here; what is sent is made by this module
    )
    return boto3.client("dynamodb", config=config, **settings.client_arguments)


def _error(settings: Settings, fault: Exception) -> LakehouseError:
    where = f"table {settings.dynamodb_table} at {settings.aws_endpoint_url or 'AWS'}"
    if isinstance(fault, ClientError) and _code(fault) == "ResourceNotFoundException":
        return ConfigError(f"{where} is not there", "the table of the streaming stack", "run `make up`")
    return SourceError(f"{where}: {fault}", "a table that takes every change", _AGAIN)


def _code(fault: ClientError) -> str:
    return str(fault.response.get("Error", {}).get("Code", ""))
