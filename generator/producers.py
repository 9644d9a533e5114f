"""Two Kafka clients behind one small protocol; both idempotent, acks=all, lz4, murmur2: a key keeps its partition.

Owns the clients' settings. A message counts as sent when `flush` has returned after it.
"""

import importlib.util
import logging
import math
import time
import warnings
from types import TracebackType
from typing import Any, Final, Protocol, Self

from generator.topics import MAX_MESSAGE_BYTES, require_listener
from lakehouse.errors import ConfigError, SourceError
from lakehouse.logs import event
from lakehouse.places import TOPIC
from lakehouse.settings import Settings

CLIENTS: Final = ("auto", "kafka-python", "confluent")
DELIVERY_SECONDS: Final = 120
LAMENT_SECONDS: Final = 5.0
_AGAIN: Final = "see `make status`, then run the same command again: it goes on where it stopped"


class Producer(Protocol):
    """Sends messages to the shop's topic."""

    name: str

    def send(self, key: bytes, value: bytes | None) -> None:
        """Hand over one message; returns before it is delivered.

        Raises:
            SourceError: The client takes no more, since the broker has not answered for long.
        """

    def flush(self) -> None:
        """Wait until every message handed over is confirmed.

        Raises:
            SourceError: Some were not, within DELIVERY_SECONDS.
        """

    def close(self) -> None:
        """Free threads and sockets; what is not flushed may be lost."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None: ...


class _Lament(logging.Handler):
    """Says now and then that the broker is away: kafka-python would log ten lines a second, librdkafka one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last = -math.inf

    def say(self, fault: str) -> None:
        if time.monotonic() - self._last > LAMENT_SECONDS:
            self._last = time.monotonic()
            event("broker does not answer, still trying", level=logging.WARNING, fault=fault)

    def emit(self, record: logging.LogRecord) -> None:
        self.say(record.getMessage())


