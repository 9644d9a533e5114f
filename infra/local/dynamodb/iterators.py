"""Iterators of a table's stream at a sequence number, found by its place: the emulator reads every record before it."""

import functools
import json
from collections.abc import Callable
from typing import Any

from infra.local.dynamodb.streams import log_name, position_of
from infra.local.journal import Journal

Answer = tuple[int, dict[str, str], Any]
_KINDS = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")


def by_number(streams: Any, journal: Journal) -> Callable[[dict[str, Any]], Answer]:
    """GetShardIterator of the emulator's module of streams, quick for all kinds of iterators."""
    emulated: Callable[[dict[str, Any]], Answer] = streams._get_shard_iterator

    @functools.wraps(emulated)
    def get(data: dict[str, Any]) -> Answer:
        kind, sequence = data.get("ShardIteratorType"), str(data.get("SequenceNumber") or "")
        if kind not in _KINDS or not sequence:
            return emulated(data)
        answer = emulated({**data, "ShardIteratorType": "TRIM_HORIZON"})  # judges stream and shard
        if answer[0] != 200:
            return answer
        log, position = journal.log(log_name(data["StreamArn"])), position_of(sequence)
        if position is None or not log.first <= position < log.end():
            text = f"Sequence number {sequence} not found on stream"
            refused: Answer = streams.error_response_json("TrimmedDataAccessException", text, 400)
            return refused
        given = streams._decode_iterator(json.loads(answer[2])["ShardIterator"])
        place = {"account_id": given.get("a"), "region": given.get("r"), "stream_arn": given.get("arn")}
        token = streams._encode_iterator(given["t"], given["s"], position + _KINDS.index(kind), **place)
        found: Answer = streams.json_response({"ShardIterator": token})
        return found

    return get
