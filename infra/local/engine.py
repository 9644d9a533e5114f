"""The program `docker`: asks it, and says in one line what is missing where it cannot do what the stack needs.

Knows no container of ours.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.errors import ConfigError, SourceError

LEAST_COMPOSE = (2, 24)  # knows env_file with `required: false`
LEAST_MEMORY_BYTES = 4 << 30
ANSWER_SECONDS = 30.0
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 1000, "MB": 10**6, "GB": 10**9}
Done = subprocess.CompletedProcess[str]


def program() -> str:
    """The path of `docker`; raises ConfigError where there is none."""
    found = shutil.which("docker")
    if not found:
        raise ConfigError("no program docker on PATH", "Docker with Compose", "install it, or leave STACK at processes")
    return found


def ask(*words: str, environment: Mapping[str, str] | None = None) -> Done:
    """Run `docker` with these words to its end; its exit code is the caller's matter.

    Raises:
        ConfigError: There is no such program.
        SourceError: It has not answered in time.
    """
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": ANSWER_SECONDS}
    given = dict(os.environ if environment is None else environment)
    try:
        return subprocess.run([program(), *words], check=False, env=given, **options)  # noqa: S603
    except subprocess.TimeoutExpired as fault:
        raise SourceError(
            f"docker {words[0]} has not answered within {ANSWER_SECONDS:.0f} s", "an answer", "start the engine again"
        ) from fault


def checked(done: Done) -> Done:
    """The same; raises SourceError where docker says that it failed."""
    if done.returncode:
        raise SourceError(f"docker: {last_line(done)}", "an answer", "is the engine running? see `docker info`")
    return done


def last_line(done: Done) -> str:
    """The last words of a program, where its complaint stands."""
    lines = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit code {done.returncode}"


def compose_version() -> str:
    """Docker Compose is there and new enough.

    Raises:
        ConfigError: It is not.
    """
    told = ask("compose", "version", "--short")
    least = ".".join(map(str, LEAST_COMPOSE))
    if told.returncode:
        raise ConfigError("docker has no command compose", f"Docker Compose {least}", "install its plug-in")
    found = told.stdout.strip()
    if tuple(int(part) for part in re.findall(r"\d+", found)[:2]) < LEAST_COMPOSE:
        raise ConfigError(f"Docker Compose {found}", f"{least} or newer", "install a newer one")
    return f"Docker Compose {found}"


def memory() -> str:
    """An engine answers and has memory enough.

    Raises:
        ConfigError: None does, or this user may not speak to it, or it has too little.
    """
    told = ask("info", "--format", "{{.MemTotal}}")
    amount_of = told.stdout.strip()
    if told.returncode or not amount_of.isdigit():
        if "permission denied" in told.stderr.lower():
            where = re.search(r"unix://\S*[^\s:]", told.stderr)
            raise ConfigError(
                f"no permission to speak to the Docker engine at {where[0] if where else 'its socket'}",
                "a member of its group",
                "run `sudo usermod -aG docker $USER` and log in again",
            )
        raise ConfigError(f"no Docker engine answers: {last_line(told)}", "a running one", "start it")
    if int(amount_of) < LEAST_MEMORY_BYTES:
        raise ConfigError(
            f"{int(amount_of) / 2**30:.1f} GiB of memory for containers",
            f"at least {LEAST_MEMORY_BYTES / 2**30:.0f} GiB",
            "give the engine more, in its settings",
        )
    return f"{int(amount_of) / 2**30:.1f} GiB for containers"


def resident_bytes(ids: Sequence[str]) -> dict[str, int]:
    """By container, the memory it takes, as the engine counts it."""
    if not ids:
        return {}
    told = checked(ask("stats", "--no-stream", "--no-trunc", "--format", "{{.ID}} {{.MemUsage}}", *ids)).stdout
    return {line.split()[0]: amount(line.split()[1]) for line in told.splitlines()}


def amount(text: str) -> int:
    """An amount of memory as the engine writes it, in bytes.

    Example:
        >>> amount("12.5MiB")
        13107200
    """
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]+)", text).groups()  # type: ignore[union-attr]
    return int(float(number) * _UNITS[unit])
