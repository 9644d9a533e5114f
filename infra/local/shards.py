"""The records of a Kinesis shard on a log of the journal, as the emulator's Kinesis knows records."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any, overload

from infra.local.log import Log, Record

# Fifty-six digits, as AWS's: none begins with a zero, so their text sorts as their value.
_FIRST_NUMBER = 49 * 10**54


def number(position: int) -> str:
    """The sequence number of the record at a position of a shard.

    Example:
        >>> len(number(0)), number(0) < number(9) < number(10)
        (56, True)
    """
    return str(_FIRST_NUMBER + position + 1)


def position_of(sequence: str) -> int:
    """The position of a sequence number.

    Example:
        >>> position_of(number(7))
        7
    """
    return max(int(sequence) - _FIRST_NUMBER - 1, 0)


class ShardRecords(Sequence[dict[str, Any]]):
    """A shard's records as the list that the emulator expects, at the positions of the log: none moves by trimming."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def append(self, record: dict[str, Any]) -> None:
        """Add a record; it gets the log's number."""
        data = record["Data"]
        try:
            body = base64.b64decode(data) if isinstance(data, str) else data
        except ValueError:
            body = data.encode()
        record["SequenceNumber"] = number(self.log.append(record["PartitionKey"], body))

    def __len__(self) -> int:
        return self.log.next

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            return [decoded(one) for one in self.log.read(start, max(stop - start, 0)) if one.position < stop]
        position = range(len(self))[index]
        found = self.log.read(position, 1)
        if found and found[0].position == position:
            return decoded(found[0])
        return {"SequenceNumber": number(position), "ApproximateArrivalTimestamp": 0.0, "Data": "", "PartitionKey": ""}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        position = self.log.first
        while page := self.log.read(position, 1000):
            yield from map(decoded, page)
            position = page[-1].position + 1

    def __bool__(self) -> bool:
        return self.log.next > self.log.first


def decoded(record: Record) -> dict[str, Any]:
    """A record as the emulator knows it."""
    return {
        "SequenceNumber": number(record.position),
        "ApproximateArrivalTimestamp": round(record.at, 3),
        "Data": base64.b64encode(record.body).decode("ascii"),
        "PartitionKey": record.key,
    }
