"""Delivered again: objects under other keys, the whole topic, the sink from its first offset, tables from bronze."""

import gzip
import json
import time

from generator import producers
from lakehouse import places
from lakehouse.places import KafkaObject
from tests.chaos.scene import Act, Scene
from tests.chaos.stack import wait_until
from tests.chaos.topic import TopicStack


def of_topic(scene: Scene) -> TopicStack:
    """The scene's stack, which is one of the topic's way."""
    assert isinstance(scene.stack, TopicStack)
    return scene.stack


def object_twice(scene: Scene) -> float:
    """Newest bronze objects once more: under a later key of the same prefix, and under another topic's id."""
    stack = of_topic(scene)
    wait_until("the objects are copied", lambda: _copy_newest(stack), 60)
    return time.monotonic()


def _copy_newest(stack: TopicStack) -> bool:
    s3, bucket = stack.s3, stack.settings.bucket
    for partition in range(stack.settings.kafka_partitions):
        prefix = KafkaObject(places.TOPIC, stack.topic_id, partition, 0).prefix
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        if not found:
            continue
        newest = KafkaObject.parse(found[-1]["Key"])
        answer = s3.get_object(Bucket=bucket, Key=newest.key)
        body, metadata = answer["Body"].read(), answer["Metadata"]
        copies = [KafkaObject(newest.topic, "B" * 22, partition, newest.first)]
        if int(metadata["rows"]) > 1:  # the next key of the sink's own is at least two further
            copies.append(KafkaObject(newest.topic, newest.topic_id, partition, newest.first + 1))
        for copy in copies:
            s3.put_object(Bucket=bucket, Key=copy.key, Body=body, Metadata=metadata)
    return True


def topic_again(*, backwards: bool) -> Act:
    """Every message that the topic holds is sent to it once more, in order or the last one first."""

    def act(scene: Scene) -> float:
        stack = of_topic(scene)
        wait_until("the topic is sent again", lambda: send(stack), 120)
        return time.monotonic()

    def send(stack: TopicStack) -> bool:
        sent = _messages(stack)
        with producers.choose(stack.settings, "kafka-python") as producer:
            for key, value in reversed(sent) if backwards else sent:
                producer.send(key, value)
            producer.flush()
        return True

    return act


def _messages(stack: TopicStack) -> list[tuple[bytes, bytes | None]]:
    """The topic's different messages as bronze has them: what was sent again before is not sent four times."""
    bucket, prefix = stack.settings.bucket, f"{places.BRONZE_KAFKA}{places.TOPIC}/{stack.topic_id}/"
    found: dict[tuple[bytes, bytes | None], None] = {}
    for page in stack.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            body = stack.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            for text in gzip.decompress(body).splitlines():
                line = json.loads(text)
                if line.get("key") is not None and "value" in line:
                    value = line["value"]
                    found[line["key"].encode(), None if value is None else value.encode()] = None
    return list(found)


def rebuild(scene: Scene) -> float:
    """Silver and gold built anew from bronze while the sink goes on."""
    scene.stack.run("infra", "rebuild", seconds=240)
    return time.monotonic()


def sink_from_zero(scene: Scene) -> float:
    """The sink reads the topic from its first offset again, since its committed offsets are gone."""
    of_topic(scene).forget_offsets()
    return time.monotonic()
