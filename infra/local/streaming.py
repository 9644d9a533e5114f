"""The second way in as one thing: journal, DynamoDB, Kinesis, pipes and Firehose, started and stopped together."""

from pathlib import Path

from infra.local import control, kinesis, retention
from infra.local.dynamodb import install as dynamodb
from infra.local.firehose import install as firehose
from infra.local.journal import Journal
from infra.local.pipes import install as pipes


class Streaming:
    """What `install` put under the emulator, for start and stop.

    Args:
        path: The journal's file.
    """

    def __init__(self, path: Path) -> None:
        from ministack.services import kinesis as emulated  # noqa: PLC0415  (reads its environment on import)

        self._journal = Journal(path)
        streams = dynamodb.install(self._journal)
        durable = kinesis.install(self._journal)
        self._parts = (
            control.install(self._journal),
            pipes.install(self._journal, durable),
            firehose.install(self._journal),
            retention.Retention(self._journal, streams, emulated),
        )

    async def start(self) -> None:
        """Begin to move records; the emulator has loaded what it knows."""
        for part in self._parts:
            await part.start()

    async def stop(self) -> None:
        """Stop moving; what is buffered is delivered."""
        for part in reversed(self._parts):
            await part.stop()


def install(folder: Path) -> Streaming:
    """Put the journal in a folder under the emulator. Once in a process, before the first request."""
    return Streaming(folder / "journal.sqlite")
