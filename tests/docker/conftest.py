"""An engine, or a reason to skip; the images that stand in for those of a registry that cannot be reached; a stack."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.trial import free_ports
from tests.docker.stack import ROOT, Containers

BROKER = "saleslake/broker:4.3.1"


def _absent() -> str:
    """Why no container can run here; empty if they can."""
    if not shutil.which("docker"):
        return "no program docker on PATH"
    for words in (["info", "--format", "{{.ID}}"], ["compose", "version"]):
        told = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=60)
        if told.returncode:
            return f"docker {words[0]}: {(told.stderr or told.stdout).strip().splitlines()[-1]}"
    return ""


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """The variables that choose images: none where Kafka's own can be had, else a stand-in made of the same jars."""
    if reason := _absent():
        if os.environ.get("REQUIRE_DOCKER"):
            pytest.fail(f"REQUIRE_DOCKER is set, but {reason}")
        pytest.skip(reason)
    given = {name: os.environ[name] for name in ("BASE_IMAGE", "KAFKA_IMAGE") if os.environ.get(name)}
    pull = ["docker", "pull", "--quiet", "apache/kafka:4.3.1"]
    if "KAFKA_IMAGE" not in given and subprocess.run(pull, capture_output=True, check=False, timeout=600).returncode:
        build = ["docker", "compose", "--file", str(ROOT / "tests/docker/broker/compose.yaml"), "build"]
        made = subprocess.run(build, capture_output=True, text=True, check=False, timeout=900)
        assert not made.returncode, made.stderr[-3000:]
        given["KAFKA_IMAGE"] = BROKER
    return given


@pytest.fixture(scope="session")
def stack(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """A project of its own, built and up: name, ports, data folder."""
    gateway, broker, connect, metrics = map(str, free_ports(4))
    environment = {
        **images,
        "COMPOSE_PROJECT_NAME": f"saleslake-{secrets.token_hex(4)}",
        "STACK": "compose",
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{gateway}",
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{broker}",
        "CONNECT_URL": f"http://127.0.0.1:{connect}",
        "GATEWAY_PORT": gateway,
        "BROKER_PORT": broker,
        "CONNECT_PORT": connect,
        "METRICS_PORT": metrics,
        "FORECASTS": str(Path(__file__).with_name("forecasts.yaml")),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        containers = Containers(environment["COMPOSE_PROJECT_NAME"])
        try:
            up = containers.infra("up", seconds=1200)
            assert up.returncode == 0, up.stderr[-3000:]
            yield containers
        finally:
            if containers.listed():
                containers.infra("reset")
