"""Pipes: what a definition means, and that every record of a batch is delivered or given up, in order."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.pipes.definition import DefinitionError, parse, partition_key, passes, transform
from infra.local.pipes.delivery import Change, Stopped, TargetError, deliver
from infra.local.pipes.runner import dead_letter

pytestmark = pytest.mark.unit


def pipe(**stream: Any) -> dict[str, Any]:
    return {"SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "LATEST", **stream}}}


def filtered(pattern: str) -> dict[str, Any]:
    return {"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": pattern}]}}}


class Rim:
    """A target that refuses poison for ever and all until `begins`, and a clock that the pauses move."""

    def __init__(self, poison: Sequence[int] = (), begins: float = 0.0) -> None:
        self.poison, self.begins, self.time = set(poison), begins, 1000.0
        self.sent: list[int] = []
        self.given_up: list[tuple[list[int], str]] = []
        self.moved = -1
        self.pauses: list[float] = []
        self.batches: list[int] = []

    def send(self, batch: Sequence[Change]) -> None:
        self.batches.append(len(batch))
        if self.time < self.begins or any(one.position in self.poison for one in batch):
            raise TargetError("no")
        self.sent += [one.position for one in batch]
        self._move(batch)

    def give_up(self, batch: Sequence[Change], condition: str) -> None:
        self.given_up.append(([one.position for one in batch], condition))
        self._move(batch)

    def failed(self, batch: Sequence[Change], fault: TargetError) -> None:
        pass

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds
        if len(self.pauses) > 60:
            raise Stopped

    def now(self) -> float:
        return self.time

    def _move(self, batch: Sequence[Change]) -> None:
        assert batch[0].position == self.moved + 1, "skipped a record"
        self.moved = batch[-1].position


def changes(count: int, at: float = 1000.0) -> list[Change]:
    return [Change(number, at, {"dynamodb": {"SequenceNumber": str(number)}}) for number in range(count)]


def run(rim: Rim, count: int, **stream: Any) -> None:
    definition = parse(pipe(**stream))
    deliver(changes(count), lambda: definition, rim)


@given(st.integers(1, 40), st.sets(st.integers(0, 39)))
def test_halving_delivers_all_but_the_poison_in_order(count: int, poison: set[int]) -> None:
    rim = Rim(sorted(poison))
    run(rim, count, OnPartialBatchItemFailure="AUTOMATIC_BISECT", MaximumRetryAttempts=0)
    assert rim.sent == [number for number in range(count) if number not in poison]
    assert rim.given_up == [([number], "RetryAttemptsExhausted") for number in range(count) if number in poison]


def test_without_halving_the_batch_is_given_up_as_one_after_its_retries() -> None:
    rim = Rim([2])
    run(rim, 4, MaximumRetryAttempts=3)
    assert (rim.sent, rim.given_up) == ([], [([0, 1, 2, 3], "RetryAttemptsExhausted")])
    assert len(rim.batches) == 4
    assert rim.pauses == [0.1, 0.2, 0.4]


def test_without_limits_a_batch_waits_for_its_target() -> None:
    rim = Rim(begins=1100.0)
    run(rim, 3)
    assert (rim.sent, rim.given_up) == ([0, 1, 2], [])
    assert max(rim.pauses) <= 30


def test_records_grow_too_old_while_the_target_is_away() -> None:
    rim = Rim(begins=1300.0)
    definition = parse(pipe(MaximumRecordAgeInSeconds=60))
    batch = [Change(0, 1000.0, {}), Change(1, 1000.0, {}), Change(2, 1290.0, {})]
    deliver(batch, lambda: definition, rim)
    assert rim.given_up == [([0, 1], "RecordAgeExceeded")]
    assert rim.sent == [2]


def test_an_update_of_the_pipe_is_heeded_within_a_batch() -> None:
    rim = Rim([0])
    definitions = iter([parse(pipe()), parse(pipe()), *[parse(pipe(MaximumRetryAttempts=0))] * 9])
    deliver(changes(1), lambda: next(definitions), rim)
    assert rim.given_up == [([0], "RetryAttemptsExhausted")]


def test_a_dead_letter_tells_where_the_batch_lies() -> None:
    batch = changes(3, at=1_700_000_000.25)
    letter = dead_letter({"Arn": "arn:p", "Source": "arn:s"}, batch, "RetryAttemptsExhausted")
    assert letter["context"] == {"partnerResourceArn": "arn:p", "condition": "RetryAttemptsExhausted"}
    assert letter["DDBStreamBatchInfo"] == {
        "shardId": "shardId-00000000000000000000-00000000",
        "startSequenceNumber": "0",
        "endSequenceNumber": "2",
        "approximateArrivalOfFirstRecord": "2023-11-14T22:13:20.250Z",
        "approximateArrivalOfLastRecord": "2023-11-14T22:13:20.250Z",
        "batchSize": 3,
        "streamArn": "arn:s",
    }


def test_parameters_of_a_template_are_texts() -> None:
    found = parse(pipe(BatchSize="7", MaximumBatchingWindowInSeconds="2", MaximumRetryAttempts="-1"))
    assert (found.batch_size, found.window_seconds, found.max_attempts) == (7, 2.0, -1)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({**pipe(BatchSize=501), "Target": "arn:aws:kinesis:eu-west-1:0:stream/s"}, "at most 500"),
        ({"Enrichment": "arn:aws:lambda:eu-west-1:0:function:f"}, "Enrichment"),
        ({"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}}, "not JSON"),
        ({"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": "[]"}]}}}, "object"),
        (
            {"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": '{"a": [{"wildcard": "*"}]}'}]}}},
            "by pipes",
        ),
        ({"TargetParameters": {"KinesisStreamParameters": {"PartitionKey": "$.a b"}}}, "no JSON path"),
    ],
)
def test_a_pipe_that_cannot_run_is_refused(given: dict[str, Any], text: str) -> None:
    with pytest.raises(DefinitionError, match=text):
        parse(given)


def test_a_partition_key_that_is_not_there_is_no_empty_key() -> None:
    definition = parse({"TargetParameters": {"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.id.S"}}})
    assert partition_key(definition, {"dynamodb": {"Keys": {"id": {"S": "7"}}}}) == "7"
    with pytest.raises(DefinitionError, match="not in the record"):
        partition_key(definition, {"dynamodb": {"Keys": {"id": {"N": "7"}}}})


def test_any_filter_lets_pass() -> None:
    filters = [{"Pattern": '{"eventName": ["INSERT"]}'}, {"Pattern": '{"eventName": ["REMOVE"]}'}]
    definition = parse({"SourceParameters": {"FilterCriteria": {"Filters": filters}}})

    found = [passes(definition, {"eventName": name}) for name in ("INSERT", "MODIFY", "REMOVE")]
    assert found == [True, False, True]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"a": <$.x>}', '{"a": {"y": [1, "é\\""]}}'),
        ('{"a": "<$.x.y[0]> of <$.absent>"}', '{"a": "1 of "}'),
        ('{"a": <$.absent>, "b": "<$.x.y[1]>"}', '{"a": null, "b": "é\\""}'),
        ('{"p": "<aws.pipes.pipe-name>"}', '{"p": "mine"}'),
        ("<$>", '{"x": {"y": [1, "é\\""]}}'),
        ('{"a": "2 < 3", "b": <$.x.y[9]>}', '{"a": "2 < 3", "b": null}'),
        ('"<$.x>"', '"{\\"y\\": [1, \\"é\\\\\\"\\"]}"'),
    ],
)
def test_a_template_stays_json(template: str, expected: str) -> None:
    event = {"x": {"y": [1, 'é"']}}
    assert transform(template, event, {"aws.pipes.pipe-name": "mine"}) == expected
