"""The second way in as one thing: journal, DynamoDB, Kinesis, pipes and Firehose, started and stopped together."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infra.local import control, kinesis, retention
from infra.local.control import Handler
from infra.local.dynamodb import install as dynamodb
from infra.local.firehose import install as firehose
from infra.local.journal import Journal
from infra.local.pipes import install as pipes
from infra.local.plugin import Answer, Query


class Streaming:
    """What `install` put under the emulator, for start and stop.

    Args:
        path: The journal's file.
        hooks: What else is done to CloudFormation when it is loaded, after all of the journal's.
    """

    def __init__(self, path: Path, hooks: Sequence[Callable[[Any], None]] = ()) -> None:
        from ministack.services import kinesis as emulated  # noqa: PLC0415  (reads its environment on import)

        self._journal = Journal(path)
        streams, of_tables = dynamodb.install(self._journal)
        durable, of_streams = kinesis.install(self._journal)
        saved, of_events = control.install(self._journal)
        running, of_pipes = pipes.install(self._journal, durable)
        delivering = firehose.install(self._journal)
        self._parts = (saved, running, delivering, retention.Retention(self._journal, streams, emulated))
        _when_asked((of_tables, of_streams, of_events, of_pipes, *hooks))

    async def start(self) -> None:
        """Begin to move records; the emulator has loaded what it knows."""
        for part in self._parts:
            await part.start()

    async def stop(self) -> None:
        """Stop moving; what is buffered is delivered."""
        for part in reversed(self._parts):
            await part.stop()


def _when_asked(hooks: Sequence[Callable[[Any], None]]) -> None:
    """Hook into CloudFormation with its first request: it takes 40 MB and a fifth of a second to load."""
    from ministack import app  # noqa: PLC0415  (reads its environment on import)

    waiting = list(hooks)

    def hooked(inner: Handler) -> Handler:
        async def handle(method: str, path: str, headers: dict[str, str], body: Any, query: Query) -> Answer:
            if waiting:
                from ministack.services.cloudformation import provisioners  # noqa: PLC0415

                while waiting:
                    waiting.pop(0)(provisioners)
            return await inner(method, path, headers, body, query)

        return handle

    for service in ("cloudformation", "cloudcontrol"):
        app.SERVICE_HANDLERS[service] = hooked(app.SERVICE_HANDLERS[service])


def install(folder: Path, *hooks: Callable[[Any], None]) -> Streaming:
    """Put the journal in a folder under the emulator. Once in a process, before the first request."""
    return Streaming(folder / "journal.sqlite", hooks)
