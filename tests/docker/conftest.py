"""An engine, or a reason to skip; the images that stand in for those of a registry that cannot be reached."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BROKER = "saleslake/broker:4.3.1"


def _docker(*words: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *words], cwd=ROOT, capture_output=True, text=True, check=False, env=dict(environment or os.environ)
    )


def _absent() -> str:
    """Why no container can run here; empty if they can."""
    if not shutil.which("docker"):
        return "no program docker on PATH"
    for words in (["info", "--format", "{{.ID}}"], ["compose", "version"]):
        if (told := _docker(*words)).returncode:
            return f"docker {words[0]}: {(told.stderr or told.stdout).strip().splitlines()[-1]}"
    return ""


@pytest.fixture(scope="session")
def images() -> Iterator[dict[str, str]]:
    """The variables that choose images: none where Kafka's own can be had, else a stand-in made of the same jars."""
    if reason := _absent():
        if os.environ.get("REQUIRE_DOCKER"):
            pytest.fail(f"REQUIRE_DOCKER is set, but {reason}")
        pytest.skip(reason)
    given = {name: os.environ[name] for name in ("BASE_IMAGE", "KAFKA_IMAGE") if os.environ.get(name)}
    if "KAFKA_IMAGE" not in given and _docker("pull", "--quiet", "apache/kafka:4.3.1").returncode:
        base = ["--build-arg", f"BASE_IMAGE={given['BASE_IMAGE']}"] if "BASE_IMAGE" in given else []
        made = _docker("build", "--quiet", "--file", "tests/docker/broker/Dockerfile", *base, "--tag", BROKER, ".")
        assert not made.returncode, made.stderr
        given["KAFKA_IMAGE"] = BROKER
    yield given
