"""The first way in under fire: broker and worker beside gateway and driver, and the topic's offsets as marks."""

import warnings

from generator import topics
from infra.local import broker, gateway, worker
from infra.local import stack as processes
from infra.local.process import Process
from lakehouse import places
from lakehouse.errors import LakehouseError
from tests.chaos.stack import Stack, wait_until

with warnings.catch_warnings():  # see generator/topics.py
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.admin import KafkaAdminClient

Ends = dict[int, int]


class TopicStack(Stack):
    """A stack whose changes come through Kafka."""

    sink = places.KAFKA

    def processes(self) -> list[Process]:
        return [
            gateway.process(self.settings),
            broker.process(self.settings),
            worker.process(self.through),
            processes.spark(self.through),
        ]

    def prepare(self) -> None:
        self.topic_id = topics.ensure(self.settings)

    def sent(self) -> Ends | None:
        return self.mark()

    def mark(self) -> Ends | None:
        try:
            return topics.end_offsets(self.settings)
        except LakehouseError:
            return None

    def holds(self, mark: Ends) -> bool:
        progress = self.progress()
        return progress is not None and progress.covers(self.topic_id, mark)

    def messages(self) -> int:
        return sum(wait_until("the broker answers", self.mark, 30).values())

    def forget_offsets(self) -> None:
        """Stop the worker, delete its group's committed offsets, and start it again."""
        group = f"connect-{places.CONNECTOR}-{self.topic_id}"
        self.daemon.ask("stopProcess", "connect", True)
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.settings.kafka_bootstrap_servers)
            # the broker keeps the group until its static member's session is over
            wait_until("the worker's group is gone", lambda: admin.delete_groups([group])[group] == "OK", 30)
            admin.close()
        finally:
            self.daemon.ask("startProcess", "connect", False)
