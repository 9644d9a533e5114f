"""A load on the second way in whose every acknowledged change is known, and what of it is in table and bronze."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import streaming
from lakehouse import places
from lakehouse.settings import Settings
from tests.chaos.table import OPTIONS, whimsical
from tests.stack.conftest import client, make_settings, started, wait_until

TABLE = OPTIONS.table


@contextmanager
def whimsical_lake(folder: Path) -> Iterator[Settings]:
    """A gateway with the stack of the second way in, whose function fails in 1 of 20 calls."""
    with started(make_settings(folder), "gateway") as settings:
        deployed = streaming.deploy(settings, OPTIONS)
        functions = client(settings, "lambda")
        functions.update_function_code(FunctionName=deployed.transform, ZipFile=whimsical())
        functions.update_function_configuration(FunctionName=deployed.transform, Handler="whimsical.handler")
        yield settings


def key(order_id: str, line_no: int = 1) -> dict[str, Any]:
    return {"order_id": {"S": order_id}, "line_no": {"N": str(line_no)}}


def item(order_id: str, version: str) -> dict[str, Any]:
    return {**key(order_id), "version": {"S": version}, "raw": {"B": b"\x00\xff"}, "sizes": {"NS": ["1.50", "2"]}}


def bronze(settings: Settings) -> list[dict[str, Any]]:
    """Every stream record in bronze, as often as it is there."""
    s3, found = client(settings), []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=settings.bucket, Prefix=places.BRONZE_DYNAMODB):
        for one in page.get("Contents", []):
            body = s3.get_object(Bucket=settings.bucket, Key=one["Key"])["Body"].read()
            lines = gzip.decompress(body).decode().splitlines()
            assert "/date=" in one["Key"]
            found += [json.loads(line) for line in lines]
    return found


def versions(records: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """What was done to which item: event, order and version after it, or before it for a delete."""
    return {
        (one["eventName"], change["Keys"]["order_id"]["S"], change[image]["version"]["S"])
        for one in records
        for change in [one["dynamodb"]]
        for image in ["OldImage" if one["eventName"] == "REMOVE" else "NewImage"]
    }


class Writer(threading.Thread):
    """Puts, updates, deletes and writes in batches and transactions, and notes what was acknowledged."""

    def __init__(self, settings: Settings, name: str) -> None:
        super().__init__(daemon=True)
        self._database, self._name, self.stopping = client(settings, "dynamodb"), name, threading.Event()
        self.acknowledged: set[tuple[str, str, str]] = set()
        self.there: dict[str, str | None] = {}  # order to version; None where a call's end is not known

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            order, other = f"{self._name}-{number}", f"{self._name}-{number}b"
            database = self._database
            absent = "attribute_not_exists(order_id)"
            changed = {"Key": key(order), "UpdateExpression": "SET version = :v"}
            values = {"ExpressionAttributeValues": {":v": {"S": "2"}}}
            transact = [{"Put": {"TableName": TABLE, "Item": item(other, "1")}}]
            gone = {TABLE: [{"DeleteRequest": {"Key": key(other)}}]}
            put = partial(database.put_item, TableName=TABLE, Item=item(order, "1"), ConditionExpression=absent)
            self._try(put, ("INSERT", order, "1"))
            self._try(partial(database.update_item, TableName=TABLE, **changed, **values), ("MODIFY", order, "2"))
            self._try(partial(database.transact_write_items, TransactItems=transact), ("INSERT", other, "1"))
            self._try(partial(database.batch_write_item, RequestItems=gone), ("REMOVE", other, "1"))

    def _try(self, call: Any, change: tuple[str, str, str]) -> None:
        event, order, version = change
        before = self.there.get(order, "")
        try:
            call()
        except (ClientError, BotoCoreError):
            self.there[order] = None
            return
        # A change of an item whose state is not known may be another one than it seems.
        if before is not None:
            self.acknowledged.add(change)
            self.there[order] = "" if event == "REMOVE" else version


def changes(writers: list[Writer]) -> int:
    return sum(len(writer.acknowledged) for writer in writers)


def have_made(writers: list[Writer], count: int) -> bool:
    return changes(writers) >= count


def table_of(settings: Settings) -> dict[str, str]:
    pages = client(settings, "dynamodb").get_paginator("scan").paginate(TableName=TABLE)
    found = [one for page in pages for one in page["Items"]]
    # Those that an update made, since the put before it was lost in a kill, have a version alone.
    put = [one for one in found if "raw" in one]
    assert all(one["raw"]["B"] == b"\x00\xff" and set(one["sizes"]["NS"]) == {"1.5", "2"} for one in put)
    return {one["order_id"]["S"]: one["version"]["S"] for one in found}


def check(settings: Settings, writers: list[Writer], seconds: float = 20) -> None:
    """Assert that all that was acknowledged is in bronze and in the table, in the order in which it was done."""
    acknowledged = set().union(*(writer.acknowledged for writer in writers))
    wait_until("all is in bronze", lambda: acknowledged <= versions(bronze(settings)), seconds)
    known = {order: version for writer in writers for order, version in writer.there.items() if version is not None}
    there = table_of(settings)
    assert {order: there.get(order, "") for order in known} == known
    records = bronze(settings)
    by_number = {(one["eventSourceARN"], one["dynamodb"]["SequenceNumber"]): one for one in records}
    # What comes twice is the same record, and the numbers of an item rise as it changes.
    assert all(by_number[one["eventSourceARN"], one["dynamodb"]["SequenceNumber"]] == one for one in records)
    ranks = {"INSERT": 0, "MODIFY": 1, "REMOVE": 2}
    events: dict[str, list[int]] = {}
    for number in sorted(by_number):
        one = by_number[number]
        events.setdefault(one["dynamodb"]["Keys"]["order_id"]["S"], []).append(ranks[one["eventName"]])
    assert all(events[order] == sorted(events[order]) for order in known if order in events)
