"""The processes that make up the local stack, made from the settings, and the ports they need.

The one list of them: a process is added here and described in a module of its own.
"""

import sys
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import psutil

from infra.aws import mapping
from infra.local import broker, gateway, javac, worker
from infra.local.java import find_java
from infra.local.process import Process
from infra.local.supervision import Port
from lakehouse.errors import ConfigError
from lakehouse.settings import Settings, environment


def spark(settings: Settings) -> Process:
    """The Spark driver, which turns bronze into silver and gold.

    Raises:
        ConfigError: There is no Java 17 or 21.
    """
    places = {"DATA_DIR": str(settings.data_path), "CACHE_DIR": str(settings.cache_path)}
    java = {"JAVA_HOME": str(find_java(settings).home), "SPARK_CLASS_PATH": javac.spark_class_path(settings)}
    # glibc gives every thread an arena of its own and keeps it: two bound the driver's memory
    java["MALLOC_ARENA_MAX"] = "2"
    return Process(
        name="spark",
        command=(sys.executable, "-m", "spark_jobs", "stream"),
        port=settings.metrics_port or None,
        url=f"http://127.0.0.1:{settings.metrics_port}/metrics" if settings.metrics_port else "",
        unready=lambda: spark_unready(settings),
        environment={**environment(settings), **places, **java},
        after=("gateway",),
        stop_seconds=20,
    )


def spark_unready(settings: Settings) -> str | None:
    """Why the driver does not work yet; None once the file spark.ready names a driver that lives."""
    try:
        pid = int((settings.data_path / "spark.ready").read_text(encoding="utf-8").splitlines()[0])
        alive = "spark_jobs" in psutil.Process(pid).cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        alive = False
    return None if alive else "its session does not stand yet"


PROCESSES: dict[str, Callable[[Settings], Process]] = {
    "gateway": gateway.process,
    "broker": broker.process,
    "connect": worker.process,
    "spark": spark,
}


def processes(settings: Settings, names: Iterable[str] = ()) -> list[Process]:
    """The named processes and those they come after; all of them without a name.

    Raises:
        ConfigError: There is no process of that name, or one of them cannot run with these settings.
    """
    found: dict[str, Process] = {}
    wanted = list(names) or list(PROCESSES)
    while wanted:
        name = wanted.pop(0)
        if name not in PROCESSES:
            raise ConfigError(f"process {name}", f"one of {', '.join(PROCESSES)}", "correct the name")
        if name not in found:
            found[name] = PROCESSES[name](settings)
            wanted += found[name].after
    return [found[name] for name in PROCESSES if name in found]


def ports(settings: Settings, names: Iterable[str] = ()) -> list[Port]:
    """The ports that the named processes need; of all without a name."""
    wanted = list(names) or list(PROCESSES)
    all_ports = [
        Port(gateway.address(settings)[1], "gateway", "AWS_ENDPOINT_URL"),
        Port(broker.address(settings)[1], "broker", "KAFKA_BOOTSTRAP_SERVERS"),
        Port(settings.kafka_controller_port, "broker", "KAFKA_CONTROLLER_PORT"),
        Port(urlsplit(settings.connect_url).port or 8083, "connect", "CONNECT_URL"),
    ]
    return [port for port in all_ports if port.process in wanted]


def then(settings: Settings) -> dict[str, Callable[[], None]]:
    """By name, what is done when a process has become ready and before others rely on it."""

    def begin() -> None:
        gateway.ensure_bucket(settings)
        mapping.apply(settings, mapping.of_settings(settings))

    return {"gateway": begin}
