"""Where everything lies in the bucket: table paths, bronze prefixes, plans, results and state.

One function or constant per place; no other module spells a key of the bucket.
"""

from dataclasses import dataclass
from datetime import date

from lakehouse.errors import ContractError

TABLE = "order_lines"
TOPIC = "shop.public.order_lines"
CONNECTOR = "saleslake-bronze"

KAFKA, DYNAMODB = SOURCES = ("kafka", "dynamodb")
BRONZE_KAFKA = f"bronze/{TABLE}/kafka/"
BRONZE_DYNAMODB = f"bronze/{TABLE}/dynamodb/"
ERRORS = f"errors/{TABLE}/"
RESYNC, REDRIVE = "0-resync-", "0-redrive-"
"""What the names of objects of ours begin with: before Firehose's of the day, whose last key says how far it is."""
GENERATION = "ops/generation.json"
MAPPING = "ops/mapping.json"
PROGRESS = "ops/progress.json"
LEASE = "ops/lease.json"
STAGING = "staging/"
ATHENA = "athena/"  # results of queries
CODE = "code/"  # packages and definitions that stacks are deployed from, by digest


def root_of(key: str) -> str:
    """Under which of the three prefixes of bronze, what Firehose gave up among them, a key lies."""
    return next((root for root in (BRONZE_KAFKA, BRONZE_DYNAMODB, ERRORS) if key.startswith(root)), "")


def source_of(key: str) -> str:
    """Which source an object of bronze comes from."""
    return KAFKA if root_of(key) == BRONZE_KAFKA else DYNAMODB


def prefix_of(key: str) -> str:
    """The folder an object lies in.

    Example:
        >>> prefix_of("bronze/order_lines/dynamodb/date=2026-11-29/a.gz")
        'bronze/order_lines/dynamodb/date=2026-11-29/'
    """
    return key.rpartition("/")[0] + "/"


def is_dated(prefix: str) -> bool:
    """Whether a folder is one that Firehose names for a day."""
    return prefix.rstrip("/").rpartition("/")[2].startswith("date=")


def dated(root: str, day: date) -> str:
    """The folder of a day under a root, as Firehose names it."""
    return f"{root}date={day.isoformat()}/"


def table_url(bucket: str, layer: str, name: str, generation: int | None = None) -> str:
    """The location of a table; of its staged copy while a generation is being rebuilt."""
    return (
        f"s3://{bucket}/{layer}/{name}" if generation is None else f"s3://{bucket}/{STAGING}{generation}/{layer}/{name}"
    )


def plans(generation: int) -> str:
    """Prefix of a generation's plans, one object a batch."""
    return f"ops/plans/{generation}/"


def plan(generation: int, batch_id: int) -> str:
    """Key of the plan of a batch."""
    return f"{plans(generation)}{batch_id:020d}.json"


def results(generation: int) -> str:
    """Prefix of a generation's results, one object a finished batch."""
    return f"ops/results/{generation}/"


def result(generation: int, batch_id: int) -> str:
    """Key of the result of a batch."""
    return f"{results(generation)}{batch_id:020d}.json"


def checkpoints(generation: int) -> str:
    """Prefix of a generation's checkpoints of the ledger."""
    return f"ops/checkpoints/{generation}/"


def checkpoint(generation: int, batch_id: int) -> str:
    """Key of the checkpoint that holds the batches up to this one."""
    return f"{checkpoints(generation)}{batch_id:020d}.json"


def pages(generation: int) -> str:
    """Prefix of the pages that a generation's checkpoints refer to."""
    return f"ops/pages/{generation}/"


def page(generation: int, batch_id: int, number: int) -> str:
    """Key of a page that was first needed by the checkpoint of this batch."""
    return f"{pages(generation)}{batch_id:020d}-{number:06d}.json"


def expired(generation: int, batch_id: int) -> str:
    """Key of what is known of the tombstones written up to this batch, which have expired."""
    return f"ops/expired/{generation}/{batch_id:020d}.json"


def batch_of(key: str) -> int:
    """The batch id that begins the name of a plan, a result, a checkpoint or a page.

    Example:
        >>> batch_of(page(0, 12, 3)), batch_of(plan(0, 7))
        (12, 7)
    """
    return int(key.rpartition("/")[2][:20])


def key_of(prefix: str, first: int) -> str:
    """Key of the bronze object from Kafka that begins with an offset."""
    return f"{prefix}{first:020d}.jsonl.gz"


@dataclass(frozen=True)
class KafkaObject:
    """What the key of a bronze object from Kafka says: topic, topic id, partition and first offset."""

    topic: str
    topic_id: str
    partition: int
    first: int

    @property
    def prefix(self) -> str:
        """The prefix all objects of this topic id and partition share."""
        return f"{BRONZE_KAFKA}{self.topic}/{self.topic_id}/partition={self.partition}/"

    @property
    def key(self) -> str:
        """The object's key."""
        return key_of(self.prefix, self.first)

    @classmethod
    def parse(cls, key: str) -> "KafkaObject":
        """Read a key.

        Example:
            >>> KafkaObject.parse("bronze/order_lines/kafka/t/Ab-c/partition=3/00000000000000000042.jsonl.gz").first
            42

        Raises:
            ContractError: The key is not of this form.
        """
        parts = key.removeprefix(BRONZE_KAFKA).split("/")
        try:
            if not key.startswith(BRONZE_KAFKA) or len(parts) != 4:
                raise ValueError(key)
            topic, topic_id, partition, name = parts
            found = cls(topic, topic_id, int(partition.removeprefix("partition=")), int(name.removesuffix(".jsonl.gz")))
        except ValueError:
            found = None
        if found is None or found.key != key:
            raise ContractError(
                f"object {key}",
                f"{BRONZE_KAFKA}<topic>/<topic id>/partition=<p>/<first offset>.jsonl.gz",
                "move it out of bronze/",
            ) from None
        return found
