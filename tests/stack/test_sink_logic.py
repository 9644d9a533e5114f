"""The sink's own tests, in Java: every failure at every step, without a broker or a bucket."""

import os
import subprocess
from pathlib import Path

import pytest

from infra.local import artifacts, jars, javac
from infra.local.java import find_java
from lakehouse.settings import load

pytestmark = pytest.mark.stack

TESTS = artifacts.ROOT / "connect" / "sink" / "test"


@pytest.mark.parametrize("api", ["compile", "kafka"])
def test_sink_keeps_its_promises_on_the_oldest_and_the_newest_connect(api: str, tmp_path: Path) -> None:
    settings = load(dotenv=None)
    java = find_java(settings)
    classpath = [javac.sink_jar(settings)]
    for name in (api, "sink", "junit"):
        classpath += sorted(jars.folder(settings, name).glob("*.jar"))
    tests = tmp_path / "tests.jar"
    javac.compile_jar(settings, java, sorted(TESTS.rglob("*.java")), classpath, 11, tests)
    run = subprocess.run(
        [
            str(java.java),
            "-ea",
            *("-cp", os.pathsep.join(map(str, [tests, *classpath]))),
            *("org.junit.platform.console.ConsoleLauncher", "execute", "--disable-banner", "--details=tree"),
            f"--scan-class-path={tests}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert "LandingTest" in run.stdout and "0 tests failed" in run.stdout
