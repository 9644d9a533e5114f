"""What a user is told when containers cannot be had, and what the engine's words mean; docker is a script here."""

import doctest
import json
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.__main__ import main
from infra.local import compose, composing, engine, runtime
from infra.local.trial import free_ports
from lakehouse.settings import load

pytestmark = pytest.mark.unit

NEVER = 99  # the exit code of what does not end
DENIED = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
    'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/info": dial unix /var/run/docker.sock: connect: permission denied'
)
ANSWERS = {"compose version": "2.26.1", "info": str(8 << 30), "ps": "", "inspect": "[]", "stats": "", "compose up": ""}
SCRIPT = """#!{python}
import json, signal, sys
words = sys.argv[1:]
told = json.load(open({answers!r}))
open({asked!r}, "a").write(" ".join(words) + "\\n")
for key, (text, code) in told.items():
    if all(part in words for part in key.split()):
        if code == {never}:
            signal.pause()
        (sys.stdout if not code else sys.stderr).write(text + "\\n")
        sys.exit(code)
sys.exit(0)
"""


class Docker:
    """A program `docker` that answers what it is told to."""

    def __init__(self, folder: Path) -> None:
        self._answers, self._asked = folder / "answers.json", folder / "asked"
        self._told: dict[str, tuple[str, int]] = {}
        program = folder / "docker"
        text = SCRIPT.format(python=sys.executable, answers=str(self._answers), asked=str(self._asked), never=NEVER)
        program.write_text(text, encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        for words, answer in ANSWERS.items():
            self.says(words, answer)

    def says(self, words: str, answer: str, code: int = 0) -> None:
        self._told[words] = (answer, code)
        self._answers.write_text(json.dumps(self._told), encoding="utf-8")

    def was_asked(self, *words: str) -> bool:
        lines = self._asked.read_text(encoding="utf-8").splitlines() if self._asked.exists() else []
        return any(all(word in line.split() for word in words) for line in lines)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("STACK", "compose")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    for name, port in zip(("AWS_ENDPOINT_URL", "CONNECT_URL"), free_ports(2), strict=True):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    broker, metrics = free_ports(2)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{broker}")
    monkeypatch.setenv("METRICS_PORT", str(metrics))
    return Docker(programs)


def _one_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("words", "answer", "code", "told"),
    [
        ("compose version", "2.17.3", 0, "Docker Compose 2.17.3; expected 2.24 or newer"),
        ("compose version", "docker: 'compose' is not a docker command.", 1, "docker has no command compose"),
        ("info", str(2 << 30), 0, "2.0 GiB of memory for containers; expected at least 4 GiB"),
        ("info", "Cannot connect to the Docker daemon", 1, "no Docker engine answers: Cannot connect to the Docker"),
        ("info", DENIED, 1, "no permission to speak to the Docker engine at unix:///var/run/docker.sock; expected a"),
        ("info", "", NEVER, "docker info has not answered within 1 s; expected an answer"),
    ],
)
def test_what_is_missing_is_told_in_a_line(
    docker: Docker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    answer: str,
    code: int,
    told: str,
) -> None:
    docker.says(words, answer, code)
    if code == NEVER:
        monkeypatch.setattr(engine, "ANSWER_SECONDS", 1)
    assert main(["up"]) == 2
    assert told in _one_line(capsys)
    assert not docker.was_asked("compose", "up")


