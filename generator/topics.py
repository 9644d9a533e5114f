"""The shop's topic on the broker: made with the settings the design needs, its id and its end offsets.

Owns the topic's settings alone; it sends and reads no message.
"""

import base64
import logging
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from lakehouse.errors import ConfigError, SourceError
from lakehouse.logs import event
from lakehouse.places import TOPIC
from lakehouse.settings import Settings

with warnings.catch_warnings():  # kafka-python 3.0.12 reads its schemas through importlib.resources.read_text
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.admin import ConfigResource, KafkaAdminClient
    from kafka.errors import KafkaError, TopicAlreadyExistsError
    from kafka.structs import TopicPartition

MAX_MESSAGE_BYTES: Final = 2 * 1024 * 1024
ANSWER_MILLIS: Final = 10_000
_LATEST: Final = -1


def configs(settings: Settings) -> dict[str, str]:
    """The topic's settings by their Kafka names."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(settings.kafka_retention_hours * 3_600_000),
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
    }


def ensure(settings: Settings) -> str:
    """Make the topic if it is absent, put its settings right if they differ; running it again changes nothing.

    The number of partitions of an existing topic stays: another number would send a key's later changes to another
    partition.

    Returns:
        Kafka's id of the topic, base64url text as Kafka's own tools print it.

    Raises:
        SourceError: The broker does not answer or refuses.
    """
    with _admin(settings) as admin:
        topic = _describe(admin)
        if topic is None:
            wanted = {
                "num_partitions": settings.kafka_partitions,
                "replication_factor": settings.kafka_replication,
                "configs": configs(settings),
            }
            try:
                admin.create_topics({TOPIC: wanted}, wait_for_metadata=True)
                event("topic created", topic=TOPIC, partitions=settings.kafka_partitions)
            except TopicAlreadyExistsError:
                admin.wait_for_topics([TOPIC])
            topic = _found(_describe(admin), settings)
        if len(topic["partitions"]) != settings.kafka_partitions:
            event(
                "topic keeps its partitions",
                level=logging.WARNING,
                topic=TOPIC,
                partitions=len(topic["partitions"]),
                wanted=settings.kafka_partitions,
            )
        _correct(admin, settings)
        return topic_id_text(topic["topic_id"])


def end_offsets(settings: Settings) -> dict[int, int]:
    """The next offset to be written, by partition.

    Raises:
        SourceError: The broker does not answer, or the topic does not exist.
    """
    with _admin(settings) as admin:
        topic = _found(_describe(admin), settings)
        places = [TopicPartition(TOPIC, partition["partition_index"]) for partition in topic["partitions"]]
        ends = admin.list_partition_offsets(dict.fromkeys(places, _LATEST))
        return {place.partition: ends[place].offset for place in sorted(places)}


def topic_id_text(topic_id: str | UUID) -> str:
    """A topic id as Kafka prints it.

    Example:
        >>> topic_id_text("a92a2de3-96ca-4608-b1ed-8c96fd1d00e2")
        'qSot45bKRgix7YyW_R0A4g'
    """
    return base64.urlsafe_b64encode(UUID(str(topic_id)).bytes).rstrip(b"=").decode()


def require_listener(servers: str) -> None:
    """Connect to the first of `servers` (host:port with commas) that listens.

    Kafka's clients would try for their whole timeout before they say that nobody is there.

    Raises:
        OSError: None of them listens.
    """
    fault: OSError = ConnectionError("no server named")
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=ANSWER_MILLIS / 1000):
                return
        except ValueError as wrong:
            raise ConfigError(
                f"KAFKA_BOOTSTRAP_SERVERS={servers}", "host:port with commas", "correct it in .env"
            ) from wrong
        except OSError as refused:
            fault = refused
    raise fault


def _describe(admin: Any) -> dict[str, Any] | None:
    for topic in admin.describe_topics([TOPIC]):
        if topic["name"] == TOPIC and topic["error_code"] == 0:
            return dict(topic)
    return None


def _found(topic: dict[str, Any] | None, settings: Settings) -> dict[str, Any]:
    if topic is None:
        raise SourceError(
            f"no topic {TOPIC} on {settings.kafka_bootstrap_servers}", action="run `python -m generator topics` first"
        )
    return topic


def _correct(admin: Any, settings: Settings) -> None:
    wanted = configs(settings)
    resource = ConfigResource("topic", TOPIC, dict.fromkeys(wanted))
    described = admin.describe_configs([resource], config_filter="all")["topic"][TOPIC]
    wrong = {name: value for name, value in wanted.items() if described[name]["value"] != value}
    if not wrong:
        return
    outcome = admin.alter_configs([ConfigResource("topic", TOPIC, wrong)])["topic"][TOPIC]
    if outcome != "OK":
        raise SourceError(f"topic {TOPIC}: the broker refused {wrong}: {outcome}", action="see the broker's log")
    event("topic settings corrected", topic=TOPIC, corrected=wrong)


@contextmanager
def _admin(settings: Settings) -> Iterator[Any]:
    servers = settings.kafka_bootstrap_servers
    action = "start it with `make up` or correct KAFKA_BOOTSTRAP_SERVERS"
    admin = None
    try:
        require_listener(servers)
        admin = KafkaAdminClient(
            bootstrap_servers=servers.split(","),
            client_id="saleslake-shop",
            bootstrap_timeout_ms=ANSWER_MILLIS,
            **settings.kafka_arguments,
        )
        yield admin
    except (KafkaError, OSError) as fault:
        raise SourceError(f"broker {servers}: {fault}", "a Kafka broker that answers", action) from fault
    finally:
        if admin is not None:
            admin.close()
