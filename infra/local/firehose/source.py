"""What a delivery stream reads: the logs of its Kinesis stream's shards, or of what was put into it, by cursors.

A cursor is in memory and ahead of the position, which moves once what was read is delivered.
"""

from collections.abc import Iterator
from typing import Any

from infra.local.firehose.puts import log_name
from infra.local.journal import Journal
from infra.local.log import Record

_READ = 500


def reader(stream_arn: str) -> str:
    """The name under which a delivery stream's positions are kept.

    Example:
        >>> reader("arn:aws:firehose:eu-west-1:000000000000:deliverystream/s")
        'firehose:arn:aws:firehose:eu-west-1:000000000000:deliverystream/s'
    """
    return f"firehose:{stream_arn}"


def source(stream: dict[str, Any]) -> str:
    """What the names of the logs of a delivery stream's source begin with: Kinesis's shards, or its own puts."""
    if stream["type"] == "KinesisStreamAsSource":
        return f"kinesis:{stream['kinesis_source']['KinesisStreamARN']}/"
    return log_name(stream["arn"])


class Source:
    """The logs of a delivery stream's source, each read from its position on.

    Args:
        stream: The emulator's record of the delivery stream.
        journal: Where logs and positions are.
    """

    def __init__(self, stream: dict[str, Any], journal: Journal) -> None:
        self._reader, self._prefix, self._journal = reader(stream["arn"]), source(stream), journal
        self._cursors: dict[str, int] = {}

    def restart(self) -> None:
        """Begin again at the positions."""
        self._cursors.clear()

    def reached(self) -> dict[str, int]:
        """By log, the position behind what was read."""
        return dict(self._cursors)

    def move(self, reached: dict[str, int]) -> None:
        """Move the positions, within a transaction."""
        for name, cursor in reached.items():
            self._journal.move(self._reader, name, cursor)

    def has_more(self) -> bool:
        """Whether there is something that was not read."""
        return any(self._journal.log(name).next > self._cursor(name) for name in self._logs())

    def read(self, limit: int) -> Iterator[Record]:
        """Records that were not read yet, from log after log, until there are `limit` bytes of them."""
        size = 0
        for name in self._logs():
            log = self._journal.log(name)
            while size < limit and log.next > self._cursor(name):
                found = log.read(self._cursor(name), _READ, limit - size)
                if not found:
                    break
                for record in found:
                    if size >= limit:
                        return
                    size += len(record.body)
                    self._cursors[name] = record.position + 1
                    yield record._replace(key=f"{name[-4:]}-{record.position}")

    def _logs(self) -> list[str]:
        return [name for name in self._journal.logs() if name.startswith(self._prefix)]

    def _cursor(self, name: str) -> int:
        if name not in self._cursors:
            position = self._journal.position(self._reader, name)
            if position is None:  # a new shard; noted, so that no one trims what this one has not read
                self._journal.move(self._reader, name, 0)
            self._cursors[name] = position or 0
        return self._cursors[name]
