"""What CI runs and what becomes of the engine that it starts; make, docker and the engine's script are scripts here."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
MAKE = 'echo "make $* ${REQUIRE_DOCKER:-} ${BASE_IMAGE:-}" >> told; [ "$1" != "${FAILS:-}" ]'
DOCKER = "[ -e running ]"
STARTS = (
    '[ "$1" = up ] || { echo stopped >> told; rm -f running; exit; }; touch running; echo export BASE_IMAGE=local/base'
)


class Project:
    """A folder with CI's script and the programs that it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.engine = folder, folder / "engine.sh"
        (folder / ".ci").mkdir()
        shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
        (folder / "bin").mkdir()
        for name, text in (("make", MAKE), ("docker", DOCKER)):
            path = folder / "bin" / name
            path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
            path.chmod(0o755)

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        given = {"PATH": path, "ENGINE": str(self.engine), "TMPDIR": str(self.folder), **environment}
        return subprocess.run(
            [str(self.folder / ".ci" / "run")], env=given, capture_output=True, text=True, timeout=60, check=False
        )

    @property
    def told(self) -> list[str]:
        """What make was asked for, and when the engine was stopped."""
        return [line.strip() for line in (self.folder / "told").read_text(encoding="utf-8").splitlines()]

    @property
    def is_running(self) -> bool:
        return (self.folder / "running").exists()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_an_engine_that_answers_is_used_and_left_alone(project: Project) -> None:
    (project.folder / "running").touch()
    project.engine.write_text(STARTS, encoding="utf-8")
    assert project.run().returncode == 0
    assert project.told == ["make install", "make lint", "make test", "make test-docker 1"]
    assert project.is_running


def test_an_engine_is_started_with_its_variables_and_stopped_at_the_end(project: Project) -> None:
    project.engine.write_text(STARTS, encoding="utf-8")
    assert project.run().returncode == 0
    assert project.told[3:] == ["make test-docker 1 local/base", "stopped"]
    assert not project.is_running


@pytest.mark.parametrize("target", ["install", "test", "test-docker"])
def test_a_step_that_fails_fails_it_all_and_leaves_no_engine(project: Project, target: str) -> None:
    project.engine.write_text(STARTS, encoding="utf-8")
    assert project.run(FAILS=target).returncode != 0
    assert project.told[-2].startswith(f"make {target}")
    assert project.told[-1] == "stopped"
    assert not project.is_running


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, "no Docker engine answers and there is no {engine}"),
        ("echo some; echo no network; exit 3", "{engine} has failed: no network"),
        ("true", "{engine} has started no engine that answers"),
        ('echo waiting; [ "$1" = up ] && sleep 50', "{engine} has failed: waiting"),
    ],
    ids=["no script", "it fails", "nothing answers", "it hangs"],
)
def test_without_an_engine_it_is_said_why_unless_one_is_required(
    project: Project, script: str | None, reason: str
) -> None:
    if script is not None:
        project.engine.write_text(script, encoding="utf-8")
    reason = reason.format(engine=project.engine)
    done = project.run(ENGINE_SECONDS="1")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"the tests of the containers are skipped: {reason}"]
    assert project.told == ["make install", "make lint", "make test"]
    required = project.run(ENGINE_SECONDS="1", REQUIRE_DOCKER="1")
    assert required.returncode == 1
    assert required.stderr.splitlines()[-1] == f"REQUIRE_DOCKER is set, but {reason}"
