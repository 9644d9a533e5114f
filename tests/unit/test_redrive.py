"""Redrive: what was given up comes into bronze as it would have, and what nobody has any more is told, not lost."""

import base64
import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.aws import letters
from infra.aws.redrive import Redrive, Redriven
from infra.commands.redrive import told
from lakehouse import places, streamrecords
from lakehouse.attributes import item
from lakehouse.errors import ConfigError, SourceError
from lakehouse.settings import Settings
from spark_jobs.recompute import Recomputed

pytestmark = pytest.mark.unit

TABLE = "arn:aws:dynamodb:eu-west-1:0:table/order_lines"
OLD, NEW = f"{TABLE}/stream/2026-11-29T10:00:00.000", f"{TABLE}/stream/2026-11-30T10:00:00.000"
QUEUE = "http://queue/dead"


class Aws:
    """Every client in one: a table, its streams by ARN, a pipe, a queue, and a bucket."""

    def __init__(self) -> None:
        self.stream = OLD
        self.records: dict[str, dict[int, dict[str, Any]]] = {OLD: {}, NEW: {}}
        self.messages: dict[str, str] = {}
        self.shown: list[str] = []
        self.objects: dict[str, bytes] = {}
        self.page = 2

    def change(self, number: int, quantity: int) -> None:
        row = {"order_id": f"S{number}", "line_no": 1, "product_id": "P", "quantity": quantity, "unit_price": "1.5"}
        image = item({**row, "country": "UK", "ordered_at": "2011-01-01T12:00:00Z"}) | {"raw": {"B": b"\x00\xff"}}
        at = datetime.fromtimestamp(1_700_000_000, UTC)
        change = {"ApproximateCreationDateTime": at, "Keys": {n: image[n] for n in ("order_id", "line_no")}}
        change |= {"SequenceNumber": str(number), "NewImage": image}
        self.records[self.stream][number] = {"eventName": "INSERT", "dynamodb": change}

    def give_up(self, first: int, last: int) -> None:
        info = {"shardId": "shard", "streamArn": self.stream, "batchSize": last - first + 1}
        info |= {"startSequenceNumber": str(first), "endSequenceNumber": str(last)}
        self.messages[f"h{len(self.messages)}"] = json.dumps({"DDBStreamBatchInfo": info})

    # dynamodb, its streams

    def describe_table(self, **_: str) -> dict[str, Any]:
        return {"Table": {"TableArn": TABLE, "LatestStreamArn": self.stream}}

    def get_shard_iterator(self, **given: str) -> dict[str, Any]:
        assert (given["ShardId"], given["ShardIteratorType"]) == ("shard", "AT_SEQUENCE_NUMBER")
        number = int(given["SequenceNumber"])
        if number not in self.records[given["StreamArn"]]:
            raise ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetShardIterator")
        return {"ShardIterator": f"{given['StreamArn']} {number}"}

    def get_records(self, **given: str) -> dict[str, Any]:
        arn, number = given["ShardIterator"].split()
        found = [self.records[arn][one] for one in sorted(self.records[arn]) if one >= int(number)][: self.page]
        after = int(found[-1]["dynamodb"]["SequenceNumber"]) + 1 if found else number
        return {"Records": found, "NextShardIterator": f"{arn} {after}"}

    # pipes, sqs

    def describe_pipe(self, **_: str) -> dict[str, Any]:
        return {"SourceParameters": {"DynamoDBStreamParameters": {"DeadLetterConfig": {"Arn": "arn:aws:sqs:e:0:dead"}}}}

    def get_queue_url(self, **given: str) -> dict[str, str]:
        assert given == {"QueueName": "dead"}
        return {"QueueUrl": QUEUE}

    def receive_message(self, **given: Any) -> dict[str, Any]:
        assert given["QueueUrl"] == QUEUE and given["VisibilityTimeout"] > 60
        new = [one for one in self.messages if one not in self.shown][:10]
        self.shown += new
        return {"Messages": [{"ReceiptHandle": one, "Body": self.messages[one]} for one in new]} if new else {}

    def delete_message(self, **given: str) -> None:
        del self.messages[given["ReceiptHandle"]]

    def change_message_visibility(self, **given: Any) -> None:
        assert given["VisibilityTimeout"] == 0
        self.shown.remove(given["ReceiptHandle"])

    # s3

    def put_object(self, **given: Any) -> None:
        assert given["IfNoneMatch"] == "*" and given["Key"] not in self.objects
        self.objects[given["Key"]] = given["Body"]

    def get_object(self, **given: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[given["Key"]])}

    def get_paginator(self, name: str) -> "Aws":
        return self

    def paginate(self, **given: str) -> Iterator[dict[str, Any]]:
        if "Bucket" not in given:
            yield {"Pipes": [{"Name": "p", "Source": self.stream}, {"Name": "q", "Source": "arn:aws:sqs:e:0:other"}]}
            return
        keys = sorted(key for key in self.objects if key.startswith(given["Prefix"]) and key > given["StartAfter"])
        yield {"Contents": [{"Key": key} for key in keys]} if keys else {}

    def lines(self) -> list[str]:
        bodies = [body for key, body in self.objects.items() if key.startswith(places.BRONZE_DYNAMODB)]
        return [line for body in bodies for line in gzip.decompress(body).decode().splitlines()]


