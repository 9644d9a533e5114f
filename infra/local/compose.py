"""The stack in containers: a Runtime over `docker compose`.

The same parts as stack.py's processes, under the same names and on the same ports; docker-compose.yaml says what runs.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.local import doctor, engine, gateway, stack
from infra.local.composing import Progress
from infra.local.doctor import Finding
from infra.local.engine import Done
from infra.local.health import Health
from infra.local.supervision import Port, Report, check_ports
from lakehouse.errors import ConfigError, SourceError
from lakehouse.settings import Settings

FILE = Path(__file__).resolve().parents[2] / "docker-compose.yaml"
MARK = "compose"  # in the data folder: a stack in containers was started from here
_HEALTH = {"healthy": "ready", "starting": "starting", "unhealthy": "failed"}
_SAID_LINES = 5


class Compose:
    """See runtime.Runtime.

    Args:
        settings: Their ports and bucket are handed to the compose file; the data lies in its volumes.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def examine(self) -> list[Finding]:
        """Docker, Compose, engine with its memory, ports."""
        checks: dict[str, Callable[[], str]] = {
            "docker": engine.program,
            "compose": engine.compose_version,
            "engine": engine.memory,
            "ports": self._check_ports,
        }
        found: list[Finding] = []
        for subject, check in checks.items():
            found.append(doctor.make(subject, check))
            if found[-1][1]:
                break  # without it the others cannot be made
        return found

    def up(self, names: Sequence[str], refresh: Callable[[], None], report: Report) -> list[str]:
        """Build what has changed, start what is not running and wait until all is healthy; the gateway refreshes."""
        _refuse_unknown(names)
        for _, fault, _ in self.examine():
            if fault:
                raise fault
        before = self._running()
        self._settings.data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._settings.data_path / MARK).touch()
        done = self._compose("up", "--build", "--detach", "--wait", "--quiet-pull", *names, report=report)
        if done.returncode:
            ill = next((one for one in self.health() if one.reason), None)
            what = f"{ill.name} is {ill.health}: {ill.reason}" if ill else engine.last_line(done)
            raise SourceError(f"docker compose up: {what}", "every container healthy", "see `make logs STACK=compose`")
        return [name for name in stack.PROCESSES if name in self._running() - before]

    def down(self, report: Report) -> int:
        """Stop and remove the containers."""
        return self._down(report)

    def erase(self, report: Report) -> None:
        """Stop and remove the containers and DELETE their volumes."""
        self._down(report, "--volumes")

    def restart(self, name: str, refresh: Callable[[], None], report: Report) -> None:
        """Stop one container and start another in its place."""
        _refuse_unknown([name])
        again = ("up", "--build", "--detach", "--wait", "--no-deps", "--force-recreate", name)
        engine.checked(self._compose(*again, report=report))

    def logs(self, names: Sequence[str], *, lines: int, follow: bool) -> Iterator[str]:
        """The lines of the containers' logs, each with its container's name where there are several."""
        _refuse_unknown(names)
        options = ["--no-color", "--tail", str(lines)]
        options += ["--no-log-prefix"] if len(names) == 1 else []
        options += ["--follow"] if follow else []
        with self._open("logs", *options, *names) as running:
            try:
                for line in running.stdout or ():
                    yield line.rstrip("\n")
            finally:
                running.terminate()

    def health(self, *, memory: bool = True) -> list[Health]:
        """Every container of the stack in the order of its start."""
        found = self._containers()
        ids = [one["Id"] for one in found.values() if one["State"]["Running"]]
        taken = engine.resident_bytes(ids) if memory else {}
        ports = {port.process: port.number for port in _ports(self._settings)}
        urls = _urls(self._settings)

        def of(name: str) -> Health:
            port, url = ports.get(name), urls.get(name, "")
            if name not in found:
                return Health(name, None, port, "stopped", 0, url=url)
            return _health(found[name], port, url, taken.get(found[name]["Id"], 0))

        return [of(name) for name in stack.PROCESSES]

    def has_driver(self) -> bool:
        """Whether the driver's container runs, or is started again by itself."""
        driver = self._containers().get("spark")
        return driver is not None and driver["State"]["Status"] in ("running", "restarting")

    def run_instead_of_driver(self, command: str, report: Report) -> int:
        """Run another command in a container like the driver's."""
        was_running = self.has_driver()
        if was_running:
            engine.checked(self._compose("stop", "spark", report=report))
        try:
            words = ("run", "--rm", "--no-deps", "spark", "python", "-m", "spark_jobs", command)
            return subprocess.run(_command(*words), env=self._environment(), check=False).returncode  # noqa: S603
        finally:
            if was_running:
                start = ("up", "--detach", "--wait", "--no-deps", "spark")
                engine.checked(self._compose(*start, report=report))

    def _check_ports(self) -> str:
        running = self._running()
        wanted = _ports(self._settings)
        check_ports([port for port in wanted if port.process not in running])
        return ", ".join(f"{port.number} {port.process}" for port in wanted)

    def _containers(self) -> dict[str, Any]:
        """By part, what the engine knows of its container."""
        listed = engine.checked(self._compose("ps", "--all", "--quiet", *stack.PROCESSES)).stdout.split()
        told = engine.checked(engine.ask("inspect", *listed)).stdout if listed else "[]"
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in json.loads(told)}

    def _running(self) -> set[str]:
        return {name for name, one in self._containers().items() if one["State"]["Running"]}

    def _down(self, report: Report, *options: str) -> int:
        before = len(self._running())
        engine.checked(self._compose("--profile", "*", "down", *options, report=report))
        return before

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **variables(self._settings)}

    def _compose(self, *words: str, report: Report | None = None) -> Done:
        """Ask compose; with `report`, what it does is told as it comes."""
        if report is None:
            return engine.ask(*_words(*words), environment=self._environment())
        said: list[str] = []
        progress = Progress()
        with self._open("--progress", "plain", *words) as running:
            for line in filter(str.strip, running.stdout or ()):
                said.append(line.rstrip())
                if told := progress.told(line):
                    report(told)
        return Done(words, running.returncode, "", "\n".join(said[-_SAID_LINES:]))

    def _open(self, *words: str) -> subprocess.Popen[str]:
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(_command(*words), env=self._environment(), **pipes)  # noqa: S603


