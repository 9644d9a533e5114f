"""Kinesis of the emulator on the journal: a shard's records are a log, and a put is acknowledged once it is committed.

Resharding keeps what the emulator would throw away: a log stays until it has been read and its time is over.
"""

import functools
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from infra.local.journal import Journal, WriteError, refusing
from infra.local.log import Log
from infra.local.shards import ShardRecords, number, position_of

Answer = tuple[int, dict[str, str], Any]
RECORD_BYTES = 1_048_576
_STATE = "kinesis"
_NUMBERED = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")

_RULES = (
    "_create_stream", "_delete_stream", "_increase_retention", "_decrease_retention", "_add_tags", "_remove_tags",
    "_merge_shards", "_split_shard", "_update_shard_count", "_register_consumer", "_deregister_consumer",
    "_start_stream_encryption", "_stop_stream_encryption", "_put_resource_policy", "_delete_resource_policy",
)  # fmt: skip


class DeliveryError(Exception):
    """Kinesis takes records not at all, or not now."""


def log_name(stream_arn: str, shard_id: str) -> str:
    """The name of a shard's log."""
    return f"kinesis:{stream_arn}/{shard_id}"


class DurableKinesis:
    """The emulator's Kinesis, kept in the journal.

    Args:
        kinesis: The emulator's Kinesis module.
        journal: Where it is kept.
    """

    def __init__(self, kinesis: Any, journal: Journal) -> None:
        self._kinesis, self._journal = kinesis, journal
        self._saved = ""

    def load(self) -> None:
        """Put what the journal has into the emulator's memory; records stay on disk."""
        self._saved = self._journal.state(_STATE) or ""
        self._put_into_memory()

    def put(self, stream_arn: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Append records (partition key, data) to a stream, within a transaction.

        Raises:
            DeliveryError: There is no such stream, or one of the records is too large.
        """
        _, _, _, region, account, resource = stream_arn.split(":", 5)
        stream = self._kinesis._streams.get_scoped(account, region, resource.removeprefix("stream/"))
        if not stream or stream["StreamStatus"] != "ACTIVE":
            raise DeliveryError(f"ResourceNotFoundException: stream {stream_arn} is not there")
        for key, data in records:
            if not 1 <= len(key) <= 256:
                raise DeliveryError(f"ValidationException: a partition key of {len(key)} characters, 1 to 256 expected")
            if len(data) + len(key.encode()) > RECORD_BYTES:
                raise DeliveryError(f"ValidationException: a record of {len(data)} bytes, {RECORD_BYTES} at most")
        now, logs = time.time(), {}
        for key in {key for key, _ in records}:
            shard = self._kinesis._route_to_shard(self._kinesis._partition_key_to_hash(key), stream)
            logs[key] = stream["shards"][shard]["records"].log
        for key, data in records:
            logs[key].append(key, data, now)
        self._kinesis.esm_wake.set()

    # --- in place of the emulator's functions

    def writing(self, emulated: Callable[..., Any]) -> Callable[..., Any]:
        """A put: committed before it is answered."""

        @functools.wraps(emulated)
        def write(*args: Any, **kwargs: Any) -> Any:
            with self._journal.transaction():
                return emulated(*args, **kwargs)

        return refusing(write, self._refuse)

    def ruling(self, emulated: Callable[..., Any]) -> Callable[..., Any]:
        """An operation on streams, or a step of CloudFormation: what it changed is saved with it."""

        @functools.wraps(emulated)
        def rule(*args: Any, **kwargs: Any) -> Any:
            with self._journal.transaction():
                self._journal.on_undo(self._put_into_memory)
                answer = emulated(*args, **kwargs)
                self._attach()
                self._save()
                return answer

        return rule

    def ruling_request(self, emulated: Callable[..., Answer]) -> Callable[..., Answer]:
        """As `ruling`, for what is asked by a client: a full disk is an answer."""
        return refusing(self.ruling(emulated), self._refuse)

    def get_shard_iterator(self, emulated: Callable[..., Answer]) -> Callable[..., Answer]:
        """GetShardIterator, which refuses what is no sequence number."""

        @functools.wraps(emulated)
        def get(data: dict[str, Any]) -> Answer:
            number = str(data.get("StartingSequenceNumber") or "")
            if data.get("ShardIteratorType") in _NUMBERED and not (number.isascii() and number.isdecimal()):
                text = f"StartingSequenceNumber {number} used on shard {data.get('ShardId')} is invalid"
                refused: Answer = self._kinesis.error_response_json("InvalidArgumentException", text, 400)
                return refused
            return emulated(data)

        return get

    def start_position(self, records: Any, kind: str, sequence: str, moment: Any) -> int | None:
        """The position at which an iterator begins; None for an unknown kind."""
        log: Log = records.log
        if kind == "TRIM_HORIZON":
            return log.first
        if kind == "LATEST":
            return log.end()
        if kind in _NUMBERED:
            wanted = position_of(sequence) + _NUMBERED.index(kind)
            return min(max(wanted, log.first), log.next)
        return log.older_than(float(moment)) if kind == "AT_TIMESTAMP" else None

    def get_records(self, emulated: Callable[..., Answer]) -> Callable[..., Answer]:
        """GetRecords; an iterator whose records are gone goes on at the oldest."""

        @functools.wraps(emulated)
        def get_records(data: dict[str, Any]) -> Answer:
            state = self._kinesis._shard_iterators.get(data.get("ShardIterator"))
            stream = self._kinesis._streams.get(state["stream"]) if state else None
            shard = stream["shards"].get(state["shard_id"]) if stream else None
            if shard:
                state["position"] = max(state["position"], shard["records"].log.first)
            return emulated(data)

        return get_records

    # --- inside

    def _refuse(self, fault: WriteError) -> Answer:
        answer: Answer = self._kinesis.error_response_json("InternalFailure", str(fault), 500)
        return answer

    def _put_into_memory(self) -> None:
        from ministack.core.persistence import _json_object_hook  # noqa: PLC0415

        for store in ("streams", "consumers", "resource_policies"):
            getattr(self._kinesis, f"_{store}").clear()
        if self._saved:
            self._kinesis._restore_state(json.loads(self._saved, object_hook=_json_object_hook))
        self._attach()

    def _attach(self) -> None:
        """Give every shard its log, and remove the logs of streams that are gone."""
        there = set()
        for stream in list(self._kinesis._streams._data.values()):
            there.add(stream["StreamARN"])
            for shard_id, shard in stream["shards"].items():
                if not isinstance(shard["records"], ShardRecords):
                    shard["records"] = ShardRecords(self._journal.log(log_name(stream["StreamARN"], shard_id)))
        for name in self._journal.logs():
            if name.startswith("kinesis:") and name.removeprefix("kinesis:").rpartition("/")[0] not in there:
                self._journal.drop_log(name)

    def _save(self) -> None:
        from ministack.core.persistence import _json_default  # noqa: PLC0415

        def plain(value: Any) -> Any:
            return [] if isinstance(value, ShardRecords) else _json_default(value)

        kinesis = self._kinesis
        state = {
            "streams": kinesis._streams,
            "consumers": kinesis._consumers,
            "resource_policies": kinesis._resource_policies,
        }
        text = json.dumps(state, default=plain)
        if text != self._saved:
            self._journal.save(_STATE, text)
            saved, self._saved = self._saved, text
            self._journal.on_undo(lambda: setattr(self, "_saved", saved))


def install(journal: Journal) -> tuple[DurableKinesis, Callable[[Any], None]]:
    """Keep streams and records in the journal. Once in a process, before the first request.

    Returns:
        The streams, and what is to be done to CloudFormation's provisioners once they are loaded.
    """
    # Imported here: the emulator reads its environment when it is imported.
    from ministack.services import firehose, kinesis  # noqa: PLC0415

    durable = DurableKinesis(kinesis, journal)
    for name in ("_put_record", "_put_records", "put_record_internal"):
        setattr(kinesis, name, durable.writing(_numbered(kinesis, getattr(kinesis, name))))
    for name in _RULES:
        setattr(kinesis, name, durable.ruling_request(getattr(kinesis, name)))
    kinesis._start_position = durable.start_position
    kinesis._get_shard_iterator = durable.get_shard_iterator(kinesis._get_shard_iterator)
    kinesis._get_records = durable.get_records(kinesis._get_records)
    kinesis._expire_records = lambda _: None  # retention.py does it
    kinesis.get_state, kinesis.load_persisted_state = lambda: None, lambda _: None  # the journal has it
    firehose.ingest_from_kinesis_source = lambda *_: None  # Firehose reads the logs
    durable.load()

    def provision(provisioners: Any) -> None:
        handlers = provisioners._RESOURCE_HANDLERS["AWS::Kinesis::Stream"]
        for step in ("create", "update", "delete"):
            handlers[step] = durable.ruling(handlers[step])

    return durable, provision


def _numbered(kinesis: Any, emulated: Callable[..., Any]) -> Callable[..., Any]:
    """A put whose answer names the numbers that the logs gave."""

    @functools.wraps(emulated)
    def put(data: Any, *args: Any) -> Any:
        answer = emulated(data, *args)
        if isinstance(data, dict) and isinstance(answer, tuple) and answer[0] == 200:
            _, stream = kinesis._resolve_stream(data)
            answered = json.loads(answer[2])
            entries = answered.get("Records", [answered])
            after = {shard: one["records"].log.next for shard, one in stream["shards"].items()}
            for entry in reversed(entries):
                after[entry["ShardId"]] -= 1
                entry["SequenceNumber"] = number(after[entry["ShardId"]])
            return answer[0], answer[1], json.dumps(answered).encode()
        return answer

    return put
