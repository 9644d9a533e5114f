"""Plans and results of batches, as they lie in the bucket: what a batch is to read, and what became of it.

A plan is created once and never changed; a batch is its plan, whoever runs it and however often.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from lakehouse import places
from lakehouse.tables import OUTCOMES
from spark_jobs.lags import Spread


@dataclass(frozen=True)
class BronzeObject:
    """A bronze object: its key and the ETag of the version that was found.

    `size` is in bytes, `landed_at` S3's time of the object in seconds since 1970.
    """

    key: str
    etag: str
    size: int
    landed_at: float | None = None

    @property
    def source(self) -> str:
        """Kafka or dynamodb."""
        return places.source_of(self.key)


@dataclass(frozen=True)
class Plan:
    """What a batch reads and against what.

    Args:
        generation: The generation of plans it belongs to.
        batch_id: From 1, one more for every batch of the generation.
        source: kafka or dynamodb.
        objects: What to read.
        silver_version: The version of silver.order_lines its outcomes are counted against.
        expired_sequence: By source, the highest sequence of a tombstone that has expired.
        planned_at: Seconds since 1970.
    """

    generation: int
    batch_id: int
    source: str
    objects: tuple[BronzeObject, ...]
    silver_version: int
    expired_sequence: dict[str, str]
    planned_at: float

    def to_json(self) -> bytes:
        """The object's text."""
        return _dump(self)

    @classmethod
    def from_json(cls, text: bytes) -> "Plan":
        """Read the object's text."""
        document = json.loads(text)
        objects = tuple(BronzeObject(**entry) for entry in document.pop("objects"))
        return cls(objects=objects, **document)


@dataclass(frozen=True)
class ReadObject:
    """What a bronze object turned out to hold.

    `status` is read, corrupt or missing; `first` and `last` are Kafka offsets, None where there is none; `outcomes`
    counts rows by outcome; `newest_at` is the newest change's time at the source, `landed_at` S3's time of the object,
    both in seconds since 1970; `spreads` are the times of the applied changes at the source.
    """

    key: str
    etag: str
    status: str
    rows: int = 0
    first: int | None = None
    last: int | None = None
    outcomes: dict[str, int] = field(default_factory=dict)
    newest_at: float | None = None
    landed_at: float | None = None
    spreads: tuple[Spread, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of a batch. `committed_at` in seconds since 1970."""

    generation: int
    batch_id: int
    source: str
    objects: tuple[ReadObject, ...]
    silver_version: int
    planned_at: float
    committed_at: float

    @property
    def outcomes(self) -> dict[str, int]:
        """Rows by outcome, over all objects; every outcome is there."""
        return {name: sum(read.outcomes.get(name, 0) for read in self.objects) for name in OUTCOMES}

    @property
    def rows(self) -> int:
        """Rows read."""
        return sum(read.rows for read in self.objects)

    def to_json(self) -> bytes:
        """The object's text."""
        return _dump(self)

    @classmethod
    def from_json(cls, text: bytes) -> "Result":
        """Read the object's text."""
        document = json.loads(text)
        objects = tuple(_read_object(entry) for entry in document.pop("objects"))
        return cls(objects=objects, **document)


def _read_object(entry: dict[str, Any]) -> ReadObject:
    return ReadObject(**{**entry, "spreads": tuple(Spread(*spread) for spread in entry.get("spreads", ()))})


def _dump(record: Any) -> bytes:
    return json.dumps(asdict(record), separators=(",", ":")).encode()
