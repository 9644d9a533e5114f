"""Firehose: what a function's answer means for each record, and what the runner writes, repeats and keeps."""

import base64
import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infra.aws.handlers import transform as function
from infra.local.firehose.checks import DefinitionError, check
from infra.local.firehose.runner import Runner
from infra.local.firehose.source import reader
from infra.local.firehose.transform import (
    Arrived,
    InvocationError,
    Outcome,
    event,
    failure_line,
    transform,
)
from infra.local.journal import Journal
from lakehouse.errors import SourceError

pytestmark = pytest.mark.unit

ARN = "arn:aws:firehose:eu-west-1:000000000000:deliverystream/s"
LOG = f"put:{ARN}"
FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:f"


ERRORS = {"ErrorOutputPrefix": "e/!{firehose:error-output-type}/"}


def processed(**parameters: str) -> dict[str, Any]:
    named = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": named}]}}


def arrived(*data: bytes) -> list[Arrived]:
    return [Arrived(str(number), 1.5, one) for number, one in enumerate(data)]


def answered(answer: Any, *data: bytes) -> Outcome:
    return transform(arrived(*data), lambda records: {"records": records}, lambda _: answer)


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_each_record_has_the_end_that_the_function_gave_it() -> None:
    results = [
        {"recordId": "0", "result": "Ok", "data": text(b"changed")},
        {"recordId": "1", "result": "Dropped"},
        {"recordId": "2", "result": "ProcessingFailed", "data": text(b"c")},
        {"recordId": "4", "result": "Ok", "data": text(b"x")},
        {"recordId": "4", "result": "Ok", "data": text(b"y")},
        {"recordId": "5", "result": "Ok", "data": "no base64!"},
        {"recordId": "6", "result": "Fine", "data": ""},
    ]
    found = answered({"records": results}, b"a", b"b", b"c", b"d", b"e", b"f", b"g")
    assert found.delivered == [b"changed"]
    assert [(one.record.data, one.code.removeprefix("Lambda."), one.attempts) for one in found.failed] == [
        (b"c", "ProcessingFailedStatus", 1),
        (b"d", "MissingRecordId", 1),
        (b"e", "DuplicatedRecordId", 1),
        (b"f", "JsonProcessingException", 1),
        (b"g", "JsonProcessingException", 1),
    ]


@pytest.mark.parametrize("answer", [None, [], {}, {"records": {}}, {"records": [1]}, {"records": [{"recordId": 1}]}])
def test_an_answer_of_another_form_fails_the_batch(answer: Any) -> None:
    with pytest.raises(InvocationError):
        answered(answer, b"a")


def test_our_function_passes_changes_on_byte_for_byte_and_names_what_is_none() -> None:
    change = {"eventName": "REMOVE", "eventSourceARN": "arn", "dynamodb": {"Keys": {}, "SequenceNumber": "1"}}
    good = json.dumps(change, indent=None).encode()
    bad = [b"{}", b"[]", b"\xff", good + b"\n", good[:-1], json.dumps({**change, "dynamodb": []}).encode()]
    records = arrived(good, *bad)
    asked = event(records, stream_arn=ARN, region="eu-west-1", invocation="i")
    found = transform(records, lambda _: asked, lambda given: function.handler(given, None))
    assert found.delivered == [good]
    assert [one.record.data for one in found.failed] == bad


