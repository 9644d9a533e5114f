"""From a table to bronze through kills, a failing function, a full disk and another stream: no change is lost."""

import base64
import gzip
import json
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from infra.aws import stack, streaming
from lakehouse import places
from lakehouse.settings import Settings
from tests.stack.conftest import client, wait_until
from tests.stack.streaming_load import (
    OPTIONS,
    TABLE,
    Writer,
    bronze,
    changes,
    check,
    have_made,
    item,
    key,
    table_of,
    versions,
    whimsical_lake,
)  # fmt: skip
from tests.stack.test_gateway_s3 import files_at_most, kill_and_wait

pytestmark = pytest.mark.stack

STREAM = f"{OPTIONS.name}-changes"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with whimsical_lake(tmp_path_factory.mktemp("streaming")) as settings:
        yield settings


class Kept(NamedTuple):
    """What was told before a kill: a put into Kinesis, and the pipe."""

    put: dict[str, Any]
    pipe: dict[str, Any]


@pytest.fixture(scope="module")
def killed(lake: Settings) -> tuple[list[Writer], Kept]:
    """Two kills under load; before the second one something is put wherever something can be."""
    writers = [Writer(lake, name) for name in "AB"]
    for writer in writers:
        writer.start()
    wait_until("changes are made", partial(have_made, writers, 150))
    kill_and_wait(lake)
    kept = put_everywhere(lake)
    wait_until("changes are made", partial(have_made, writers, changes(writers) + 150))
    kill_and_wait(lake)
    for writer in writers:
        writer.stopping.set()
        writer.join()
    return writers, kept


def put_everywhere(lake: Settings) -> Kept:
    queues, pipes, firehose = client(lake, "sqs"), client(lake, "pipes"), client(lake, "firehose")
    put = client(lake, "kinesis").put_record(StreamName=STREAM, PartitionKey="k", Data=b"no change")
    queue = queues.get_queue_url(QueueName=f"{OPTIONS.name}-dead")["QueueUrl"]
    queues.send_message(QueueUrl=queue, MessageBody="kept")
    hints = {"IntervalInSeconds": 2, "SizeInMBs": 1}
    place = {"BucketARN": f"arn:aws:s3:::{lake.bucket}", "RoleARN": "arn:aws:iam::000000000000:role/any",
             "Prefix": "direct/", "BufferingHints": hints}  # fmt: skip
    firehose.create_delivery_stream(DeliveryStreamName="direct", ExtendedS3DestinationConfiguration=place)
    firehose.put_record(DeliveryStreamName="direct", Record={"Data": b"put"})
    return Kept(put, pipes.describe_pipe(Name=pipes.list_pipes()["Pipes"][0]["Name"]))


def test_kills_and_a_failing_function_lose_nothing(lake: Settings, killed: tuple[list[Writer], Kept]) -> None:
    check(lake, killed[0])


def test_what_was_deployed_and_put_survives_a_kill(lake: Settings, killed: tuple[list[Writer], Kept]) -> None:
    kinesis, queues, pipes = client(lake, "kinesis"), client(lake, "sqs"), client(lake, "pipes")
    put, pipe = killed[1]
    shard = kinesis.get_shard_iterator(
        StreamName=STREAM, ShardId=put["ShardId"], ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=put["SequenceNumber"],
    )  # fmt: skip
    found = kinesis.get_records(ShardIterator=shard["ShardIterator"], Limit=1)["Records"]
    assert [(one["SequenceNumber"], one["Data"]) for one in found] == [(put["SequenceNumber"], b"no change")]
    queue = queues.get_queue_url(QueueName=f"{OPTIONS.name}-dead")["QueueUrl"]
    assert [one["Body"] for one in queues.receive_message(QueueUrl=queue)["Messages"]] == ["kept"]
    wait_until("what was put is delivered", lambda: client(lake).list_objects_v2(
        Bucket=lake.bucket, Prefix="direct/").get("Contents"))  # fmt: skip
    parameters = pipe["SourceParameters"]["DynamoDBStreamParameters"]
    assert (parameters["OnPartialBatchItemFailure"], parameters["BatchSize"]) == ("AUTOMATIC_BISECT", 500)
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
            lambda: client(lake, "kinesis").put_record(StreamName=STREAM, PartitionKey="k", Data=b"x"),
        ):
            with pytest.raises(ClientError) as caught:
                call()
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert database.get_item(TableName=TABLE, Key=key("full"))["Item"]["version"] == {"S": "1"}
        assert "Item" not in database.get_item(TableName=TABLE, Key=key("full-new"))
    database.put_item(TableName=TABLE, Item=item("full", "3"))
    wait_until("it is in bronze", lambda: ("MODIFY", "full", "3") in versions(bronze(lake)))
    assert not {("MODIFY", "full", "2"), ("INSERT", "full-new", "1")} & versions(bronze(lake))


def test_a_stream_that_is_enabled_again_is_another_one_and_the_pipe_follows(
    lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "DRAIN_SECONDS", 0)  # what it would wait for is waited for below
    database = client(lake, "dynamodb")
    first = database.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    database.put_item(TableName=TABLE, Item=item("before", "1"))
    wait_until("the old pipe has read it", lambda: ("INSERT", "before", "1") in versions(bronze(lake)))
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
    wait_until("it is gone", lambda: stack.found(cloudformation, OPTIONS.name) is None)
    assert table_of(lake) == before
    streaming.deploy(lake, OPTIONS)
    assert table_of(lake) == before
    client(lake, "dynamodb").put_item(TableName=TABLE, Item=item("again", "1"))
    wait_until("it is in bronze", lambda: ("INSERT", "again", "1") in versions(bronze(lake)))
