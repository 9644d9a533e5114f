"""Dead letters of a pipe: the queues they lie in, and the changes that they are about, read from the table's stream.

A letter says where a batch lies in the stream, not what it holds; the stream keeps it for 24 hours.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lakehouse import streamrecords
from lakehouse.errors import SourceError

HIDDEN_SECONDS = 300  # how long a letter that was received is hidden from others who look
READ_SECONDS = 60.0  # for one batch of the stream
_GONE = ("TrimmedDataAccessException", "ResourceNotFoundException", "ExpiredIteratorException")


@dataclass(frozen=True)
class Letter:
    """A dead letter: its handle in its queue, the stream's ARN, and its batch's shard, first and last number."""

    queue: str
    handle: str
    stream: str
    shard: str
    first: str
    last: str

    @classmethod
    def parse(cls, queue: str, message: dict[str, Any]) -> "Letter | None":
        """Read a message; None if it is no dead letter of a pipe from DynamoDB.

        Example:
            >>> Letter.parse("queue", {"ReceiptHandle": "1", "Body": "hello"}) is None
            True
        """
        try:
            batch = json.loads(message["Body"])["DDBStreamBatchInfo"]
            numbers = str(batch["startSequenceNumber"]), str(batch["endSequenceNumber"])
            found = cls(queue, message["ReceiptHandle"], str(batch["streamArn"]), str(batch["shardId"]), *numbers)
        except (ValueError, KeyError, TypeError):
            return None
        return found if found.first.isdecimal() and found.last.isdecimal() else None


class Letters:
    """The dead letters of the pipes from one table.

    Args:
        clients: Makes clients by the service's name.
        table: The table's ARN.
    """

    def __init__(self, clients: Callable[[str], Any], table: str) -> None:
        self._pipes, self._sqs, self._streams = clients("pipes"), clients("sqs"), clients("dynamodbstreams")
        self._prefix = f"{table}/stream/"

    def queues(self) -> list[str]:
        """The addresses of the queues that the pipes send them to."""
        arns = set()
        for page in self._pipes.get_paginator("list_pipes").paginate():
            for one in page["Pipes"]:
                if str(one.get("Source", "")).startswith(self._prefix):
                    given = self._pipes.describe_pipe(Name=one["Name"]).get("SourceParameters") or {}
                    place = (given.get("DynamoDBStreamParameters") or {}).get("DeadLetterConfig") or {}
                    arns.add(str(place.get("Arn", "")))
        names = [arn.rpartition(":")[2] for arn in sorted(arns) if ":sqs:" in arn]
        return [str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"]) for name in names]

    def received(self, queue: str) -> Iterator[tuple[str, Letter | None]]:
        """Each message of a queue once: its handle, and the letter that it is, if it is one of this table."""
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=HIDDEN_SECONDS, WaitTimeSeconds=1
            )
            messages = answer.get("Messages", [])
            if not messages:
                return
            for message in messages:
                letter = Letter.parse(queue, message)
                is_ours = letter is not None and letter.stream.startswith(self._prefix)
                yield message["ReceiptHandle"], letter if is_ours else None

    def delete(self, queue: str, handle: str) -> None:
        """Take a message from its queue for good."""
        self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)

    def show(self, queue: str, handle: str) -> None:
        """Let others see a message again."""
        self._sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)

    def lines(self, letter: Letter) -> list[str] | None:
        """The changes of a letter as lines of bronze; None if the stream does not have all of them any more.

        Raises:
            SourceError: The stream does not come to the letter's last record.
        """
        lines: list[str] = []
        try:
            for record in self._records(letter):
                number = int(record["dynamodb"]["SequenceNumber"])
                if number <= int(letter.last):
                    lines.append(line_of(record, letter.stream))
                if number >= int(letter.last):
                    return lines
        except ClientError as fault:
            if fault.response["Error"]["Code"] not in _GONE:
                raise
        return None

    def _records(self, letter: Letter) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + READ_SECONDS
        iterator = self._streams.get_shard_iterator(
            StreamArn=letter.stream,
            ShardId=letter.shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=letter.first,
        )["ShardIterator"]
        while iterator:
            page = self._streams.get_records(ShardIterator=iterator)
            yield from page["Records"]
            iterator = page.get("NextShardIterator")
            if time.monotonic() > end:
                raise SourceError(
                    f"record {letter.last} of {letter.stream} has not come after {READ_SECONDS:.0f} s",
                    "the records of the batch",
                    "run it again",
                )


def line_of(record: dict[str, Any], stream: str) -> str:
    """A record as the client of DynamoDB Streams hands it out, as the pipe would have delivered it."""
    change = record["dynamodb"]
    moment = change["ApproximateCreationDateTime"].timestamp()
    images = {name: change[name] for name in ("NewImage", "OldImage") if name in change}
    at = int(moment) if moment == int(moment) else moment
    return streamrecords.encode(record["eventName"], stream, change["SequenceNumber"], at, change["Keys"], **images)
