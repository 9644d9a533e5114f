"""What a run tells those who started it: its progress while it goes on, and a summary at its end."""

from collections.abc import Callable
from dataclasses import dataclass, field

from lakehouse.places import KAFKA

Report = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done and of how much in all, None if that is open."""

Stop = Callable[[], bool]
"""Asked between two blocks of messages: whether to come to an orderly end now."""


def silent(_what: str, _done: int, _total: int | None) -> None:
    """Report nothing."""


def never() -> bool:
    """Do not stop."""
    return False


@dataclass(frozen=True)
class Summary:
    """What a run sent.

    Args:
        shop: replay or simulate.
        steps: The shop's changes before noise: for a replay, order lines.
        messages: Messages of the whole run, those sent before an interruption included.
        kinds: The same by the reason they were sent.
        delayed: Changes among them that were delivered after younger ones.
        resumed_at: Messages that an interrupted run had confirmed before; 0 for a new run.
        seconds: How long this process took for its part.
        first_lsn: The run's lowest lsn.
        last_lsn: The run's highest lsn.
        topic_id: Kafka's id of the topic, or DynamoDB's of the table.
        ends: The topic's end offset by partition, after the last message.
        client: The Kafka client used.
        sink: kafka or dynamodb.
        stopped: Whether it came to an early end because it was asked to; a replay then goes on when run again.
    """

    shop: str
    steps: int
    messages: int
    kinds: dict[str, int]
    delayed: int
    resumed_at: int
    seconds: float
    first_lsn: int
    last_lsn: int
    topic_id: str
    client: str
    ends: dict[int, int] = field(default_factory=dict)
    stopped: bool = False
    sink: str = KAFKA

    @property
    def sent(self) -> int:
        """Messages this process sent."""
        return self.messages - self.resumed_at

    @property
    def rate(self) -> float:
        """Messages a second that this process sent."""
        return self.sent / self.seconds if self.seconds else 0.0

    @property
    def malformed(self) -> int:
        """Messages that silver must reject."""
        return sum(count for kind, count in self.kinds.items() if kind.startswith("malformed:"))

    @property
    def nulls(self) -> int:
        """Messages without a value: the tombstones after deletes, and stray ones."""
        return self.kinds.get("tombstone", 0) + self.kinds.get("null_value", 0)
