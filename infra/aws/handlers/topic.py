"""The order-line topic for its stack: made as the generator makes it, and Kafka's id of it."""

from collections.abc import Mapping
from typing import Any

from generator import topics
from infra.aws.handlers.answers import Values, answer
from lakehouse.settings import Settings


def handler(event: Mapping[str, Any], _: object) -> None:
    """Answer a custom resource with `TopicId`."""
    answer(event, "topic", ensured)


def ensured(given: Mapping[str, Any]) -> Values:
    """Make the topic or bring its settings up to date."""
    settings = Settings(
        kafka_bootstrap_servers=given["Servers"],
        kafka_security=given["Security"],
        kafka_partitions=int(given["Partitions"]),
        kafka_replication=int(given["Replication"]),
        kafka_retention_hours=int(given["RetentionHours"]),
    )
    return {"TopicId": topics.ensure(settings)}
