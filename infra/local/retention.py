"""How long the journal keeps stream records: a day or as long as a stream says, and less once all readers have them.

Of what all readers have moved on, the newest `KEPT` are kept for those who look without a name (GetRecords): the
journal of a day would else be many times the lake that it fed. A dead letter holds the stream from its changes on.
"""

import asyncio
import contextlib
import logging
import time
from typing import Any

from infra.local.dynamodb.streams import RETENTION_SECONDS, DurableStreams
from infra.local.journal import Journal, WriteError
from infra.local.log import Log
from infra.local.pipes.runner import HELD
from lakehouse import logs

KEPT = 20_000
STEP = 5_000
_SECONDS = 1.0


class Retention:
    """Trims the logs, a step at a time.

    Args:
        journal: Of the logs.
        streams: Of the tables.
        kinesis: The emulator's Kinesis module, which knows how long a stream keeps.
    """

    def __init__(self, journal: Journal, streams: DurableStreams, kinesis: Any) -> None:
        self._journal, self._streams, self._kinesis = journal, streams, kinesis
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Trim again and again."""
        self._task = asyncio.create_task(self._trim_for_ever())

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()

    def trim(self, now: float) -> bool:
        """Trim each log by one step; whether there is more."""
        more = False
        for name in self._journal.logs():
            log = self._journal.log(name)
            end = self.end(log, now)
            if end > log.first:
                log.trim(min(end, log.first + STEP))
                self._journal.forget_before(HELD, name, log.first)  # what it held is older than the stream keeps
                more = more or end > log.first
        self._streams.forget_closed()
        return more

    def end(self, log: Log, now: float) -> int:
        """The position before which nothing has to be kept."""
        read = self._journal.read_by_all(log.name)
        if log.name.startswith("put:"):
            return read or 0
        oldest = log.read(log.first, 1)
        aged = log.first
        if oldest and oldest[0].at < now - self._seconds(log.name):
            aged = log.older_than(now - self._seconds(log.name))
        return max(aged, min(read, log.next - KEPT) if read is not None else 0)

    def _seconds(self, name: str) -> float:
        if name.startswith("kinesis:"):
            arn = name.removeprefix("kinesis:").rpartition("/")[0]
            for stream in list(self._kinesis._streams._data.values()):
                if stream["StreamARN"] == arn:
                    return float(stream["RetentionPeriodHours"]) * 3600
        return float(RETENTION_SECONDS)

    async def _trim_for_ever(self) -> None:
        while True:
            more = False
            with contextlib.suppress(RuntimeError):  # another thread changed a stream meanwhile
                try:
                    more = self.trim(time.time())
                except WriteError as fault:
                    logs.event("records not trimmed", logging.ERROR, fault=fault)
            await asyncio.sleep(0.02 if more else _SECONDS)
