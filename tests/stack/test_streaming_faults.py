"""From a table to bronze through kills, a failing function, a full disk and another stream: no change is lost."""

import base64
import gzip
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import deployment, streaming
from lakehouse import places
from lakehouse.settings import Settings
from tests.stack.conftest import client, make_settings, started, wait_until
from tests.stack.test_gateway_s3 import files_at_most, kill_and_wait

pytestmark = pytest.mark.stack

OPTIONS = streaming.Options(lambda_seconds=0, buffer_seconds=1)
TABLE = OPTIONS.table
# Fails by whim, as 1 of 20 calls; what it would answer is what the real one answers.
WHIMSICAL = """\
import random
from infra.aws.handlers import transform

def handler(event, context):
    if random.random() < 0.05:
        raise RuntimeError("a whim")
    return transform.handler(event, context)
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with started(make_settings(tmp_path_factory.mktemp("streaming")), "gateway") as settings:
        deployed = streaming.deploy(settings, OPTIONS)
        body = io.BytesIO(streaming.package())
        with zipfile.ZipFile(body, "a") as archive:
            archive.writestr("whimsical.py", WHIMSICAL)
        functions = client(settings, "lambda")
        functions.update_function_code(FunctionName=deployed.transform, ZipFile=body.getvalue())
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
    assert all(one["raw"]["B"] == b"\x00\xff" and set(one["sizes"]["NS"]) == {"1.5", "2"} for one in found)
    return {one["order_id"]["S"]: one["version"]["S"] for one in found}


def test_kills_and_a_failing_function_lose_nothing(lake: Settings) -> None:
    writers = [Writer(lake, name) for name in "AB"]
    for writer in writers:
        writer.start()
    for _ in range(2):
        enough = changes(writers) + 150
        wait_until("changes are made", partial(have_made, writers, enough))
        kill_and_wait(lake)
    for writer in writers:
        writer.stopping.set()
        writer.join()
    acknowledged = set().union(*(writer.acknowledged for writer in writers))
    wait_until("all is in bronze", lambda: acknowledged <= versions(bronze(lake)), 20)

    known = {order: version for writer in writers for order, version in writer.there.items() if version is not None}
    there = table_of(lake)
    assert {order: there.get(order, "") for order in known} == known
    records = bronze(lake)
    by_number = {(one["eventSourceARN"], one["dynamodb"]["SequenceNumber"]): one for one in records}
    # What comes twice is the same record, and the numbers of an item rise as it changes.
    assert all(by_number[one["eventSourceARN"], one["dynamodb"]["SequenceNumber"]] == one for one in records)
    ranks = {"INSERT": 0, "MODIFY": 1, "REMOVE": 2}
    ordered = [by_number[number] for number in sorted(by_number)]
    for order in known:
        events = [one["eventName"] for one in ordered if one["dynamodb"]["Keys"]["order_id"]["S"] == order]
        assert events == sorted(events, key=lambda event: ranks[event])


def test_what_was_deployed_and_put_survives_a_kill(lake: Settings) -> None:
    kinesis, queues, pipes = client(lake, "kinesis"), client(lake, "sqs"), client(lake, "pipes")
    stream = f"{OPTIONS.name}-changes"
    put = kinesis.put_record(StreamName=stream, PartitionKey="k", Data=b"no change")
    queue = queues.get_queue_url(QueueName=f"{OPTIONS.name}-dead")["QueueUrl"]
    queues.send_message(QueueUrl=queue, MessageBody="kept")
    pipe = pipes.describe_pipe(Name=pipes.list_pipes()["Pipes"][0]["Name"])
    parameters = pipe["SourceParameters"]["DynamoDBStreamParameters"]
    assert parameters["OnPartialBatchItemFailure"] == "AUTOMATIC_BISECT"
    assert parameters["BatchSize"] == 500

    kill_and_wait(lake)

    shard = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=put["ShardId"], ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=put["SequenceNumber"],
    )  # fmt: skip
    found = kinesis.get_records(ShardIterator=shard["ShardIterator"], Limit=1)["Records"]
    assert [(one["SequenceNumber"], one["Data"]) for one in found] == [(put["SequenceNumber"], b"no change")]
    assert [one["Body"] for one in queues.receive_message(QueueUrl=queue)["Messages"]] == ["kept"]
    after = pipes.describe_pipe(Name=pipe["Name"])
    assert {**after, "ResponseMetadata": 0} == {**pipe, "ResponseMetadata": 0}
    stacks = client(lake, "cloudformation").describe_stacks(StackName=OPTIONS.name)["Stacks"]
    assert stacks[0]["StackStatus"] == "CREATE_COMPLETE"
    # A record that is no change is written under the error prefix, as Firehose writes it.
    wait_until("the failure is written", lambda: failures(lake))
    failed = failures(lake)[0]
    assert base64.b64decode(failed["rawData"]) == b"no change"
    assert failed["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert failed["attemptsMade"] == 1


def failures(settings: Settings) -> list[dict[str, Any]]:
    s3 = client(settings)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=settings.bucket, Prefix=places.ERRORS).get("Contents", [])]
    assert all("/processing-failed/date=" in one for one in keys)
    bodies = [s3.get_object(Bucket=settings.bucket, Key=one)["Body"].read() for one in keys]
    return [json.loads(line) for one in bodies for line in gzip.decompress(one).splitlines()]


def test_a_write_that_the_disk_refuses_is_answered_500_and_leaves_no_trace(lake: Settings) -> None:
    database = client(lake, "dynamodb")
    database.put_item(TableName=TABLE, Item=item("full", "1"))
    with files_at_most(lake, 1):
        for call in (
            lambda: database.put_item(TableName=TABLE, Item=item("full", "2")),
            lambda: database.put_item(TableName=TABLE, Item=item("full-new", "1")),
            lambda: database.delete_item(TableName=TABLE, Key=key("full")),
            lambda: client(lake, "kinesis").put_record(
                StreamName=f"{OPTIONS.name}-changes", PartitionKey="k", Data=b"x"
            ),
        ):
            with pytest.raises(ClientError) as caught:
                call()
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert database.get_item(TableName=TABLE, Key=key("full"))["Item"]["version"] == {"S": "1"}
        assert "Item" not in database.get_item(TableName=TABLE, Key=key("full-new"))
    database.put_item(TableName=TABLE, Item=item("full", "3"))
    wait_until("it is in bronze", lambda: ("MODIFY", "full", "3") in versions(bronze(lake)))
    assert not {("MODIFY", "full", "2"), ("INSERT", "full-new", "1")} & versions(bronze(lake))


def test_a_stream_that_is_enabled_again_is_another_one_and_the_pipe_follows(lake: Settings) -> None:
    database = client(lake, "dynamodb")
    first = database.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    database.put_item(TableName=TABLE, Item=item("before", "1"))
    database.update_table(TableName=TABLE, StreamSpecification={"StreamEnabled": False})
    database.put_item(TableName=TABLE, Item=item("between", "1"))
    enabled = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    second = database.update_table(TableName=TABLE, StreamSpecification=enabled)["TableDescription"]["LatestStreamArn"]
    assert second > first
    database.put_item(TableName=TABLE, Item=item("after", "1"))
    streaming.deploy(lake, OPTIONS)
    sources = [one["Source"] for one in client(lake, "pipes").list_pipes()["Pipes"]]
    assert sources == [second]
    expected = {("INSERT", "before", "1"), ("INSERT", "after", "1")}
    wait_until("both are in bronze", lambda: expected <= versions(bronze(lake)))
    assert ("INSERT", "between", "1") not in versions(bronze(lake))  # it is in no stream: resync brings it
    streaming.deploy(lake, OPTIONS)
    assert [one["Source"] for one in client(lake, "pipes").list_pipes()["Pipes"]] == [second]


def test_a_table_outlives_its_stack(lake: Settings) -> None:
    cloudformation = client(lake, "cloudformation")
    before = table_of(lake)
    cloudformation.delete_stack(StackName=OPTIONS.name)
    wait_until("it is gone", lambda: deployment.found_stack(cloudformation, OPTIONS.name) is None)
    assert table_of(lake) == before
    streaming.deploy(lake, OPTIONS)
    assert table_of(lake) == before
    client(lake, "dynamodb").put_item(TableName=TABLE, Item=item("again", "1"))
    wait_until("it is in bronze", lambda: ("INSERT", "again", "1") in versions(bronze(lake)))
