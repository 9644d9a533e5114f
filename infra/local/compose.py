"""The stack in containers: what `docker compose` is asked, and what its answers mean.

The same stack as stack.py's processes, under the same names and on the same ports; docker-compose.yaml says what runs.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.local import gateway, stack
from infra.local.health import Health
from infra.local.supervision import Port, Report, check_ports
from lakehouse.errors import ConfigError, SourceError
from lakehouse.settings import Settings

FILE = Path(__file__).resolve().parents[2] / "docker-compose.yaml"
LEAST_VERSION = (2, 24)  # knows env_file with `required: false`
LEAST_MEMORY_BYTES = 4 << 30
_SAID_LINES = 5
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 1000, "MB": 10**6, "GB": 10**9}


def up(settings: Settings, names: Sequence[str] = (), report: Report = lambda _: None) -> None:
    """Build what has changed, start what is not running and wait until all is healthy.

    Raises:
        ConfigError: Docker is absent, too old or too small, or a port is held by somebody else.
        SourceError: A build failed, or a container is not healthy in time; the others stay up.
    """
    _refuse_unknown(names)
    _require_engine()
    running = {one.name for one in health(settings) if one.pid}
    check_ports([port for port in _ports(settings) if port.process not in running])
    settings.data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    (settings.data_path / "compose").touch()
    done = _compose(settings, "up", "--build", "--detach", "--wait", "--quiet-pull", *names, report=report)
    if done.returncode:
        ill = next((one for one in health(settings) if one.reason), None)
        what = f"{ill.name} is {ill.health}: {ill.reason}" if ill else _last_line(done)
        raise SourceError(f"docker compose up: {what}", "every container healthy", "see `make logs STACK=compose`")


def down(settings: Settings, *, volumes: bool = False, report: Report = lambda _: None) -> None:
    """Stop and remove the containers; with `volumes`, DELETE their data.

    Raises:
        SourceError: Docker does not answer or refuses.
    """
    options = ["--volumes"] if volumes else []
    _checked(_compose(settings, "--profile", "*", "down", *options, report=report))


def restart(settings: Settings, name: str, report: Report = lambda _: None) -> None:
    """Stop one container and start it again, with its settings of now."""
    _refuse_unknown([name])
    again = ["up", "--build", "--detach", "--wait", "--no-deps", "--force-recreate", name]
    _checked(_compose(settings, *again, report=report))


def logs(settings: Settings, names: Sequence[str], *, lines: int, follow: bool) -> int:
    """Print the last lines of the logs, and what is added to them; returns compose's exit code."""
    options = ["--tail", str(lines), *(["--follow"] if follow else [])]
    return subprocess.run(_command("logs", *options, *names), env=_environment(settings), check=False).returncode  # noqa: S603


def run_instead_of_spark(settings: Settings, command: str, report: Report = lambda _: None) -> int:
    """Run another command of spark_jobs while the driver is stopped; returns its exit code."""
    was_running = any(one.name == "spark" and one.pid for one in health(settings))
    if was_running:
        _checked(_compose(settings, "stop", "spark", report=report))
    try:
        words = ["run", "--rm", "--no-deps", "spark", "python", "-m", "spark_jobs", command]
        return subprocess.run(_command(*words), env=_environment(settings), check=False).returncode  # noqa: S603
    finally:
        if was_running:
            _checked(_compose(settings, "up", "--detach", "--wait", "--no-deps", "spark", report=report))


def health(settings: Settings) -> list[Health]:
    """Every container of the stack in the order of its start.

    Raises:
        SourceError: Docker does not answer.
    """
    listed = _checked(_compose(settings, "ps", "--all", "--quiet", *stack.PROCESSES)).stdout.split()
    containers = json.loads(_checked(_docker("inspect", *listed)).stdout) if listed else []
    memory = _memory([one["Id"] for one in containers if one["State"]["Running"]])
    found = {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in containers}
    ports = {port.process: port.number for port in _ports(settings)}
    urls = {"gateway": settings.aws_endpoint_url, "connect": settings.connect_url}
    return [
        _health(found[name], memory, ports.get(name), urls.get(name, ""))
        if name in found
        else Health(name, None, ports.get(name), "stopped", 0, url=urls.get(name, ""))
        for name in stack.PROCESSES
    ]


def variables(settings: Settings) -> dict[str, str]:
    """What the compose file is filled in with, so that the settings of this machine reach the containers.

    Raises:
        ConfigError: An address in the settings is none of this machine.
    """
    ports = {port.process: str(port.number) for port in _ports(settings)}
    return {
        "GATEWAY_PORT": ports["gateway"],
        "BROKER_PORT": ports["broker"],
        "CONNECT_PORT": ports["connect"],
        "METRICS_PORT": str(settings.metrics_port),
        "BUCKET": settings.bucket,
        "AWS_DEFAULT_REGION": settings.aws_default_region,
    }


