"""Messages as bronze objects, cut and named as the sink does it; nothing here reads or writes a bucket."""

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable

from generator.steps import Message
from lakehouse.places import TOPIC, KafkaObject

PARTITIONS = 4
TOPIC_ID = "benchmarkAAAAAAAAAAAAA"


class Sink:
    """Cuts messages into objects; offsets go on from one call to the next."""

    def __init__(self) -> None:
        self._ends = [0] * PARTITIONS

    def objects(self, messages: Iterable[Message], rows: int = 50_000) -> dict[str, bytes]:
        """The objects that hold the messages, by key.

        Args:
            messages: In order of delivery; those of a key go to one partition.
            rows: At most so many in an object.
        """
        lines: dict[int, list[str]] = defaultdict(list)
        for message in messages:
            partition = zlib.crc32(message.key) % PARTITIONS
            lines[partition].append(_line(message, partition, self._ends[partition] + len(lines[partition])))
        found = {}
        for partition, texts in lines.items():
            for first in range(0, len(texts), rows):
                key = KafkaObject(TOPIC, TOPIC_ID, partition, self._ends[partition] + first).key
                found[key] = gzip.compress("".join(texts[first : first + rows]).encode(), 3, mtime=0)
            self._ends[partition] += len(texts)
        return found


def _line(message: Message, partition: int, offset: int) -> str:
    record = {
        "topic": TOPIC,
        "partition": partition,
        "offset": offset,
        "timestamp": message.lsn,
        "key": message.key.decode(),
        "headers": [],
        # a few malformed ones are not UTF-8, which the sink writes otherwise; here they stay malformed
        "value": None if message.value is None else message.value.decode(errors="replace"),
    }
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
