"""The Kafka broker of the local stack: one KRaft node on loopback, a JVM process.

Says how it is prepared, started and asked whether it is ready; starts nothing itself.
"""

import base64
import socket
import subprocess
import uuid
import warnings
from pathlib import Path

from infra.local import jvm
from infra.local.process import Process
from lakehouse.errors import ConfigError, SourceError
from lakehouse.settings import Settings

with warnings.catch_warnings():  # kafka-python 3.0.12 reads its schemas through importlib.resources.read_text
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

HEAP_MB = 384
_NODE = 1


def process(settings: Settings) -> Process:
    """The broker as the supervisor needs to know it.

    Raises:
        ConfigError: There is no Java, or the jars have not been fetched.
    """
    _, port = address(settings)
    return Process(
        name="broker",
        command=jvm.command(settings, HEAP_MB, "kafka.Kafka", str(_file(settings))),
        port=port,
        url=settings.kafka_bootstrap_servers,
        unready=lambda: unready(settings),
        prepare=lambda: prepare(settings),
        environment=jvm.environment(settings),
        stop_seconds=15,
    )


def address(settings: Settings) -> tuple[str, int]:
    """Host and port of the first bootstrap server, on which the local broker listens.

    Raises:
        ConfigError: It is not host:port.
    """
    host, _, port = settings.kafka_bootstrap_servers.split(",")[0].strip().rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(
            f"KAFKA_BOOTSTRAP_SERVERS={settings.kafka_bootstrap_servers}", "host:port", "correct it in .env"
        )
    return host, int(port)


def prepare(settings: Settings) -> None:
    """Write the broker's settings and, the first time, format its storage (0.8 s).

    Raises:
        ConfigError: The controller's port is taken.
        SourceError: The storage could not be formatted.
    """
    jvm.write_log_format(settings)
    _require_free(settings.kafka_controller_port)
    jvm.write_private(_file(settings), jvm.properties(_properties(settings)))
    if (_logs(settings) / "meta.properties").is_file():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22].replace("-", "a")
    tool = ("kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster, "-c", str(_file(settings)))
    done = subprocess.run(  # noqa: S603
        jvm.command(settings, 128, *tool), env=jvm.environment(settings), capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise SourceError(f"Kafka's storage in {_logs(settings)} was not formatted: {last}", action="see `make logs`")


def unready(settings: Settings) -> str | None:
    """Why the broker cannot be used yet; None once it answers and knows a controller."""
    try:
        with socket.create_connection(address(settings), timeout=0.5):
            pass
    except OSError:
        return "does not listen yet"
    try:
        client = KafkaAdminClient(
            bootstrap_servers=settings.kafka_bootstrap_servers, request_timeout_ms=1500, bootstrap_timeout_ms=1000
        )
        try:
            controller = client.describe_cluster().get("controller_id", -1)
        finally:
            client.close()
    except (KafkaError, OSError) as fault:
        return f"answers with {type(fault).__name__}"
    return None if controller is not None and controller >= 0 else "has no controller yet"


def _properties(settings: Settings) -> dict[str, object]:
    host, port = address(settings)
    controller = f"127.0.0.1:{settings.kafka_controller_port}"
    return {
        "process.roles": "broker,controller",
        "node.id": _NODE,
        "controller.quorum.voters": f"{_NODE}@{controller}",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": _logs(settings),
        "auto.create.topics.enable": "false",
        # one node holds every replica
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 5,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 5,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # a restart after kill -9 takes 6 to 9 s with these, 13 to 15 s without
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        "controller.quorum.election.timeout.ms": 300,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "log.cleaner.dedupe.buffer.size": 16_777_216,
    }


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as fault:
            raise ConfigError(
                f"port {port} of the broker's controller is in use",
                action="stop what listens there, or set KAFKA_CONTROLLER_PORT",
            ) from fault


def _file(settings: Settings) -> Path:
    return jvm.home(settings) / "broker.properties"


def _logs(settings: Settings) -> Path:
    return jvm.home(settings) / "broker"
