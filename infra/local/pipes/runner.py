"""The thread of a pipe: reads the stream's log, filters, transforms, delivers, and moves its position.

Position and delivery to Kinesis are one transaction of the journal: a kill leaves both or none.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from infra.local.dynamodb.streams import log_name
from infra.local.journal import Journal
from infra.local.kinesis import DeliveryError, DurableKinesis
from infra.local.log import Log
from infra.local.pipes import delivery
from infra.local.pipes.definition import (
    VARIABLES,
    Definition,
    DefinitionError,
    parse,
    partition_key,
    passes,
    transform,
)
from lakehouse import logs

_IDLE_SECONDS = 1.0
_BATCH_BYTES = 4 * 2**20  # a pipe's batch has 6 MB at most, a PutRecords 5
_SHARD = "shardId-00000000000000000000-00000000"


HELD = "dead letters of "
"""What the names of readers begin with that stand at changes which dead letters are about."""


def reader(pipe_arn: str) -> str:
    """The name under which a pipe's position is kept.

    Example:
        >>> reader("arn:aws:pipes:eu-west-1:000000000000:pipe/p")
        'pipe:arn:aws:pipes:eu-west-1:000000000000:pipe/p'
    """
    return f"pipe:{pipe_arn}"


class Runner(threading.Thread):
    """Moves the records of one pipe until it is stopped.

    Args:
        pipe: The emulator's record of the pipe; read anew for each batch.
        journal: Where streams and positions are.
        kinesis: Takes records within a transaction.
        elsewhere: Takes (pipe, batch of (key, data)) for another target; DeliveryError if it does not.
        tell: Takes (ARN of queue or topic, message): the dead letters.
        measure: Takes (name, unit, value) of a metric.
    """

    def __init__(
        self,
        pipe: dict[str, Any],
        journal: Journal,
        *,
        kinesis: DurableKinesis,
        elsewhere: Callable[[dict[str, Any], list[tuple[str, bytes]]], None],
        tell: Callable[[str, str], None],
        measure: Callable[[str, str, float], None],
    ) -> None:
        super().__init__(daemon=True, name=f"pipe {pipe['Name']}")
        self.pipe, self._journal = pipe, journal
        self._kinesis, self._elsewhere = kinesis, elsewhere
        self._tell, self._measure = tell, measure
        self._stopping = threading.Event()
        self._abandoned = False
        self._log = log_name(pipe["Source"])
        self._at: int | None = None  # the position, as it is in the journal

    def run(self) -> None:
        """Move records until `stop`."""
        while not self._stopping.is_set():
            try:
                batch = self._next()
                if batch:
                    delivery.deliver(batch, self._definition, self)
            except delivery.Stopped:
                return
            except Exception as fault:  # a pipe that ends by a fault would stand still without a word
                logs.event("pipe failed", logging.ERROR, pipe=self.pipe["Name"], fault=repr(fault))
                self._stopping.wait(_IDLE_SECONDS)

    def stop(self) -> None:
        """Have it end after what it is doing."""
        self._stopping.set()
        self._journal.wake()

    def abandon(self) -> None:
        """Have it end and move no position any more; called within the transaction that forgets it."""
        self._abandoned = True
        self.stop()

    # --- what a delivery touches (delivery.Rim)

    def send(self, batch: Sequence[delivery.Change]) -> None:
        definition = self._definition()
        try:
            records = [self._record(definition, one) for one in batch if passes(definition, one.event)]
            if ":kinesis:" not in self.pipe["Target"] and records:
                # Outside of the transaction: what it starts may ask the gateway, which would wait for its end.
                self._elsewhere(self.pipe, records)
                records = []
            with self._journal.transaction():
                if records:
                    self._kinesis.put(self.pipe["Target"], records)
                self._move(batch)
        except (DeliveryError, DefinitionError) as fault:  # a full disk is no fault of the target, and not counted
            raise delivery.TargetError(str(fault)) from fault
        self._measure("Invocations", "Count", 1)
        self._measure("EventCount", "Count", len(batch))

    def give_up(self, batch: Sequence[delivery.Change], condition: str) -> None:
        logs.event("changes given up", logging.ERROR, pipe=self.pipe["Name"], changes=len(batch), condition=condition)
        dead_letters = self._definition().dead_letters
        while dead_letters:
            try:
                self._tell(dead_letters, json.dumps(dead_letter(self.pipe, batch, condition)))
                break
            except Exception as fault:  # the queue may come back; the changes would not
                logs.event("dead letter not sent", logging.ERROR, pipe=self.pipe["Name"], fault=repr(fault))
                self.pause(_IDLE_SECONDS)
        with self._journal.transaction():
            if dead_letters:
                self._hold(batch[0])
            self._move(batch)

    def failed(self, batch: Sequence[delivery.Change], fault: delivery.TargetError) -> None:
        logs.event("pipe delivers not", logging.WARNING, pipe=self.pipe["Name"], changes=len(batch), fault=fault)
        self._measure("Invocations", "Count", 1)
        self._measure("ExecutionFailed", "Count", 1)

    def pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise delivery.Stopped

    def now(self) -> float:
        return time.time()

    # --- inside

    def _next(self) -> list[delivery.Change]:
        """The next batch: full, or as old as the window; empty if there is nothing."""
        definition, log, seen = self._definition(), self._journal.log(self._log), self._journal.commits
        position = max(self._position(log), log.first)
        if log.next <= position:
            self._journal.wait(_IDLE_SECONDS, seen)
            return []
        end = time.monotonic() + definition.window_seconds
        while log.next - position < definition.batch_size and (left := end - time.monotonic()) > 0:
            self.pause(min(left, 0.05))
        found = log.read(position, definition.batch_size, _BATCH_BYTES)
        return [delivery.Change(one.position, one.at, json.loads(one.body), one.body) for one in found]

    def _position(self, log: Log) -> int:
        if self._at is None:
            self._at = self._journal.position(reader(self.pipe["Arn"]), self._log)
        if self._at is None:  # noted at once: the end moves on with what is to be delivered
            with self._journal.transaction():
                start = log.first if self._definition().from_start else log.next
                self._journal.move(reader(self.pipe["Arn"]), self._log, start)
            self._at = start
        return self._at

    def _move(self, batch: Sequence[delivery.Change]) -> None:
        if self._abandoned:
            raise delivery.Stopped
        before, after = self._at, batch[-1].position + 1
        self._journal.move(reader(self.pipe["Arn"]), self._log, after)
        self._journal.on_undo(lambda: setattr(self, "_at", before))
        self._at = after

    def _hold(self, change: delivery.Change) -> None:
        """Have the stream keep what a dead letter is about for as long as AWS does, though the pipe has moved on.

        One reader an hour of arrivals: each is forgotten when the stream has grown older than what it holds.
        """
        name = f"{HELD}{self.pipe['Arn']} {change.at // 3600:.0f}"
        if self._journal.position(name, self._log) is None:
            self._journal.move(name, self._log, change.position)

    def _definition(self) -> Definition:
        return parse(self.pipe)

    def _record(self, definition: Definition, change: delivery.Change) -> tuple[str, bytes]:
        key = partition_key(definition, change.event)
        if not definition.template:
            return key, change.body
        values = [*(self.pipe[name] for name in ("Arn", "Name", "Source", "Target")), _utc(change.at)]
        variables = dict(zip(VARIABLES, [*values, change.event, change.event], strict=True))
        return key, transform(definition.template, change.event, variables).encode()


def dead_letter(pipe: dict[str, Any], batch: Sequence[delivery.Change], condition: str) -> dict[str, Any]:
    """The message about a batch that was given up: where it lies in the stream, not what it holds.

    Args:
        pipe: The pipe.
        batch: Records of one stream.
        condition: Why, as AWS names it.
    """
    first, last = batch[0], batch[-1]
    return {
        "context": {"partnerResourceArn": pipe["Arn"], "condition": condition},
        "version": "1.0",
        "timestamp": _utc(time.time()),
        "DDBStreamBatchInfo": {
            "shardId": _SHARD,
            "startSequenceNumber": first.event["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": last.event["dynamodb"]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": _utc(first.at),
            "approximateArrivalOfLastRecord": _utc(last.at),
            "batchSize": len(batch),
            "streamArn": pipe["Source"],
        },
    }


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
