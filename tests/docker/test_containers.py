"""The whole stack in containers: the sums of a year, containers killed in mid-stream, and nothing left at the end."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from testcontainers.compose import DockerCompose

from infra.local import status
from lakehouse.settings import Settings, load

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("gateway", "broker", "connect", "spark")
Run = Callable[..., subprocess.CompletedProcess[str]]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


@pytest.fixture(scope="module")
def environment(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A project of its own: name, ports, data folder."""
    gateway, broker, connect, metrics = _free_ports(4)
    return {
        **images,
        "COMPOSE_PROJECT_NAME": f"saleslake-{secrets.token_hex(4)}",
        "STACK": "compose",
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{gateway}",
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{broker}",
        "CONNECT_URL": f"http://127.0.0.1:{connect}",
        "METRICS_PORT": str(metrics),
        "GATEWAY_PORT": str(gateway),
        "BROKER_PORT": str(broker),
        "CONNECT_PORT": str(connect),
    }


@pytest.fixture(scope="module")
def settings(environment: dict[str, str]) -> Settings:
    return load(environment, None)


@pytest.fixture(scope="module")
def project(environment: dict[str, str]) -> Iterator[DockerCompose]:
    """The stack, built and up."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with DockerCompose(ROOT, build=True, profiles=["live"], services=list(SERVICES)) as running:
            running.services = None  # `down` is for all of them
            yield running


@pytest.fixture
def infra(project: DockerCompose, environment: dict[str, str]) -> Run:
    """Run a command of `python -m infra` as a user does."""

    def run(*words: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "infra", *words]
        given = {**os.environ, **environment}
        return subprocess.run(
            command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=seconds, check=False
        )

    return run


def _containers(project: DockerCompose) -> dict[str, dict[str, Any]]:
    names = [one.Name for one in project.get_containers(include_all=True) if one.Name]
    told = subprocess.run(["docker", "inspect", *names], capture_output=True, text=True, check=True)
    return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in json.loads(told.stdout)}


def test_no_container_runs_as_root_or_is_reached_from_elsewhere(project: DockerCompose) -> None:
    found = _containers(project)
    assert set(SERVICES) <= set(found)
    for name, one in found.items():
        user = subprocess.run(
            ["docker", "run", "--rm", "--entrypoint", "id", one["Config"]["Image"], "-u"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(user.stdout) > 0, name
        addresses = {bound["HostIp"] for ports in one["HostConfig"]["PortBindings"].values() for bound in ports}
        assert addresses <= {"127.0.0.1"}, name
        assert one["HostConfig"]["Memory"], name


def test_a_year_of_sales_comes_to_the_known_sums(infra: Run) -> None:
    done = infra("demo", "--noise", "realistic")
    assert done.returncode == 0, done.stderr[-3000:]
    for sum_of_all in ("541,909", "5,176,450", "9,747,747.934", "25,900"):
        assert sum_of_all in done.stdout
    asked = infra("query", "--format", "csv", "select sum(units_sold) - sum(units_returned) from gold.daily_sales")
    assert asked.stdout.splitlines()[-1] == "5176450"


def test_containers_killed_in_mid_stream_lose_nothing(
    project: DockerCompose, infra: Run, environment: dict[str, str], settings: Settings
) -> None:
    before = status.progress(settings)
    assert before is not None
    command = [sys.executable, "-m", "infra", "replay", "--seed", "7", "--limit", "120000"]
    sending = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for name in ("connect", "spark", "broker"):
            _wait_for_news(settings, sum(before.rows.values()))
            subprocess.run(
                ["docker", "kill", "-s", "KILL", _containers(project)[name]["Id"]], check=True, capture_output=True
            )
            again = infra("up")
            assert again.returncode == 0, again.stderr[-3000:]
        output, _ = sending.communicate(timeout=300)
    finally:
        sending.kill()
    assert sending.returncode == 0, output[-3000:]
    verified = infra("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    checked = infra("demo", "--limit", "1000", "--seed", "7")  # compares every row with what the shop believes
    assert checked.returncode == 0, checked.stderr[-3000:]


def test_data_survive_down_and_up(infra: Run) -> None:
    question = ("query", "--format", "csv", "select count(*), sum(net_revenue) from gold.daily_sales")
    before = infra(*question)
    assert before.returncode == 0, before.stderr
    assert infra("down").returncode == 0
    assert infra("up").returncode == 0
    assert infra(*question).stdout == before.stdout


def test_status_tells_each_container(infra: Run) -> None:
    told = json.loads(infra("status", "--json").stdout)
    assert {one["name"]: one["health"] for one in told} == dict.fromkeys(SERVICES, "ready")
    assert all(one["resident_bytes"] > 10 << 20 for one in told)


def test_reset_leaves_nothing(infra: Run, environment: dict[str, str]) -> None:
    """The last test: the project is gone after it."""
    done = infra("reset")
    assert done.returncode == 0, done.stderr
    name = environment["COMPOSE_PROJECT_NAME"]
    for kind in (["ps", "--all"], ["volume", "ls"], ["network", "ls"]):
        told = subprocess.run(
            ["docker", *kind, "--quiet", "--filter", f"label=com.docker.compose.project={name}"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert not told.stdout.split(), kind


def _wait_for_news(settings: Settings, rows: int) -> None:
    """Wait until the driver has read more rows than there were, or a while has passed with a part of the stack down."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = status.progress(settings)
        if found and sum(found.rows.values()) > rows:
            return
        time.sleep(0.1)