class Closing:
    """A producer that is closed at the end of a `with`."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class KafkaPython(Closing):
    """kafka-python: pure Python, about 25,000 messages a second."""

    name = "kafka-python"

    def __init__(self, servers: str, **sign_in: str) -> None:
        with warnings.catch_warnings():  # see generator/topics.py
            warnings.simplefilter("ignore", DeprecationWarning)
            from kafka import KafkaProducer  # noqa: PLC0415 - takes 0.3 s that the other client need not pay
            from kafka.errors import KafkaError  # noqa: PLC0415

        self._servers, self._fault, self._faults = servers, KafkaError, list[BaseException]()
        self._lament, self._log = _Lament(), logging.getLogger("kafka")
        self._log.addHandler(self._lament)
        self._log.propagate = False
        try:
            self._client: Any = KafkaProducer(
                bootstrap_servers=servers.split(","),
                client_id="saleslake-shop",
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                linger_ms=20,
                batch_size=131_072,
                max_request_size=MAX_MESSAGE_BYTES,
                delivery_timeout_ms=DELIVERY_SECONDS * 1000,
                max_block_ms=DELIVERY_SECONDS * 1000,
                bootstrap_timeout_ms=10_000,
                reconnect_backoff_max_ms=1_000,
                **sign_in,
            )
        except KafkaError as fault:
            self._quiet()
            raise _unreachable(servers, fault) from fault

    def send(self, key: bytes, value: bytes | None) -> None:
        try:
            self._client.send(TOPIC, key=key, value=value).add_errback(self._faults.append)
        except self._fault as fault:
            raise SourceError(f"broker {self._servers}: {fault}", "room for one more message", _AGAIN) from fault

    def flush(self) -> None:
        try:
            self._client.flush(DELIVERY_SECONDS + 10)
        except self._fault as fault:
            self._faults.append(fault)
        _raise_first(self._servers, self._faults)

    def close(self) -> None:
        self._client.close(timeout=5)
        self._quiet()

    def _quiet(self) -> None:
        self._log.removeHandler(self._lament)
        self._log.propagate = True


class Confluent(Closing):
    """confluent-kafka: librdkafka, about 100,000 messages a second."""

    name = "confluent"

    def __init__(self, servers: str) -> None:
        import confluent_kafka  # noqa: PLC0415 - optional

        lament = _Lament()
        self._servers, self._faults = servers, list[BaseException]()
        self._exception = confluent_kafka.KafkaException
        self._client: Any = confluent_kafka.Producer(
            {
                "bootstrap.servers": servers,
                "client.id": "saleslake-shop",
                "acks": "all",
                "enable.idempotence": True,
                "compression.type": "lz4",
                "partitioner": "murmur2_random",
                "linger.ms": 20,
                "batch.size": 1_000_000,
                "message.max.bytes": MAX_MESSAGE_BYTES,
                "queue.buffering.max.messages": 200_000,
                "queue.buffering.max.kbytes": 262_144,
                "delivery.timeout.ms": DELIVERY_SECONDS * 1000,
                "delivery.report.only.error": True,  # a report per message would cost 1 s per 500,000
                "reconnect.backoff.max.ms": 1_000,
                "allow.auto.create.topics": False,
                "log_level": 0,
                "error_cb": lambda fault: lament.say(fault.str()),
            }
        )

    def send(self, key: bytes, value: bytes | None) -> None:
        for _ in range(DELIVERY_SECONDS + 10):
            try:
                self._client.produce(TOPIC, value, key, on_delivery=self._report)
                return
            except BufferError:
                self._client.poll(1.0)
            except self._exception as fault:
                self._faults.append(fault)
                break
        else:
            self._faults.append(TimeoutError("the queue stayed full"))
        _raise_first(self._servers, self._faults)

    def flush(self) -> None:
        if left := self._client.flush(DELIVERY_SECONDS + 10):
            self._faults.append(TimeoutError(f"{left} messages unconfirmed"))
        _raise_first(self._servers, self._faults)

    def close(self) -> None:
        self._client.purge()
        self._client.flush(5)

    def _report(self, fault: Any, _: Any) -> None:
        if fault is not None:
            self._faults.append(self._exception(fault))


def choose(settings: Settings, client: str = "auto", *, bulk: bool = False) -> Producer:
    """A producer; `auto` takes confluent-kafka for bulk where it is installed, else kafka-python.

    Raises:
        ConfigError: The client is unknown or not installed.
        SourceError: No broker listens.
    """
    if client not in CLIENTS:
        raise ConfigError(f"client {client!r}", f"one of {', '.join(CLIENTS)}", "correct --client")
    installed = importlib.util.find_spec("confluent_kafka") is not None
    if client == "confluent" and not installed:
        raise ConfigError("confluent-kafka is not installed", action="run `make install` or take --client kafka-python")
    if client == "confluent" and settings.kafka_arguments:
        raise ConfigError(
            f"confluent with KAFKA_SECURITY={settings.kafka_security}", "kafka-python", "leave --client out"
        )
    servers = settings.kafka_bootstrap_servers
    try:
        require_listener(servers)
    except OSError as fault:
        raise _unreachable(servers, fault) from fault
    if client == "confluent" or (client == "auto" and bulk and installed and not settings.kafka_arguments):
        return Confluent(servers)
    return KafkaPython(servers, **settings.kafka_arguments)


def _unreachable(servers: str, fault: BaseException) -> SourceError:
    return SourceError(
        f"broker {servers}: {fault}",
        "a Kafka broker that answers",
        "start it with `make up` or correct KAFKA_BOOTSTRAP_SERVERS",
    )


def _raise_first(servers: str, faults: list[BaseException]) -> None:
    if not faults:
        return
    count, first = len(faults), faults[0]
    faults.clear()
    raise SourceError(
        f"broker {servers}: {count} messages were not delivered: {first}", "all confirmed", _AGAIN
    ) from first
