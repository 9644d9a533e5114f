"""Pipes and Firehose as a client meets them: filters, dead letters, stop and start, direct puts, what is refused."""

import dataclasses
import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.aws.redrive import Redrive
from lakehouse.settings import Settings
from tests.stack.conftest import client, wait_until

pytestmark = pytest.mark.stack

ROLE = "arn:aws:iam::000000000000:role/any"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.fixture
def table(gateway: Settings, request: pytest.FixtureRequest) -> tuple[str, str]:
    """A table of the test's own and the ARN of its stream."""
    name = f"t{abs(hash(request.node.nodeid)) % 10**9}"
    made = client(gateway, "dynamodb").create_table(
        TableName=name, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], StreamSpecification=STREAM,
    )  # fmt: skip
    return name, made["TableDescription"]["LatestStreamArn"]


@pytest.fixture
def stream(gateway: Settings, table: tuple[str, str]) -> str:
    """The ARN of a Kinesis stream with one shard."""
    kinesis = client(gateway, "kinesis")
    kinesis.create_stream(StreamName=table[0], ShardCount=1)
    return str(kinesis.describe_stream_summary(StreamName=table[0])["StreamDescriptionSummary"]["StreamARN"])


def put(settings: Settings, name: str, *ids: str, **more: Any) -> None:
    for one in ids:
        client(settings, "dynamodb").put_item(TableName=name, Item={"id": {"S": one}, **more})


def received(settings: Settings, stream: str) -> list[Any]:
    """All records of a stream of one shard: partition key and data."""
    kinesis = client(settings, "kinesis")
    begin = kinesis.get_shard_iterator(
        StreamARN=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )
    records = kinesis.get_records(ShardIterator=begin["ShardIterator"])["Records"]
    return [(one["PartitionKey"], json.loads(one["Data"])) for one in records]


def ids(settings: Settings, stream: str) -> list[str]:
    return [key for key, _ in received(settings, stream)]


def source(**parameters: Any) -> dict[str, Any]:
    return {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", **parameters}}


def make(settings: Settings, table: tuple[str, str], target: str, **members: Any) -> Any:
    given = {"SourceParameters": source(), **members}
    given.setdefault("TargetParameters", {"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.id.S"}})
    return client(settings, "pipes").create_pipe(Name=table[0], RoleArn=ROLE, Source=table[1], Target=target, **given)


def test_a_pipe_filters_and_forms_what_it_moves(gateway: Settings, table: tuple[str, str], stream: str) -> None:
    put(gateway, table[0], "a", "b")
    pattern = json.dumps({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"id": {"S": [{"prefix": "k"}]}}}})
    target = {
        "KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.id.S"},
        "InputTemplate": '{"id": <$.dynamodb.Keys.id.S>, "pipe": "<aws.pipes.pipe-name>"}',
    }
    given = {**source(), "FilterCriteria": {"Filters": [{"Pattern": pattern}]}}
    make(gateway, table, stream, SourceParameters=given, TargetParameters=target)
    put(gateway, table[0], "k1", "x", "k2")
    wait_until("both are there", lambda: len(received(gateway, stream)) == 2)
    assert received(gateway, stream) == [
        ("k1", {"id": "k1", "pipe": table[0]}),
        ("k2", {"id": "k2", "pipe": table[0]}),
    ]


def test_a_stopped_pipe_waits_and_goes_on_where_it_was(gateway: Settings, table: tuple[str, str], stream: str) -> None:
    pipes = client(gateway, "pipes")
    make(gateway, table, stream, DesiredState="STOPPED")
    put(gateway, table[0], "a")
    pipes.start_pipe(Name=table[0])
    wait_until("it is there", lambda: ids(gateway, stream) == ["a"])
    pipes.stop_pipe(Name=table[0])
    put(gateway, table[0], "b")
    pipes.update_pipe(Name=table[0], RoleArn=ROLE, DesiredState="RUNNING", SourceParameters={
        "DynamoDBStreamParameters": {"BatchSize": 3}})  # fmt: skip
    wait_until("it goes on", lambda: ids(gateway, stream) == ["a", "b"])
    found = pipes.describe_pipe(Name=table[0])["SourceParameters"]["DynamoDBStreamParameters"]
    assert found == {"StartingPosition": "TRIM_HORIZON", "BatchSize": 3}


def test_latest_begins_with_what_comes(gateway: Settings, table: tuple[str, str], stream: str) -> None:
    put(gateway, table[0], "before")
    make(gateway, table, stream, SourceParameters=source(StartingPosition="LATEST"))
    put(gateway, table[0], "after")
    wait_until("it is there", lambda: ids(gateway, stream) == ["after"])


