"""How far silver and gold have come, as the Spark driver last said: the object `ops/progress.json`.

It is a report, not a ledger: written after every batch, read by those who wait or watch, and lost without harm.
"""

import json
from dataclasses import asdict, dataclass, field

from lakehouse.activity import Activity


@dataclass(frozen=True)
class Progress:
    """What gold holds.

    Args:
        generation: The generation of plans in force.
        batch_id: The last batch whose rows are in gold; 0 for none.
        at: When this was written, seconds since 1970, by the driver's clock.
        next_offsets: By topic id, then partition (as text): the first offset that is not yet in gold.
        rows: By outcome, and `rows_read`: totals of the generation so far.
        silver_version: The version of silver.order_lines that gold shows.
        gold_version: gold.daily_sales' version.
        pending_objects: Bronze objects found and not yet in gold.
        activity: What the driver has been doing; None from one of an earlier version.
        firehose_ends: By root in bronze, the last key of Firehose's that is in gold.
    """

    generation: int = 0
    batch_id: int = 0
    at: float = 0.0
    next_offsets: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    silver_version: int = -1
    gold_version: int = -1
    pending_objects: int = 0
    activity: Activity | None = None
    firehose_ends: dict[str, str] = field(default_factory=dict)

    def covers(self, topic_id: str, ends: dict[int, int]) -> bool:
        """Whether gold has every offset below `ends`, a topic's end offset by partition.

        Example:
            >>> Progress(next_offsets={"t": {"0": 5}}).covers("t", {0: 5, 1: 0})
            True
        """
        reached = self.next_offsets.get(topic_id, {})
        return all(reached.get(str(partition), 0) >= end for partition, end in ends.items())

    def to_json(self) -> str:
        """The object's text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Progress":
        """Read the object's text; fields this version does not know are left out."""
        document = json.loads(text)
        given = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        if given.get("activity") is not None:
            given["activity"] = Activity.from_document(given["activity"])
        return cls(**given)
