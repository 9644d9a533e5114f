"""The stack in containers as a test handles it: by the commands of a user, and by `docker`."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local import status
from lakehouse.progress import Progress
from lakehouse.settings import Settings, load

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("gateway", "broker", "connect", "spark")
Done = subprocess.CompletedProcess[str]


class Containers:
    """A compose project.

    Args:
        environment: What tells it from others: name, ports, data folder, images.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.name = environment["COMPOSE_PROJECT_NAME"]
        self.settings: Settings = load(environment, None)
        self._environment = {**os.environ, **environment}

    def infra(self, *words: str, seconds: float = 600) -> Done:
        """Run a command of `python -m infra` to its end."""
        command = [sys.executable, "-m", "infra", *words]
        options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": seconds}
        return subprocess.run(command, check=False, cwd=ROOT, env=self._environment, **options)

    def begin(self, *words: str, output: Path) -> "subprocess.Popen[str]":
        """Begin a command of `python -m infra`; what it says goes to a file."""
        command = [sys.executable, "-m", "infra", *words]
        with output.open("w", encoding="utf-8") as file:
            return subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=file, stderr=file, text=True)

    def compose(self, *words: str) -> str:
        """What `docker compose` answers."""
        ports = {"GATEWAY": self.settings.aws_endpoint_url, "CONNECT": self.settings.connect_url}
        given = {f"{name}_PORT": url.rpartition(":")[2] for name, url in ports.items()}
        given["BROKER_PORT"] = self.settings.kafka_bootstrap_servers.rpartition(":")[2]
        return self._docker(["compose", "--file", str(ROOT / "docker-compose.yaml"), *words], given)

    def docker(self, *words: str) -> str:
        """What `docker` answers."""
        return self._docker([*words], {})

    def crash(self, name: str) -> None:
        """Kill the processes of a container but its init, which ends with them: its restart policy holds."""
        command = ["docker", "exec", self.inspected()[name]["Id"], "sh", "-c", "kill -KILL -1"]
        subprocess.run(command, capture_output=True, check=False, timeout=60)

    def listed(self, kind: str = "ps --all") -> list[str]:
        """The project's containers, or its volumes or networks (`volume ls`, `network ls`)."""
        label = f"label=com.docker.compose.project={self.name}"
        return self.docker(*kind.split(), "--quiet", "--filter", label).split()

    def inspected(self) -> dict[str, dict[str, Any]]:
        """By part, what the engine knows of its container."""
        found = json.loads(self.docker("inspect", *self.listed()))
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in found}

    def rows(self) -> int:
        """Rows that the driver has committed."""
        found: Progress | None = status.progress(self.settings)
        return sum(found.rows.values()) if found else 0

    def _docker(self, words: list[str], environment: dict[str, str]) -> str:
        given = {**self._environment, **environment}
        done = subprocess.run(["docker", *words], env=given, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr[-2000:]}"
        return done.stdout


def wait_until(what: str, holds: Callable[[], bool], seconds: float = 300) -> None:
    """Wait until something holds; fail with its name when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
