"""The emulator on the journal in a process of its own, without a server: run by test_durable_tables.py, twice.

`python -m tests.stack.durable_program FOLDER STEP`. It prints what it finds as one JSON line; the first step ends
without closing anything, as a kill would.
"""

import asyncio
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from infra.local import gateway
from infra.local.trial import apart
from lakehouse.settings import load

KEYS = [{"AttributeName": "id", "KeyType": "HASH"}]
SIZED: list[Any] = [
    {"é": {"S": "ünïcode"}, "n": {"N": "-12.500"}, "b": {"B": "AP8="}, "t": {"BOOL": True}, "z": {"NULL": True}},
    {"l": {"L": [{"S": "a"}, {"M": {"k": {"NS": ["1", "22"]}}}]}, "e": {"S": ""}, "odd": {"S": "a", "N": "1"}},
    {},
    None,
    {"x": "no value", "y": {"S": 1}},
]
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


class Emulator:
    """DynamoDB and its streams, asked without HTTP."""

    def __init__(self, folder: Path) -> None:
        gateway.prepare_environment(apart(load(environ={}, dotenv=None), folder), 4566)
        from ministack.services import dynamodb  # noqa: PLC0415

        from infra.local.dynamodb import install  # noqa: PLC0415  (the emulator reads its environment on import)
        from infra.local.journal import Journal  # noqa: PLC0415

        self.emulated_size = dynamodb._item_size_bytes
        self.journal = Journal(folder / "journal.sqlite")
        install.install(self.journal)

    def ask(self, action: str, **members: Any) -> dict[str, Any]:
        """Answer of DynamoDB; `status` tells how it ended."""
        from ministack.services import dynamodb, dynamodb_streams  # noqa: PLC0415

        of_streams = action in ("DescribeStream", "GetShardIterator", "GetRecords", "ListStreams")
        service = dynamodb_streams if of_streams else dynamodb
        request = service.handle_request("POST", "/", {"x-amz-target": f"X.{action}"}, json.dumps(members).encode(), {})
        status, _, body = asyncio.run(request)
        return {"status": status, **json.loads(body)}

    def make(self, name: str) -> str:
        """A table with a stream; returns the stream's ARN."""
        attributes = [{"AttributeName": "id", "AttributeType": "S"}]
        made = self.ask("CreateTable", TableName=name, KeySchema=KEYS, AttributeDefinitions=attributes,
                        BillingMode="PAY_PER_REQUEST", StreamSpecification=STREAM)  # fmt: skip
        return str(made["TableDescription"]["LatestStreamArn"])

    def put(self, name: str, identity: str, **more: Any) -> int:
        """Put an item; the status."""
        return int(self.ask("PutItem", TableName=name, Item={"id": {"S": identity}, **more})["status"])

    def items(self, name: str) -> dict[str, Any]:
        """The items of a table by id."""
        return {one["id"]["S"]: one for one in self.ask("Scan", TableName=name).get("Items", [])}

    def after(self, arn: str, kind: str, number: str) -> Any:
        """What an iterator at a number gives first, or why there is none."""
        shard = self.ask("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        begin = self.ask(
            "GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType=kind, SequenceNumber=number
        )
        if begin["status"] != 200:
            return begin["__type"]
        found = self.ask("GetRecords", ShardIterator=begin["ShardIterator"])["Records"]
        return [one["dynamodb"]["SequenceNumber"][-2:] for one in found[:1]]

    def records(self, arn: str) -> list[Any]:
        """What a stream holds: event, id, number, who deleted it."""
        shard = self.ask("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        begin = self.ask("GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        found = self.ask("GetRecords", ShardIterator=begin["ShardIterator"])["Records"]
        return [
            [one["eventName"], one["dynamodb"]["Keys"]["id"]["S"], one["dynamodb"]["SequenceNumber"][-2:],
             one.get("userIdentity", {}).get("principalId", "")]
            for one in found
        ]  # fmt: skip


def first(emulator: Emulator) -> dict[str, Any]:
    """Write in every way that DynamoDB has, and end without a word."""
    stream = emulator.make("lines")
    emulator.put("lines", "a", value={"M": {"l": {"L": [{"N": "1.50"}, {"NULL": True}]}, "b": {"BS": ["AP8="]}}})
    emulator.put("lines", "b", until={"N": str(int(time.time()) - 9)})
    emulator.ask(
        "UpdateTimeToLive", TableName="lines", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    expire()
    cancelled = emulator.ask(
        "ExecuteTransaction",
        TransactStatements=[
            {"Statement": "INSERT INTO lines VALUE {'id': 'c'}"},
            {"Statement": "UPDATE lines SET x = 1 WHERE id = 'absent'"},
        ],
    )
    refused = emulator.ask("PutItem", TableName="lines", Item={"id": {"S": "a"}},
                           ConditionExpression="attribute_not_exists(id)")  # fmt: skip
    emulator.ask("ExecuteStatement", Statement="INSERT INTO lines VALUE {'id': 'd', 'x': 1}")
    gone = emulator.make("gone")
    emulator.put("gone", "x")
    emulator.ask("DeleteTable", TableName="gone")
    again = emulator.make("gone")
    emulator.put("gone", "y")
    backup = emulator.ask("CreateBackup", TableName="lines", BackupName="one")["BackupDetails"]["BackupArn"]
    emulator.ask("RestoreTableFromBackup", TargetTableName="restored", BackupArn=backup)
    emulator.ask("UpdateTable", TableName="lines", StreamSpecification={"StreamEnabled": False})
    emulator.put("lines", "unseen")
    statuses = [cancelled["status"], refused["status"]]
    return {"stream": stream, "gone": gone, "again": again, "statuses": statuses}


def second(emulator: Emulator) -> dict[str, Any]:
    """Tell what is there, and go on."""
    found: dict[str, Any] = {name: emulator.items(name) for name in ("lines", "gone", "restored")}
    streams = json.loads(sys.stdin.read())
    found["records"] = {name: emulator.records(streams[name]) for name in ("stream", "gone", "again")}
    from ministack.services import dynamodb  # noqa: PLC0415

    sized = [*emulator.items("lines").values(), *SIZED]
    found["sizes"] = [[dynamodb._item_size_bytes(one), emulator.emulated_size(one)] for one in sized]
    found["ttl"] = emulator.ask("DescribeTimeToLive", TableName="lines")["TimeToLiveDescription"]
    changed = emulator.ask("UpdateTable", TableName="lines", StreamSpecification=STREAM)
    stream = streams["stream"]
    found["iterators"] = [
        emulator.after(stream, kind, number)
        for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")
        for number in ("100000000000000000003", "100000000000000000099", "3")
    ]
    found["label"] = changed["TableDescription"]["LatestStreamArn"] > streams["stream"]
    emulator.put("gone", "z")
    found["after"] = emulator.records(streams["again"])
    return found


def expire() -> None:
    """What the emulator's time-to-live thread does once a minute."""
    from ministack.services import dynamodb  # noqa: PLC0415

    class Over(Exception):  # noqa: N818
        pass

    class Hurried:
        """The time module, whose second sleep ends the loop."""

        def __init__(self) -> None:
            self.slept = 0

        def sleep(self, _: float) -> None:
            self.slept += 1
            if self.slept > 1:
                raise Over

        def __getattr__(self, name: str) -> Any:
            return getattr(time, name)

    def reap() -> None:
        try:
            dynamodb._ttl_reaper()
        except Over:
            return

    dynamodb.time, kept = Hurried(), dynamodb.time
    thread = threading.Thread(target=reap, name="dynamodb-ttl-reaper")
    thread.start()
    thread.join()
    dynamodb.time = kept


if __name__ == "__main__":
    answer = {"first": first, "second": second}[sys.argv[2]](Emulator(Path(sys.argv[1])))
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)
