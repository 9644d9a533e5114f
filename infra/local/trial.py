"""Settings of a stack beside the user's own, for tests and benchmarks: free ports and a data folder of its own."""

import contextlib
import dataclasses
import random
import socket
from pathlib import Path
from typing import Any

from lakehouse.settings import Settings

# Below what Linux and macOS hand out by themselves: no connection of another test takes a port before its server does.
_PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nothing listens, others each time."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
            if len(found) == count:
                break
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    return found


def apart(settings: Settings, folder: Path, **changes: Any) -> Settings:
    """The settings with every port a free one and all data under `folder`; `changes` are settings, too."""
    gateway, broker, controller, connect, metrics = free_ports(5)
    return dataclasses.replace(
        settings,
        data_dir=str(folder),
        aws_endpoint_url=f"http://127.0.0.1:{gateway}",
        kafka_bootstrap_servers=f"127.0.0.1:{broker}",
        kafka_controller_port=controller,
        connect_url=f"http://127.0.0.1:{connect}",
        metrics_port=metrics,
        **changes,
    )
