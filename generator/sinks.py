"""Where a shop's changes go, Kafka's topic or the DynamoDB table: what the other modules need to know of it."""

from collections.abc import Callable
from dataclasses import dataclass

from generator import producers, topics
from generator import table as tables
from generator.producers import Producer
from lakehouse.errors import ConfigError
from lakehouse.places import DYNAMODB, KAFKA, SOURCES
from lakehouse.settings import Settings


@dataclass(frozen=True)
class Sink:
    """A way out of the shop.

    Args:
        name: kafka or dynamodb.
        id: Of the topic or table: another one begins with nothing in it.
        ends: Gives the topic's end offset by partition; nothing for a table.
        open: Makes the producer; told whether much is to be sent at once.
    """

    name: str
    id: str
    ends: Callable[[], dict[int, int]]
    open: Callable[[bool], Producer]


def sink(settings: Settings, name: str, client: str = "auto", *, is_bulk: bool = True) -> Sink:
    """The sink of that name, there and ready.

    Args:
        settings: Where broker and table are.
        name: kafka or dynamodb.
        client: Of Kafka: auto, kafka-python or confluent.
        is_bulk: Of DynamoDB: whether whole rows go in batches, else each change in a request with a condition.

    Raises:
        ConfigError: There is no such sink, or no such table.
        SourceError: The broker, or DynamoDB, does not answer.
    """
    if name == KAFKA:
        return Sink(
            KAFKA,
            topics.ensure(settings),
            lambda: topics.end_offsets(settings),
            lambda bulk: producers.choose(settings, client, bulk=bulk),
        )
    if name == DYNAMODB:
        writer = tables.Batches if is_bulk else tables.Conditional
        return Sink(DYNAMODB, tables.table_id(settings), dict, lambda _: writer(settings))
    raise ConfigError(f"sink {name!r}", f"one of {', '.join(SOURCES)}", "correct --sink or INGEST")
