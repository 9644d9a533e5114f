"""The connector's definition: `connector.json` filled from the settings and the topic's id.

The same document is given to a standalone or distributed worker and to MSK Connect. It holds no secret: the sink takes
its credentials from the worker's environment or role.
"""

import json
import string
from pathlib import Path
from typing import Any

from lakehouse import places
from lakehouse.errors import ContractError
from lakehouse.settings import Settings

_TEMPLATE = Path(__file__).with_name("connector.json")


def definition(
    settings: Settings, topic_id: str, *, topic: str = places.TOPIC, name: str = places.CONNECTOR, tasks: int = 1
) -> dict[str, Any]:
    """The connector's name and configuration.

    Args:
        settings: Bucket, region, endpoint and the bounds of a chunk.
        topic_id: Kafka's id of the topic as text. It is part of every key and of the consumer group's name, so that
            a topic that was deleted and made again, whose offsets start anew, is never mistaken for the old one.
        topic: The topic's name.
        name: The connector's name.
        tasks: How many tasks share the partitions.

    Returns:
        `{"name": …, "config": {…}}`, all values text, as Connect's REST API takes and gives them.

    Raises:
        ContractError: The topic's id is not one.
    """
    if len(topic_id) != 22 or not set(topic_id) <= set(string.ascii_letters + string.digits + "-_"):
        raise ContractError(f"topic id {topic_id!r} of {topic}", "22 letters, digits, - or _", "ask the broker for it")
    values = {
        "name": name,
        "tasks": tasks,
        "topic": topic,
        "topic_id": topic_id,
        "bucket": settings.bucket,
        "region": settings.aws_default_region,
        "endpoint": settings.aws_endpoint_url,
        "prefix": places.BRONZE_KAFKA,
        "chunk_rows": settings.sink_chunk_rows,
        "chunk_bytes": settings.sink_chunk_bytes,
        "chunk_millis": settings.sink_chunk_millis,
    }
    escaped = {key: json.dumps(str(value))[1:-1] for key, value in values.items()}
    document: dict[str, Any] = json.loads(
        string.Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(escaped),
    )
    return document