def variables(settings: Settings) -> dict[str, str]:
    """What the compose file is filled in with, so that the settings of this machine reach the containers.

    Raises:
        ConfigError: An address in the settings is none of this machine.
    """
    ports = {port.process: str(port.number) for port in _ports(settings)}
    files = {"DYNAMODB_MAPPING": settings.dynamodb_mapping, "FORECASTS": settings.forecasts}
    return {
        **{name: str(Path(path).expanduser().resolve()) if path else "" for name, path in files.items()},
        "GATEWAY_PORT": ports["gateway"],
        "BROKER_PORT": ports["broker"],
        "CONNECT_PORT": ports["connect"],
        "METRICS_PORT": str(settings.metrics_port),
        "BUCKET": settings.bucket,
        "AWS_DEFAULT_REGION": settings.aws_default_region,
    }


def _ports(settings: Settings) -> list[Port]:
    gateway.address(settings)  # refuses what is not of this machine
    published = [port for port in stack.ports(settings) if port.setting != "KAFKA_CONTROLLER_PORT"]
    return [*published, Port(settings.metrics_port, "spark", "METRICS_PORT")] if settings.metrics_port else published


def _urls(settings: Settings) -> dict[str, str]:
    metrics = {"spark": f"http://127.0.0.1:{settings.metrics_port}/metrics"} if settings.metrics_port else {}
    return {"gateway": settings.aws_endpoint_url, "connect": settings.connect_url, **metrics}


def _health(container: Mapping[str, Any], port: int | None, url: str, resident_bytes: int) -> Health:
    state = container["State"]
    word, reason, uptime = state["Status"], "", 0.0
    if state["Running"]:
        checked = state.get("Health") or {}
        word = _HEALTH.get(checked.get("Status", ""), "ready")
        if word == "failed":
            reason = " ".join(checked["Log"][-1]["Output"].split())[:200] or "its health check fails"
        started = datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*Z$", r"\1+00:00", state["StartedAt"]))
        uptime = (datetime.now(started.tzinfo) - started).total_seconds()
    elif word in ("exited", "dead", "created"):
        word, reason = "stopped", f"exit code {state['ExitCode']}" if state["ExitCode"] else ""
    name, restarts = container["Config"]["Labels"]["com.docker.compose.service"], container["RestartCount"]
    return Health(name, state["Pid"] or None, port, word, resident_bytes, reason, url, uptime, restarts)


def _refuse_unknown(names: Sequence[str]) -> None:
    for name in names:
        if name not in stack.PROCESSES:
            raise ConfigError(f"process {name}", f"one of {', '.join(stack.PROCESSES)}", "correct the name")


def _words(*words: str) -> list[str]:
    return ["compose", "--file", str(FILE), *words]


def _command(*words: str) -> list[str]:
    return [engine.program(), *_words(*words)]