def test_without_docker_the_other_way_is_named(
    docker: Docker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin" / "docker").unlink()
    assert main(["up"]) == 2
    assert "no program docker on PATH" in (told := _one_line(capsys))
    assert "leave STACK at processes" in told


@pytest.mark.parametrize(
    ("setting", "value", "part"),
    [("CONNECT_URL", "http://127.0.0.1:{}", "connect"), ("METRICS_PORT", "{}", "spark")],
)
def test_a_port_in_use_is_told_before_anything_starts(
    docker: Docker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    value: str,
    part: str,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        monkeypatch.setenv(setting, value.format(port))
        assert main(["up"]) == 2
        told = _one_line(capsys)
    assert f"port {port} of {part} is held by" in told
    assert f"set {setting} in .env" in told
    assert not docker.was_asked("compose", "up")


def test_a_container_that_is_ill_is_named_with_what_its_check_says(
    docker: Docker, capsys: pytest.CaptureFixture[str]
) -> None:
    docker.says("compose up", "dependency failed to start: container saleslake-spark-1 is unhealthy", 1)
    docker.says("ps", "abc")
    docker.says("inspect", json.dumps([_container("spark", "unhealthy", output="no such file")]))
    docker.says("stats", "abc 12.5MiB / 3GiB")
    assert main(["up"]) == 2
    assert "spark is failed: no such file" in _one_line(capsys)


def test_of_a_build_the_long_steps_are_told_and_every_fault(docker: Docker, capsys: pytest.CaptureFixture[str]) -> None:
    assert not doctest.testmod(composing, raise_on_error=True).failed
    lines = [
        "#1 [spark internal] load", "#1 DONE 0.1s", "#2 [spark jars 2/9] RUN " + "x" * 200, "#2 CACHED",
        "#3 [spark jars 3/9] RUN " + "y" * 200, "#3 3.21 some output", "#3 DONE 12.3s",
        " Container a-b-spark-1  Waiting", "no space left on device",
    ]  # fmt: skip
    docker.says("compose up", "\n".join(lines), 1)
    assert main(["up"]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("error")]
    assert told[0].startswith("  built [spark jars 3/9] RUN yyy")
    assert told[0].endswith(" (12.3 s)")
    assert told[1:] == ["no space left on device"]
    assert max(map(len, told)) <= 80


def test_settings_of_this_machine_reach_the_containers(docker: Docker) -> None:
    settings = load({"AWS_ENDPOINT_URL": "http://127.0.0.1:4570", "BUCKET": "shop", "METRICS_PORT": "9200"}, None)
    found = compose.variables(settings)
    assert found["GATEWAY_PORT"] == "4570"
    assert (found["BROKER_PORT"], found["CONNECT_PORT"], found["METRICS_PORT"]) == ("9092", "8083", "9200")
    assert found["BUCKET"] == "shop"


def test_status_shows_containers_as_it_shows_processes(docker: Docker, capsys: pytest.CaptureFixture[str]) -> None:
    docker.says("ps", "abc")
    docker.says("inspect", json.dumps([_container("gateway", "healthy", restarts=2)]))
    docker.says("stats", "abc 12.5MiB / 3GiB")
    main(["status", "--json"])
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert (told["gateway"]["pid"], told["gateway"]["health"]) == (77, "ready")
    assert told["gateway"]["resident_bytes"] == 12.5 * 2**20
    assert told["spark"]["health"] == "stopped"


def test_doctor_asks_what_containers_need(docker: Docker, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    found = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert found == [["ok", "docker"], ["ok", "compose"], ["ok", "engine"], ["ok", "ports"]]
    docker.says("info", str(2 << 30))
    assert main(["doctor"]) == 1
    assert "FAIL engine     2.0 GiB of memory" in capsys.readouterr().out


def test_logs_are_the_containers(docker: Docker, capsys: pytest.CaptureFixture[str]) -> None:
    docker.says("logs", "one\ntwo")
    assert main(["logs", "spark", "--no-follow", "--lines", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == ["one", "two"]
    assert docker.was_asked("logs", "--tail", "2", "--no-log-prefix", "spark")


def test_maintenance_takes_the_driver_s_place_and_gives_it_back(docker: Docker) -> None:
    docker.says("ps", "abc")
    docker.says("inspect", json.dumps([_container("spark", "healthy")]))
    docker.says("run", "", 3)
    assert runtime.of(load()).run_instead_of_driver("maintain", lambda _: None) == 3
    for words in (("stop", "spark"), ("run", "spark_jobs", "maintain"), ("up", "--no-deps", "spark")):
        assert docker.was_asked(*words), words


def test_reset_deletes_the_volumes_and_down_does_not(docker: Docker) -> None:
    assert main(["down"]) == 0
    assert docker.was_asked("down")
    assert not docker.was_asked("down", "--volumes")
    assert main(["reset"]) == 0
    assert docker.was_asked("down", "--volumes")


def test_other_addresses_than_this_machine_s_are_refused(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://10.0.0.1:4566")
    assert main(["up"]) == 2
    assert "AWS_ENDPOINT_URL=http://10.0.0.1:4566; expected an address of this machine" in _one_line(capsys)


def _container(service: str, health: str, *, restarts: int = 0, output: str = "") -> dict[str, Any]:
    checked = {"Status": health, "Log": [{"Output": output}]}
    started = "2026-01-02T03:04:05.123456789Z"
    return {
        "Id": "abc",
        "RestartCount": restarts,
        "Config": {"Labels": {"com.docker.compose.service": service}},
        "State": {"Running": True, "Status": "running", "Pid": 77, "StartedAt": started, "Health": checked},
    }