def test_poison_ends_in_the_dead_letters_and_comes_back(gateway: Settings, table: tuple[str, str], stream: str) -> None:
    queues = client(gateway, "sqs")
    queue = queues.create_queue(QueueName=table[0])["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    put(gateway, table[0], "a", "b", key={"S": "k"})
    put(gateway, table[0], "poison")
    put(gateway, table[0], "c", key={"S": "k"})
    given = source(
        MaximumRetryAttempts=0,
        OnPartialBatchItemFailure="AUTOMATIC_BISECT",
        DeadLetterConfig={"Arn": arn},
        BatchSize=10,
    )
    target = {"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.NewImage.key.S"}}
    make(gateway, table, stream, SourceParameters=given, TargetParameters=target)
    wait_until("the others are there", lambda: len(received(gateway, stream)) == 3)
    names = [one["dynamodb"]["Keys"]["id"]["S"] for _, one in received(gateway, stream)]
    assert names == ["a", "b", "c"]
    letters = wait_until(
        "the letter", lambda: queues.receive_message(QueueUrl=queue, VisibilityTimeout=0).get("Messages")
    )
    letter = json.loads(letters[0]["Body"])
    assert letter["context"]["condition"] == "RetryAttemptsExhausted"
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1
    assert letter["DDBStreamBatchInfo"]["startSequenceNumber"].endswith("03")

    done = Redrive(dataclasses.replace(gateway, dynamodb_table=table[0])).run()
    assert (done.letters, done.changes, done.gone) == (1, 1, 0)
    body = client(gateway).get_object(Bucket=gateway.bucket, Key=done.written[0])["Body"].read()
    line = json.loads(gzip.decompress(body))
    assert (line["eventName"], line["eventSourceARN"]) == ("INSERT", table[1])
    assert line["dynamodb"]["Keys"] == {"id": {"S": "poison"}}
    assert not queues.receive_message(QueueUrl=queue).get("Messages")


def test_every_kind_of_iterator_begins_where_it_says(gateway: Settings, stream: str) -> None:
    kinesis = client(gateway, "kinesis", parameter_validation=False)
    put = [kinesis.put_record(StreamARN=stream, PartitionKey="k", Data=b"%d" % number) for number in range(3)]
    shard = put[0]["ShardId"]

    def read(kind: str, **more: Any) -> list[bytes]:
        begin = kinesis.get_shard_iterator(StreamARN=stream, ShardId=shard, ShardIteratorType=kind, **more)
        records = kinesis.get_records(ShardIterator=begin["ShardIterator"])["Records"]
        return [one["Data"] for one in records]

    number = put[1]["SequenceNumber"]
    assert read("TRIM_HORIZON") == read("AT_TIMESTAMP", Timestamp=0) == [b"0", b"1", b"2"]
    assert read("AT_SEQUENCE_NUMBER", StartingSequenceNumber=number) == [b"1", b"2"]
    assert read("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number) == [b"2"]
    assert read("LATEST") == []
    for wrong in ({}, {"StartingSequenceNumber": "abc"}):
        with pytest.raises(ClientError, match="InvalidArgumentException"):
            read("AT_SEQUENCE_NUMBER", **wrong)
    kinesis.split_shard(StreamARN=stream, ShardToSplit=shard, NewStartingHashKey=str(2**127))
    halves = kinesis.list_shards(StreamARN=stream)["Shards"]
    assert [one["ParentShardId"] for one in halves] == [shard, shard]


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"Enrichment": "arn:aws:lambda:eu-west-1:000000000000:function:f"}, "Enrichment"),
        ({"SourceParameters": source(BatchSize=501)}, "at most 500"),
        ({"SourceParameters": source(MaximumBatchingWindowInSeconds=301)}, "301"),
    ],
)
def test_a_pipe_that_could_not_run_is_refused(
    gateway: Settings, table: tuple[str, str], members: dict[str, Any], text: str
) -> None:
    pipes = client(gateway, "pipes", parameter_validation=False)
    target = "arn:aws:kinesis:eu-west-1:000000000000:stream/s"
    with pytest.raises(ClientError, match=text) as caught:
        pipes.create_pipe(Name=table[0], RoleArn=ROLE, Source=table[1], Target=target, **members)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="does not exist"):
        pipes.describe_pipe(Name=table[0])


def test_what_is_put_into_firehose_itself_becomes_an_object(gateway: Settings, bucket: str, s3: Any) -> None:
    firehose = client(gateway, "firehose")
    destination = {
        "BucketARN": f"arn:aws:s3:::{bucket}", "RoleARN": ROLE, "Prefix": "in/!{timestamp:yyyy}/",
        "ErrorOutputPrefix": "bad/!{firehose:error-output-type}/", "FileExtension": ".txt",
        "BufferingHints": {"IntervalInSeconds": 0, "SizeInMBs": 1},
    }  # fmt: skip
    firehose.create_delivery_stream(DeliveryStreamName=bucket, ExtendedS3DestinationConfiguration=destination)
    firehose.put_record(DeliveryStreamName=bucket, Record={"Data": b"one "})
    answer = firehose.put_record_batch(DeliveryStreamName=bucket, Records=[{"Data": b"two "}, {"Data": b"three"}])
    assert answer["FailedPutCount"] == 0

    def text() -> str:
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="in/20").get("Contents", [])]
        assert all(key.endswith(".txt") for key in keys)
        return "".join(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in sorted(keys))

    wait_until("all is there", lambda: len(text()) == len("one two three"))
    described = firehose.describe_delivery_stream(DeliveryStreamName=bucket)["DeliveryStreamDescription"]
    assert described["Destinations"][0]["ExtendedS3DestinationDescription"]["FileExtension"] == ".txt"
    with pytest.raises(ClientError, match="ErrorOutputPrefix"):
        firehose.update_destination(
            DeliveryStreamName=bucket, CurrentDeliveryStreamVersionId="1", DestinationId="destinationId-000000000001",
            ExtendedS3DestinationUpdate={"ErrorOutputPrefix": ""},
        )  # fmt: skip
    firehose.delete_delivery_stream(DeliveryStreamName=bucket)
