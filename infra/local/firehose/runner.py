"""The thread of a delivery stream: reads its source's logs, transforms, buffers, writes objects, moves its positions.

The log is the buffer that survives: a position moves only after S3 has the object, so a kill repeats records and loses
none. In memory there is the object that grows and one batch of the function.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from infra.local.firehose import transform as transforming
from infra.local.firehose.definition import Compressed, Destination, parse
from infra.local.firehose.source import Source
from infra.local.firehose.transform import Arrived, Failed, InvocationError, Invoke, Outcome
from infra.local.journal import Journal
from lakehouse import logs

_IDLE_SECONDS = 0.5
_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_BATCH_BYTES = 4 * 2**20  # of a batch that no function transforms


class Stopped(Exception):  # noqa: N818  (no error: the delivery stream is to stop)
    """The delivery stream is to stop."""


class Runner(threading.Thread):
    """Delivers the records of one delivery stream until it is stopped.

    Args:
        stream: The emulator's record of it; read anew for each batch.
        journal: Where source and positions are.
        invoke: Calls a function by ARN with an event; InvocationError if it did not answer.
        put: Writes an object (bucket, key, body); any exception if S3 did not take it.
        evaluate: Evaluates a prefix at a time, for a kind of error or none.
    """

    def __init__(
        self,
        stream: dict[str, Any],
        journal: Journal,
        *,
        invoke: Callable[[str, dict[str, Any]], Any],
        put: Callable[[str, str, bytes], None],
        evaluate: Callable[[str, float, str], str],
        measure: Callable[[str, str, float], None],
    ) -> None:
        super().__init__(daemon=True, name=f"firehose {stream['name']}")
        self.stream, self._journal = stream, journal
        self._invoke, self._put, self._evaluate, self._measure = invoke, put, evaluate, measure
        self._stopping = threading.Event()
        self._abandoned = False
        self._source = Source(stream, journal)
        self._forget()

    def run(self) -> None:
        """Deliver until `stop`, and then what is in the buffer."""
        while not self._stopping.is_set():
            try:
                self._step()
            except Stopped:
                break
            except Exception as fault:  # begin again at the positions: nothing is lost, something may come twice
                logs.event("delivery failed", logging.ERROR, stream=self.stream["name"], fault=repr(fault))
                self._forget()
                self._stopping.wait(_IDLE_SECONDS)
        try:
            self._flush(self._destination())
        except Exception as fault:
            logs.event("last delivery failed", logging.WARNING, stream=self.stream["name"], fault=repr(fault))

    def stop(self) -> None:
        """Have it end."""
        self._stopping.set()
        self._journal.wake()

    def abandon(self) -> None:
        """Have it end and move no position any more; called within the transaction that forgets them."""
        self._abandoned = True
        self.stop()

    # --- inside

    def _forget(self) -> None:
        """Begin anew: nothing is buffered, the positions are where they were committed."""
        self._source.restart()
        self._reached: dict[str, int] = {}  # the cursors behind what is in the buffer
        self._good: Compressed | None = None
        self._bad: list[bytes] = []
        self._bad_bytes = 0
        self._oldest = 0.0  # arrival of the oldest record in the buffer
        self._since = 0.0  # when the buffer began, monotonic

    def _step(self) -> None:
        destination = self._destination()
        batch = self._collect(destination)
        if batch:
            self._buffer(destination, batch)
        if self._is_due(destination):
            self._flush(destination)

    def _collect(self, destination: Destination) -> list[Arrived]:
        """The next batch for the function: as large or as old as it wants them, or less if the buffer is due."""
        batch: list[Arrived] = []
        limit = destination.function_bytes if destination.function else min(destination.buffer_bytes, _BATCH_BYTES)
        size, begin = 0, time.monotonic()
        while not self._stopping.is_set():
            seen = self._journal.commits
            for record in self._source.read(limit - size):
                batch.append(Arrived(record.key, record.at, record.body))
                size += len(record.body)
            waits = destination.function_seconds if destination.function else 0.0
            left = begin + waits - time.monotonic()
            if size >= limit or (batch and left <= 0):
                break
            if not batch:
                if self._is_due(destination):
                    break
                self._journal.wait(min(_IDLE_SECONDS, self._until_due(destination)), seen)
                begin = time.monotonic()
                if not self._source.has_more():
                    break
            else:
                self._stopping.wait(min(0.02, left))
        return batch

    def _buffer(self, destination: Destination, batch: list[Arrived]) -> None:
        outcome = self._transform(destination, batch)
        if self._good is None:
            self._good, self._since = Compressed(destination), time.monotonic()
        self._oldest = min(self._oldest or batch[0].at, *(one.at for one in batch))
        self._good.add(outcome.delivered)
        ended_at = time.time()
        for failed in outcome.failed:
            line = transforming.failure_line(failed, ended_at=ended_at, function=destination.function)
            self._bad.append(line)
            self._bad_bytes += len(line)
        self._reached = self._source.reached()

    def _transform(self, destination: Destination, batch: list[Arrived]) -> Outcome:
        """The batch by the function, which is called again when it fails; without one, as it is."""
        if not destination.function:
            return Outcome([one.data for one in batch], [])

        def ask(records: Sequence[Arrived]) -> dict[str, Any]:
            region = self.stream["arn"].split(":")[3]
            return transforming.event(
                records, stream_arn=self.stream["arn"], region=region, invocation=str(uuid.uuid4())
            )

        invoke: Invoke = lambda event: self._invoke(destination.function, event)  # noqa: E731
        pause = _PAUSE_SECONDS
        for attempt in range(1, destination.function_retries + 2):
            try:
                outcome = transforming.transform(batch, ask, invoke)
                self._log_failures(outcome.failed)
                self._measure("SucceedProcessing.Records", "Count", len(outcome.delivered))
                return outcome
            except InvocationError as fault:
                logs.event("transform failed", logging.WARNING, stream=self.stream["name"], attempt=attempt,
                           records=len(batch), code=fault.code, fault=fault)  # fmt: skip
                last = fault
            if attempt <= destination.function_retries:
                self._pause(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        outcome = transforming.all_failed(batch, last, destination.function_retries + 1)
        self._log_failures(outcome.failed)
        return outcome

    def _log_failures(self, failed: list[Failed]) -> None:
        if failed:
            logs.event("records failed", logging.WARNING, stream=self.stream["name"], records=len(failed),
                       code=failed[0].code)  # fmt: skip

    def _is_due(self, destination: Destination) -> bool:
        if self._good is None:
            return False
        return self._good.size + self._bad_bytes >= destination.buffer_bytes or self._until_due(destination) <= 0

    def _until_due(self, destination: Destination) -> float:
        """Seconds until the buffer is old enough; long if it is empty."""
        return _IDLE_SECONDS if self._good is None else self._since + destination.buffer_seconds - time.monotonic()

    def _flush(self, destination: Destination) -> None:
        """Write the objects, then move the positions."""
        if self._good is None:
            return
        good, oldest = self._good, self._oldest
        if good.records:
            body = good.body()
            self._write(destination.bucket, self._key(destination, destination.prefix, oldest), body)
            self._measure("DeliveryToS3.Bytes", "Bytes", len(body))
            self._measure("DeliveryToS3.Records", "Count", good.records)
            self._measure("DeliveryToS3.DataFreshness", "Seconds", time.time() - oldest)
        if self._bad:
            bad = Compressed(destination)
            bad.add([line + (b"" if destination.delimiter else b"\n") for line in self._bad])
            prefix = destination.error_prefix or f"{destination.prefix}processing-failed/"
            key = self._key(destination, prefix, oldest, "processing-failed")
            self._write(destination.bucket, key, bad.body())
        with self._journal.transaction():
            if not self._abandoned:
                self._source.move(self._reached)
        self._good, self._bad, self._bad_bytes, self._oldest = None, [], 0, 0.0

    def _key(self, destination: Destination, prefix: str, at: float, error: str = "") -> str:
        moment = time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime(at))
        name = f"{self.stream['name']}-{self.stream['version']}-{moment}-{uuid.uuid4()}"
        return f"{self._evaluate(prefix, at, error)}{name}{destination.extension}"

    def _write(self, bucket: str, key: str, body: bytes) -> None:
        """Write an object, again and again until S3 takes it; what the source brings meanwhile waits in its log."""
        pause = _PAUSE_SECONDS
        while True:
            try:
                self._put(bucket, key, body)
                return
            except Exception as fault:
                logs.event("object not delivered", logging.WARNING, stream=self.stream["name"], key=key, fault=fault)
                self._measure("DeliveryToS3.Success", "Count", 0)
            self._pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Stopped

    def _destination(self) -> Destination:
        return parse(self.stream["destinations"][0]["config"])