def _ports(settings: Settings) -> list[Port]:
    gateway.address(settings)  # refuses what is not of this machine
    return [port for port in stack.ports(settings) if port.setting != "KAFKA_CONTROLLER_PORT"]


def _health(container: Mapping[str, Any], memory: Mapping[str, int], port: int | None, url: str) -> Health:
    state = container["State"]
    checked = state.get("Health") or {}
    word, reason = state["Status"], ""
    if state["Running"]:
        word = {"healthy": "ready", "starting": "starting", "unhealthy": "failed"}.get(
            checked.get("Status", ""), "ready"
        )
        if word == "failed":
            reason = " ".join(checked["Log"][-1]["Output"].split())[:200] or "its health check fails"
    elif word in ("exited", "dead", "created"):
        word, reason = "stopped", f"exit code {state['ExitCode']}" if state["ExitCode"] else ""
    started = datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*Z$", r"\1+00:00", state["StartedAt"]))
    return Health(
        container["Config"]["Labels"]["com.docker.compose.service"],
        state["Pid"] or None,
        port,
        word,
        memory.get(container["Id"], 0),
        reason,
        url,
        (datetime.now(started.tzinfo) - started).total_seconds() if state["Running"] else 0.0,
        container["RestartCount"],
    )


def _memory(ids: Sequence[str]) -> dict[str, int]:
    """By container, the memory it takes [bytes], as the engine counts it."""
    if not ids:
        return {}
    told = _checked(_docker("stats", "--no-stream", "--no-trunc", "--format", "{{.ID}} {{.MemUsage}}", *ids)).stdout
    return {line.split()[0]: amount(line.split()[1]) for line in told.splitlines()}


def amount(text: str) -> int:
    """An amount of memory as the engine writes it, in bytes.

    Example:
        >>> amount("12.5MiB")
        13107200
    """
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]+)", text).groups()  # type: ignore[union-attr]
    return int(float(number) * _UNITS[unit])


def _refuse_unknown(names: Sequence[str]) -> None:
    for name in names:
        if name not in stack.PROCESSES:
            raise ConfigError(f"process {name}", f"one of {', '.join(stack.PROCESSES)}", "correct the name")


def _require_engine() -> None:
    """Refuse to start where the stack cannot run.

    Raises:
        ConfigError: It says what is missing.
    """
    version = _docker("compose", "version", "--short")
    if version.returncode:
        raise ConfigError("docker has no command compose", f"Docker Compose {_dotted(LEAST_VERSION)}", "install it")
    found = tuple(int(part) for part in re.findall(r"\d+", version.stdout)[:2])
    if found < LEAST_VERSION:
        raise ConfigError(
            f"Docker Compose {version.stdout.strip()}", f"{_dotted(LEAST_VERSION)} or newer", "install a newer one"
        )
    told = _docker("info", "--format", "{{.MemTotal}}")
    if told.returncode or not told.stdout.strip().isdigit():
        raise ConfigError(f"no Docker engine answers: {_last_line(told)}", "a running one", "start it")
    if (memory := int(told.stdout)) < LEAST_MEMORY_BYTES:
        raise ConfigError(
            f"{memory / 2**30:.1f} GiB of memory for containers",
            f"at least {LEAST_MEMORY_BYTES / 2**30:.0f} GiB",
            "give the engine more, in its settings",
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _command(*words: str) -> list[str]:
    return [_program(), "compose", "--file", str(FILE), *words]


def _program() -> str:
    found = shutil.which("docker")
    if not found:
        raise ConfigError("no program docker on PATH", "Docker with Compose", "install it, or leave STACK at processes")
    return found


def _environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, **variables(settings)}


def _compose(settings: Settings, *words: str, report: Report | None = None) -> subprocess.CompletedProcess[str]:
    """Ask compose; with `report`, its lines are told as they come."""
    if report is None:
        return _asked(_command(*words), _environment(settings))
    said: list[str] = []
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    command = _command("--progress", "plain", *words)
    with subprocess.Popen(command, env=_environment(settings), **pipes) as running:  # noqa: S603
        for line in filter(str.strip, running.stdout or ()):
            said.append(line.rstrip())
            report(said[-1])
    return subprocess.CompletedProcess(words, running.returncode, "", "\n".join(said[-_SAID_LINES:]))


def _docker(*words: str) -> subprocess.CompletedProcess[str]:
    return _asked([_program(), *words], os.environ)


def _asked(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)  # noqa: S603


def _checked(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    if done.returncode:
        raise SourceError(f"docker: {_last_line(done)}", "an answer", "is the engine running? see `docker info`")
    return done


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit code {done.returncode}"