def test_a_failure_is_written_as_firehose_writes_it() -> None:
    failed = answered({"records": []}, b"raw").failed[0]
    assert json.loads(failure_line(failed, ended_at=2.25, function=FUNCTION)) == {
        "attemptsMade": 1,
        "arrivalTimestamp": 1500,
        "errorCode": "Lambda.MissingRecordId",
        "errorMessage": "One or more record Ids were not returned. Ensure that the Lambda function returns all "
        "received record Ids.",
        "attemptEndingTimestamp": 2250,
        "rawData": text(b"raw"),
        "lambdaArn": FUNCTION,
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"CompressionFormat": "Snappy"}, "Snappy"),
        ({"Prefix": "a/!{timestamp:yyyy}/"}, "ErrorOutputPrefix is required"),
        ({"Prefix": "!{firehose:error-output-type}", "ErrorOutputPrefix": "e"}, "Prefix cannot"),
        ({"ErrorOutputPrefix": "e/!{timestamp:yyyy}/"}, "error-output-type"),
        ({"Prefix": "!{partitionKeyFromQuery:id}/", **ERRORS}, "needs dynamic partitioning"),
        ({"Prefix": "!{firehose:what}/", **ERRORS}, "no expression"),
        ({"Prefix": "!{timestamp:EEE}/", **ERRORS}, "Letter E of timestamp:EEE is not supported"),
        ({"DynamicPartitioningConfiguration": {"Enabled": True}}, "DynamicPartitioningConfiguration is not supported"),
        ({"DataFormatConversionConfiguration": {"Enabled": "true"}}, "DataFormatConversion"),
        ({"S3BackupMode": "Enabled"}, "S3BackupMode"),
        ({"ProcessingConfiguration": {"Processors": [{"Type": "MetadataExtraction"}]}}, "Processor MetadataExtraction"),
        ({"BufferingHints": {"SizeInMBs": 129}}, "from 1 to 128, not 129"),
        ({"BufferingHints": {"IntervalInSeconds": 901}}, "from 0 to 900"),
        (processed(NumberOfRetries="301"), "from 0 to 300"),
        (processed(BufferSizeInMBs="much"), "is no number"),
        ({"FileExtension": "gz"}, "must begin with a dot"),
        ({"CustomTimeZone": "Atlantis/City"}, "no time zone"),
    ],
)
def test_a_destination_that_cannot_run_is_refused(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(DefinitionError, match=expected):
        check(given)


def test_what_a_prefix_may_have_is_let_pass() -> None:
    zone = {"CustomTimeZone": "Europe/Berlin", "FileExtension": ".jsonl.gz"}
    check({"Prefix": "a/!{timestamp:yyyy-MM-dd'T'HH}/!{firehose:random-string}/", **zone,
           "ErrorOutputPrefix": "e/!{firehose:error-output-type}/!{timestamp:D}/"})  # fmt: skip


class Site:
    """A delivery stream with its source in a journal, an S3 in memory and a function that can be told to fail."""

    def __init__(self, journal: Journal, **config: Any) -> None:
        self.journal = journal
        self.objects: dict[str, bytes] = {}
        self.fails = 0  # so many calls of the function from now
        self.is_away = False  # S3
        self.calls: list[int] = []
        hints = {"SizeInMBs": 1, "IntervalInSeconds": 0}
        given = {"BucketARN": "arn:aws:s3:::b", "Prefix": "p/", "ErrorOutputPrefix": "e/", "BufferingHints": hints}
        destination = {"type": "ExtendedS3", "config": {**given, **config}}
        self.stream = {"name": "s", "arn": ARN, "version": 1, "type": "DirectPut", "destinations": [destination]}
        self.runner = self.made()

    def made(self) -> Runner:
        return Runner(
            self.stream, self.journal, invoke=self._invoke, put=self._put,
            evaluate=lambda prefix, at, error: f"{prefix}{error}{'/' if error else ''}",
            measure=lambda *_: None,
        )  # fmt: skip

    def feed(self, *data: bytes) -> None:
        with self.journal.transaction():
            for one in data:
                self.journal.log(LOG).append("", one)

    def lines(self, prefix: str) -> list[bytes]:
        keys = sorted((key for key in self.objects if key.startswith(prefix)), key=list(self.objects).index)
        bodies = [self.objects[key] for key in keys]
        return b"".join(gzip.decompress(one) if one[:2] == b"\x1f\x8b" else one for one in bodies).split(b"\n")[:-1]

    def until(self, done: Callable[[], Any]) -> None:
        end = time.monotonic() + 10
        while not done():
            assert time.monotonic() < end
            time.sleep(0.005)

    def _invoke(self, arn: str, given: dict[str, Any]) -> Any:
        assert arn == FUNCTION
        self.calls.append(len(given["records"]))
        if self.fails:
            self.fails -= 1
            raise InvocationError("Lambda.FunctionError")
        bad = text(b"bad")
        return {
            "records": [
                {**one, "result": "ProcessingFailed" if one["data"] == bad else "Ok"} for one in given["records"]
            ]
        }

    def _put(self, bucket: str, key: str, body: bytes) -> None:
        if self.is_away:
            raise SourceError("away")
        self.objects[key] = body


DELIMITER = {"Type": "AppendDelimiterToRecord", "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]}


def processing(*processors: dict[str, Any]) -> dict[str, Any]:
    return {"ProcessingConfiguration": {"Enabled": True, "Processors": list(processors)}}


def calling(**parameters: str) -> dict[str, Any]:
    given = {"LambdaArn": FUNCTION, "BufferIntervalInSeconds": "0", **parameters}
    named = [{"ParameterName": name, "ParameterValue": value} for name, value in given.items()]
    return {"Type": "Lambda", "Parameters": named}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "j.sqlite")) as journal:
        yield journal


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.firehose.runner._PAUSE_SECONDS", 0.01)


