"""Settings of a stack beside the user's own, for tests and benchmarks: free ports and a data folder of its own."""

import contextlib
import dataclasses
import socket
from pathlib import Path
from typing import Any

from lakehouse.settings import Settings


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nothing listens."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


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
