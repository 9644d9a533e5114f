"""Puts the runners in the place of the emulator's delivery of one object per record.

What is replaced stands in `install`, and nowhere else.
"""

import asyncio
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from infra.local.firehose.checks import DefinitionError, check
from infra.local.firehose.function import invoke
from infra.local.firehose.puts import S3, Puts, log_name
from infra.local.firehose.runner import Runner
from infra.local.firehose.source import reader, source
from infra.local.journal import Journal

Answer = tuple[int, dict[str, str], Any]
Stream = dict[str, Any]
_LOOK_SECONDS = 0.5
_PUT_SECONDS = 60.0
_DESCRIBED = ("FileExtension", "CustomTimeZone")


class Deliveries:
    """The delivery streams of the gateway and the threads that run them.

    Args:
        firehose: The emulator's module.
        journal: Where sources and positions are.
    """

    def __init__(self, firehose: Any, journal: Journal) -> None:
        self._firehose, self._journal = firehose, journal
        self._runners: dict[str, Runner] = {}
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watch = threading.Thread(target=self._look, daemon=True, name="firehose")

    async def start(self) -> None:
        """Run what is to run, now and after every change."""
        self._loop = asyncio.get_running_loop()
        self._watch.start()

    async def stop(self) -> None:
        """Stop all; what is in the buffers is delivered first."""
        self._stopping.set()
        self._changed.set()
        await asyncio.get_running_loop().run_in_executor(None, self._join)

    # --- in place of the emulator's functions

    def create(self, emulated: Callable[[Stream], Answer]) -> Callable[[Stream], Answer]:
        """CreateDeliveryStream, which refuses what could not run and notes where it begins to read."""

        @functools.wraps(emulated)
        def create(data: Stream) -> Answer:
            kind, given = self._firehose._resolve_dest_type_and_config(data)
            fault = _contradiction(given) if kind in S3 and given else ""
            if fault:
                return self._firehose._invalid(fault)
            answer = emulated(data)
            if answer[0] == 200:
                self._begin(self._firehose._streams[data["DeliveryStreamName"]])
                self._changed.set()
            return answer

        return create

    def update(self, emulated: Callable[[Stream], Answer]) -> Callable[[Stream], Answer]:
        """UpdateDestination, which refuses what could not run."""

        @functools.wraps(emulated)
        def update(data: Stream) -> Answer:
            kind, given = self._firehose._resolve_dest_update_config(data)
            stream = self._firehose._streams.get(data.get("DeliveryStreamName", ""))
            if stream and stream["destinations"] and kind in S3 and given:
                fault = _contradiction({**stream["destinations"][0]["config"], **given})
                if fault:
                    return self._firehose._invalid(fault)
            return emulated(data)

        return update

    def delete(self, emulated: Callable[[Stream], Answer]) -> Callable[[Stream], Answer]:
        """DeleteDeliveryStream, which forgets positions and what was put."""

        @functools.wraps(emulated)
        def delete(data: Stream) -> Answer:
            stream = self._firehose._streams.get(data.get("DeliveryStreamName", ""))
            answer = emulated(data)
            if answer[0] == 200 and stream:
                with self._journal.transaction():
                    if runner := self._runners.get(stream["arn"]):
                        runner.abandon()
                    self._journal.forget(reader(stream["arn"]))
                    if (name := log_name(stream["arn"])) in self._journal.logs():
                        self._journal.drop_log(name)
            return answer

        return delete

    def describe(self, emulated: Callable[[Stream], Stream]) -> Callable[[Stream], Stream]:
        """A destination's description with all that is honoured."""

        @functools.wraps(emulated)
        def describe(destination: Stream) -> Stream:
            described = emulated(destination)
            given = destination["config"]
            for name, inner in described.items():
                if name.endswith("S3DestinationDescription"):
                    inner.update({one: given[one] for one in _DESCRIBED if given.get(one)})
            return described

        return describe

    # --- inside

    def _begin(self, stream: Stream) -> None:
        """Firehose begins a Kinesis stream at its end."""
        with self._journal.transaction():
            for name in self._journal.logs():
                if name.startswith(source(stream)):
                    self._journal.move(reader(stream["arn"]), name, self._journal.log(name).next)

    def _look(self) -> None:
        while not self._stopping.is_set():
            wanted = {
                stream["arn"]: (account, region, stream)
                for (account, region, _), stream in list(self._firehose._streams._data.items())
                if stream["destinations"] and stream["destinations"][0]["type"] in S3
            }
            for arn, one in list(self._runners.items()):
                if arn not in wanted or wanted[arn][2] is not one.stream:  # deleted, or deleted and made again
                    one.stop()
                if not one.is_alive():
                    del self._runners[arn]
            for arn, (account, region, stream) in wanted.items():
                # One that is to stop is waited for: two would move the same positions.
                if arn not in self._runners and not self._stopping.is_set():
                    self._runners[arn] = self._runner(account, region, stream)
                    self._runners[arn].start()
            self._changed.wait(_LOOK_SECONDS)
            self._changed.clear()

    def _join(self) -> None:
        self._watch.join(1)
        for runner in list(self._runners.values()):
            runner.stop()
        for runner in list(self._runners.values()):
            runner.join(3)

    def _runner(self, account: str, region: str, stream: Stream) -> Runner:
        from ministack.core.responses import request_scope  # noqa: PLC0415
        from ministack.services import cloudwatch  # noqa: PLC0415

        def scoped(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any) -> Any:
                with request_scope(account, region):
                    return function(*args)

            return call

        def evaluate(prefix: str, at: float, error: str) -> str:
            moment = self._moment(stream, at)
            return str(self._firehose._evaluate_prefix(prefix, moment, error_type=error or None))

        def measure(name: str, unit: str, value: float) -> None:
            cloudwatch.record_metric("AWS/Firehose", name, value, unit, {"DeliveryStreamName": stream["name"]})

        return Runner(
            stream,
            self._journal,
            invoke=scoped(invoke),
            put=scoped(self._put_object),
            evaluate=evaluate,
            measure=scoped(measure),
        )

    def _moment(self, stream: Stream, at: float) -> time.struct_time:
        from datetime import datetime  # noqa: PLC0415
        from zoneinfo import ZoneInfo  # noqa: PLC0415

        zone = stream["destinations"][0]["config"].get("CustomTimeZone") or "UTC"
        return datetime.fromtimestamp(at, ZoneInfo(zone)).timetuple()

    def _put_object(self, bucket: str, key: str, body: bytes) -> None:
        from ministack.services import s3  # noqa: PLC0415

        headers = {
            "content-type": "application/octet-stream",
            "content-length": str(len(body)),
            "host": "s3.localhost",
        }
        loop = self._loop
        if loop is None:
            raise RuntimeError("the gateway has not started")
        request = s3.handle_request("PUT", f"/{bucket}/{key}", headers, body, {}, internal=True)
        status, _, answer = asyncio.run_coroutine_threadsafe(request, loop).result(_PUT_SECONDS)
        if status != 200:
            raise RuntimeError(f"S3 answers {status}: {answer[:200]!r}")


def _contradiction(given: Stream) -> str:
    try:
        check(given)
    except DefinitionError as fault:
        return str(fault)
    return ""


def install(journal: Journal) -> Deliveries:
    """Run delivery streams by threads of ours. Once in a process, before the first request."""
    # Imported here: the emulator reads its environment when it is imported.
    from ministack.services import firehose  # noqa: PLC0415

    running, puts = Deliveries(firehose, journal), Puts(firehose, journal)
    for operation, name, wrap in (
        ("CreateDeliveryStream", "_create_delivery_stream", running.create),
        ("DeleteDeliveryStream", "_delete_delivery_stream", running.delete),
        ("UpdateDestination", "_update_destination", running.update),
        ("PutRecord", "_put_record", puts.one),
        ("PutRecordBatch", "_put_record_batch", puts.many),
    ):
        wrapped = wrap(getattr(firehose, name))
        setattr(firehose, name, wrapped)
        firehose._HANDLERS[operation] = wrapped
    firehose._dest_description = running.describe(firehose._dest_description)
    return running
