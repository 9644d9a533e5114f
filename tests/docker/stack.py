"""The stack in containers as a test handles it: by the commands of a user, by compose, and by `docker`."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testcontainers.compose import DockerCompose

from infra.local import status
from lakehouse.progress import Progress
from lakehouse.settings import load

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("gateway", "broker", "connect", "spark")
Done = subprocess.CompletedProcess[str]


class Containers:
    """The compose project that the environment names.

    Args:
        name: The project's name.
    """

    def __init__(self, name: str) -> None:
        self.name, self.settings = name, load(dotenv=None)
        self.shop = DockerCompose(ROOT, profiles=["live"], services=["generator"])

    def infra(self, *words: str, seconds: float = 600) -> Done:
        """Run a command of `python -m infra` to its end."""
        command = [sys.executable, "-m", "infra", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds)

    def begin(self, *words: str, output: Path) -> "subprocess.Popen[str]":
        """Begin a command of `python -m infra`; what it says goes to a file."""
        command = [sys.executable, "-m", "infra", *words]
        with output.open("w", encoding="utf-8") as file:
            return subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, text=True)

    def docker(self, *words: str) -> str:
        """What `docker` answers."""
        done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr[-2000:]}"
        return done.stdout

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
        return found.rows.get("rows_read", 0) if found else 0


def wait_until(what: str, holds: Callable[[], bool], seconds: float = 300) -> None:
    """Wait until something holds; fail with its name when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