def redriven(aws: Aws) -> Redriven:
    return Redrive(Settings(), clients=lambda name: aws).run()


def quantities(aws: Aws) -> dict[str, int]:
    found = Recomputed()
    found.add(f"{places.BRONZE_DYNAMODB}x.gz", gzip.compress("\n".join(aws.lines()).encode()))
    assert not found.rejected
    return {key[1]: change.line.quantity for key, change in found.newest.items() if change.line}


def failure(line: str) -> str:
    return json.dumps({"errorCode": "Lambda.FunctionError", "rawData": base64.b64encode(line.encode()).decode()})


def test_changes_of_dead_letters_are_read_from_the_stream_and_the_letters_are_gone() -> None:
    aws = Aws()
    for number in range(1, 9):
        aws.change(number, number * 10)
    aws.give_up(2, 6)
    aws.give_up(8, 8)
    done = redriven(aws)
    assert (done.letters, done.changes, done.gone) == (2, 6, 0)
    assert quantities(aws) == {f"S{number}": number * 10 for number in (2, 3, 4, 5, 6, 8)}
    assert aws.messages == {}
    assert json.loads(aws.lines()[0])["dynamodb"]["ApproximateCreationDateTime"] == 1_700_000_000
    assert json.loads(aws.lines()[0])["dynamodb"]["NewImage"]["raw"] == {"B": "AP8="}
    assert redriven(aws) == Redriven()


def test_what_no_stream_has_any_more_stays_in_the_queue_until_a_later_streams_resync() -> None:
    aws = Aws()
    aws.change(3, 1)
    aws.give_up(2, 3)
    aws.messages["odd"] = "a message of somebody"
    done = redriven(aws)
    assert (done.letters, done.gone, done.others, aws.lines()) == (0, 1, 1, [])
    assert sorted(aws.messages) == ["h0", "odd"] and aws.shown == []
    assert "disable the table's stream and enable it again, run `make up`, `make resync`" in told(done)[-1]

    aws.stream = NEW
    assert redriven(aws).gone == 1
    day = places.dated(places.BRONZE_DYNAMODB, datetime(2026, 11, 30, tzinfo=UTC).date())
    aws.objects[f"{day}{places.RESYNC}2026-11-30T10:00:00.000-1-rows-000000.jsonl.gz"] = gzip.compress(b"")
    done = redriven(aws)
    assert (done.covered, done.gone) == (1, 0)
    assert list(aws.messages) == ["odd"]


def test_a_batch_that_is_not_there_as_a_whole_is_not_taken_for_done(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws()
    aws.change(1, 1)
    aws.give_up(1, 2)
    monkeypatch.setattr(letters, "READ_SECONDS", 0.0)
    with pytest.raises(SourceError, match=r"record 2 of .* has not come after 0 s"):
        redriven(aws)
    assert len(aws.messages) == 1 and aws.lines() == []


def test_records_of_errors_come_back_once_and_what_breaks_the_contract_does_not() -> None:
    aws = Aws()
    aws.change(1, 7)
    line = letters.line_of(aws.records[OLD][1], OLD)
    name = "processing-failed/date=2026-11-29/s-1.jsonl.gz"
    body = "\n".join([failure(line), failure("no change"), ""])
    aws.objects[f"{places.ERRORS}{name}"] = gzip.compress(body.encode())
    aws.objects[f"{places.ERRORS}processing-failed/date=2026-11-29/plain.jsonl.gz"] = failure("{}").encode()
    done = redriven(aws)
    assert (done.objects, done.records, done.unfit) == (1, 1, 2)
    assert done.written == [f"{places.BRONZE_DYNAMODB}date=2026-11-29/{places.REDRIVE}s-1.jsonl.gz"]
    assert aws.lines() == [line]
    assert streamrecords.decode(aws.lines()[0]).line is not None
    again = redriven(aws)
    assert (again.objects, again.records, again.written) == (0, 0, [])


def test_a_table_that_is_not_there_costs_one_line() -> None:
    aws = Aws()

    def absent(**_: str) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeTable")

    aws.describe_table = absent  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match="table order_lines is not there"):
        redriven(aws)