def test_records_become_one_object_in_order_and_the_position_follows(journal: Journal) -> None:
    site = Site(journal, CompressionFormat="GZIP", **processing(DELIMITER))
    site.feed(*(b"%d" % number for number in range(5)))
    site.runner.start()
    site.until(lambda: journal.position(reader(ARN), LOG) == 5)
    site.runner.stop()
    site.runner.join()
    assert site.lines("p/") == [b"0", b"1", b"2", b"3", b"4"]
    assert len(site.objects) == 1
    assert next(iter(site.objects)).endswith(".gz")


def test_what_fails_lies_under_the_error_prefix_and_nowhere_else(journal: Journal) -> None:
    site = Site(journal, **processing(calling(), DELIMITER))
    site.feed(b"a", b"bad", b"b")
    site.runner.start()
    site.until(lambda: journal.position(reader(ARN), LOG) == 3)
    site.runner.stop()
    site.runner.join()
    assert site.lines("p/") == [b"a", b"b"]
    assert [json.loads(one)["rawData"] for one in site.lines("e/processing-failed/")] == [text(b"bad")]


@pytest.mark.usefixtures("quick")
def test_a_function_that_fails_is_called_three_times_more_and_then_its_batch_has_failed(journal: Journal) -> None:
    site = Site(journal, **processing(calling(), DELIMITER))
    site.fails = 3
    site.feed(b"a")
    site.runner.start()
    site.until(lambda: site.lines("p/") == [b"a"])
    site.fails = 4
    site.feed(b"b", b"c")
    site.until(lambda: len(site.lines("e/")) == 2)
    site.runner.stop()
    site.runner.join()
    failures = [json.loads(one) for one in site.lines("e/")]
    assert [(one["attemptsMade"], one["errorCode"]) for one in failures] == [(4, "Lambda.FunctionError")] * 2
    assert site.lines("p/") == [b"a"]


@pytest.mark.usefixtures("quick")
def test_the_position_waits_for_s3(journal: Journal) -> None:
    site = Site(journal, **processing(DELIMITER))
    site.is_away = True
    site.feed(b"a")
    site.runner.start()
    site.until(lambda: site.runner._good is not None)
    site.runner.stop()
    site.runner.join()
    assert not journal.position(reader(ARN), LOG)
    site.is_away = False
    again = site.made()  # as after a kill
    again.start()
    site.until(lambda: journal.position(reader(ARN), LOG) == 1)
    again.stop()
    again.join()
    assert site.lines("p/") == [b"a"]


def test_the_function_gets_no_more_than_its_buffer(journal: Journal) -> None:
    site = Site(journal, **processing(calling(BufferSizeInMBs="0.2"), DELIMITER))
    record = b"x" * 50_000
    site.feed(*[record] * 20)
    site.runner.start()
    site.until(lambda: journal.position(reader(ARN), LOG) == 20)
    site.runner.stop()
    site.runner.join()
    assert sum(site.calls) == 20
    assert max(site.calls) <= 5


def test_a_stop_while_the_function_fails_skips_nothing(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.firehose.runner._PAUSE_SECONDS", 60.0)
    hints = {"SizeInMBs": 128, "IntervalInSeconds": 900}
    site = Site(journal, BufferingHints=hints, **processing(calling(), DELIMITER))
    site.feed(b"a")
    site.runner.start()
    site.until(lambda: site.runner._good is not None)
    site.fails = 1
    site.feed(b"b")
    site.until(lambda: site.fails == 0)
    site.runner.stop()
    site.runner.join()
    assert site.lines("p/") == [b"a"]
    assert journal.position(reader(ARN), LOG) == 1


def test_an_orderly_stop_delivers_what_is_buffered(journal: Journal) -> None:
    hints = {"SizeInMBs": 128, "IntervalInSeconds": 900}
    site = Site(journal, BufferingHints=hints, **processing(DELIMITER))
    site.feed(b"a")
    site.runner.start()
    site.until(lambda: site.runner._good is not None)
    assert site.objects == {}
    site.runner.stop()
    site.runner.join()
    assert site.lines("p/") == [b"a"]
