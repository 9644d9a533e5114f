"""The Kafka Connect worker of the local stack: standalone, with our S3 sink, a JVM process.

Standalone because a killed worker is at work again after 2 s instead of 5 to 60; it forgets its connectors, so each
start is given the definition in a file.
"""

import json
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from connect.definition import definition
from infra.local import javac, jvm
from infra.local.process import Process
from lakehouse import places
from lakehouse.errors import ConfigError
from lakehouse.settings import Settings

HEAP_MB = 144
CONVERTER = "org.apache.kafka.connect.converters.ByteArrayConverter"


def process(settings: Settings) -> Process:
    """The worker as the supervisor needs to know it.

    Raises:
        ConfigError: There is no Java, the jars or the plugin are missing, or CONNECT_URL has no port.
    """
    main = "org.apache.kafka.connect.cli.ConnectStandalone"
    files = (str(_worker_file(settings)), str(_connector_file(settings)))
    keys = {
        "AWS_ACCESS_KEY_ID": settings.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": settings.aws_secret_access_key,
    }
    return Process(
        name="connect",
        command=jvm.command(settings, HEAP_MB, main, *files),
        port=_address(settings)[1],
        url=settings.connect_url,
        unready=lambda: unready(settings),
        prepare=lambda: prepare(settings),
        environment={**jvm.environment(settings), **{name: key for name, key in keys.items() if key}},
        after=("broker", "gateway"),
        stop_seconds=15,
    )


def prepare(settings: Settings) -> None:
    """Make sure the topic exists and write the worker's settings and the connector's definition.

    Raises:
        SourceError: The broker does not answer.
        ConfigError: The plugin has not been compiled.
    """
    from generator import topics  # noqa: PLC0415 (brings a Kafka client along, which `process` does not need)

    write_files(settings, topics.ensure(settings))


def write_files(settings: Settings, topic_id: str) -> None:
    """Write what the worker reads at its start, for a topic of this id."""
    jvm.write_log_format(settings)
    jvm.write_private(_worker_file(settings), jvm.properties(worker_properties(settings)))
    jvm.write_private(_connector_file(settings), json.dumps(definition(settings, topic_id), indent=2) + "\n")


def worker_properties(settings: Settings) -> dict[str, object]:
    """The worker's settings that serve standalone and distributed mode alike, and those of standalone mode."""
    host, port = _address(settings)
    return {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "listeners": f"http://{host}:{port}",
        "plugin.path": javac.plugin_folder(settings),
        "plugin.discovery": "service_load",
        # the only converters that leave every byte as it is
        "key.converter": CONVERTER,
        "value.converter": CONVERTER,
        "header.converter": CONVERTER,
        "offset.flush.interval.ms": 1000,
        "offset.storage.file.filename": jvm.home(settings) / "connect.offsets",
        "connector.client.config.override.policy": "All",
        "consumer.max.poll.records": 5000,
        # what a fetch may hold in memory; the defaults allow 50 MiB twice
        "consumer.fetch.max.bytes": 8 << 20,
        "consumer.max.partition.fetch.bytes": 2 << 20,
        # a static member comes back after a kill without waiting for its own dead session; it allows one task
        "consumer.group.instance.id": "saleslake-local",
        "consumer.session.timeout.ms": 10_000,
    }


def unready(settings: Settings) -> str | None:
    """Why the worker does not land records yet; None once the connector's task runs."""
    try:
        with urllib.request.urlopen(  # noqa: S310 (an http address from the settings)
            f"{settings.connect_url}/connectors/{places.CONNECTOR}/status", timeout=1.5
        ) as answer:
            status = json.load(answer)
    except urllib.error.HTTPError as fault:
        return "has no connector yet" if fault.code == 404 else f"answers {fault.code}"
    except (OSError, ValueError):
        return "does not answer yet"
    states = {task["state"] for task in status["tasks"]} | {status["connector"]["state"]}
    if "FAILED" in states:
        failed = [status["connector"], *status["tasks"]]
        trace = next((part["trace"] for part in failed if part.get("trace")), "no reason given")
        return f"failed: {trace.splitlines()[0]}"
    if not status["tasks"]:
        return "has no task yet"
    return None if states == {"RUNNING"} else f"is {', '.join(sorted(states)).lower()}"


def _address(settings: Settings) -> tuple[str, int]:
    parts = urlsplit(settings.connect_url)
    if parts.scheme != "http" or not parts.hostname or not parts.port:
        raise ConfigError(f"CONNECT_URL={settings.connect_url}", "http://host:port", "correct it in .env")
    return parts.hostname, parts.port


def _worker_file(settings: Settings) -> Path:
    return jvm.home(settings) / "worker.properties"


def _connector_file(settings: Settings) -> Path:
    return jvm.home(settings) / "connector.json"
