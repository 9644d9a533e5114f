"""Processes come up in order, stay up, and go down without leaving one, whatever is killed."""

import dataclasses
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.local import machine, supervision
from infra.local.daemon import Daemon
from infra.local.process import Process
from infra.local.supervision import Port
from lakehouse.errors import ConfigError, SourceError
from tests.stack.conftest import wait_until

pytestmark = pytest.mark.stack

# Writes that it is ready and which child it has, then waits; says what it was given.
SERVER = """
import os, pathlib, subprocess, sys, time
home = pathlib.Path(sys.argv[1])
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
(home / (sys.argv[2] + ".env")).write_text(repr(dict(os.environ)))
(home / (sys.argv[2] + ".ready")).write_text(f"{os.getpid()} {time.monotonic()}")
print("hello from", sys.argv[2], flush=True)
time.sleep(600)
"""


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder with an awkward name; what runs on it is stopped at the end."""
    folder = tmp_path / "my data #1 %s"
    folder.mkdir()
    yield folder
    supervision.down(folder)


def server(data: Path, name: str, *after: str, **changes: object) -> Process:
    ready = data / f"{name}.ready"

    def unready() -> str | None:
        found = ready.read_text().split() if ready.exists() else []
        alive = found and psutil.pid_exists(int(found[0])) and machine.lives(psutil.Process(int(found[0])))
        return None if alive else "not there"

    command = (sys.executable, "-c", SERVER, str(data), name)
    process = Process(name, command, None, "", unready, environment={"QUOTES": "a\"b'c #;%(x)s\\"}, after=after)
    return dataclasses.replace(process, **changes)


def pids(data: Path) -> dict[str, int]:
    return {name: state["pid"] for name, state in Daemon(data).states().items()}


def started_at(data: Path, name: str) -> float:
    return float((data / f"{name}.ready").read_text().split()[1])


def test_each_starts_when_those_it_needs_are_ready_and_a_second_up_changes_nothing(data: Path) -> None:
    order: list[str] = []
    servers = [server(data, "third", "first", "second"), server(data, "first"), server(data, "second", "first")]
    servers = [dataclasses.replace(one, prepare=lambda name=one.name: order.append(name)) for one in servers]
    then = {"first": lambda: order.append("bucket")}
    assert supervision.up(data, servers, then=then) == ["third", "first", "second"]
    assert order == ["first", "bucket", "second", "third"]
    assert started_at(data, "first") < started_at(data, "second") < started_at(data, "third")
    before = pids(data)
    assert supervision.up(data, servers) == []
    assert pids(data) == before
    assert "third" not in order[4:]


def test_a_process_gets_its_environment_and_nothing_else(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_MINE", "1")
    supervision.up(data, [server(data, "one")])
    found = eval((data / "one.env").read_text())
    assert found["QUOTES"] == "a\"b'c #;%(x)s\\"
    assert found["SALESLAKE_DATA"] == str(data)
    allowed = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "QUOTES", "SALESLAKE_DATA", "LC_CTYPE"}
    assert found.keys() <= allowed
    wait_until("its log", lambda: "hello from one" in Daemon(data).log("one").read_text())


def test_only_this_user_can_reach_the_supervisor_and_its_files(data: Path) -> None:
    supervision.up(data, [server(data, "one")])
    daemon = Daemon(data)
    assert daemon.socket.stat().st_mode & 0o077 == 0
    assert daemon.folder.stat().st_mode & 0o077 == 0
    assert (daemon.folder / "one.json").stat().st_mode & 0o077 == 0
    own = psutil.Process(daemon.ask("getPID"))
    assert not own.net_connections("inet")


def test_a_killed_process_is_started_again(data: Path) -> None:
    supervision.up(data, [server(data, "one"), server(data, "two")])
    before = pids(data)
    os.kill(before["one"], signal.SIGKILL)
    wait_until("one is back", lambda: pids(data)["one"] not in (0, before["one"]))
    assert pids(data)["two"] == before["two"]
    wait_until("its start is counted", lambda: len(Daemon(data).starts("one")) == 2)


def test_down_leaves_no_process_not_even_a_child_in_a_session_of_its_own(data: Path) -> None:
    supervision.up(data, [server(data, "one"), server(data, "two", "one")])
    assert len(machine.marked(data)) == 5
    assert supervision.down(data) == 5
    assert machine.marked(data) == []
    assert supervision.down(data) == 0


def test_those_that_others_need_are_stopped_last(data: Path) -> None:
    supervision.up(data, [server(data, "a"), server(data, "b", "a"), server(data, "c", "b")])
    lines: list[str] = []
    supervision.down(data, lines.append)
    assert lines == ["c: stopped", "b: stopped", "a: stopped"]


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_killed_supervisor_leaves_nothing_behind(data: Path, command: str) -> None:
    supervision.up(data, [server(data, "one")])
    orphan = psutil.Process(pids(data)["one"])
    supervisor = psutil.Process(Daemon(data).ask("getPID"))
    supervisor.kill()
    assert machine.wait([supervisor], 5) == []
    assert machine.lives(orphan)
    if command == "up":
        assert supervision.up(data, [server(data, "one")]) == ["one"]
        assert len(machine.marked(data)) == 3
    else:
        assert supervision.down(data) == 2
        assert machine.marked(data) == []
    assert not machine.lives(orphan)


def test_a_restart_takes_the_new_settings_and_leaves_the_others_alone(data: Path) -> None:
    one, two = server(data, "one"), server(data, "two", "one")
    supervision.up(data, [one, two])
    before = pids(data)
    lines: list[str] = []
    changed = dataclasses.replace(two, environment={"NEW": "1"})
    supervision.up(data, [one, changed], report=lines.append)
    assert [line for line in lines if "older settings" in line] == [
        "two: runs with older settings; `python -m infra restart two` takes new ones"
    ]
    supervision.restart(data, changed)
    assert pids(data)["one"] == before["one"]
    assert pids(data)["two"] not in (0, before["two"])
    assert "'NEW': '1'" in (data / "two.env").read_text()
    assert len(machine.marked(data)) == 5


def test_a_process_that_dies_again_and_again_ends_up_with_its_last_words(data: Path) -> None:
    dying = Process("dying", (sys.executable, "-c", "print('no licence'); exit(3)"), None, "", lambda: "not there")
    waiting = server(data, "waiting", "dying")
    lines: list[str] = []
    begin = time.monotonic()
    with pytest.raises(SourceError, match=r"dying died 3 times while starting.*dying\.log"):
        supervision.up(data, [server(data, "one"), dying, waiting], report=lines.append)
    assert "  no licence" in lines
    assert time.monotonic() - begin < 15
    states = {name: state["statename"] for name, state in Daemon(data).states().items()}
    assert states["one"] in ("STARTING", "RUNNING")
    assert states["dying"] in supervision.DOWN
    assert not (data / "waiting.ready").exists()


def test_a_process_that_is_never_ready_is_given_up(data: Path) -> None:
    lazy = server(data, "lazy", unready=lambda: "thinks")
    with pytest.raises(SourceError, match=r"lazy is not ready after \d s: thinks"):
        supervision.up(data, [lazy], ready_seconds=1)
    assert pids(data)["lazy"] == 0


def test_a_port_of_somebody_else_is_named_before_anything_starts(data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            supervision.up(data, [server(data, "one")], ports=[Port(number, "one", "ONE_PORT")])
    assert f"port {number} of one is held by" in str(caught.value)
    assert f"(pid {os.getpid()})" in str(caught.value)
    assert "ONE_PORT" in str(caught.value)
    assert machine.marked(data) == []


def test_a_port_of_our_own_running_process_is_no_fault(data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = Port(other.getsockname()[1], "one", "ONE_PORT")
        supervision.up(data, [server(data, "one")])
        assert supervision.up(data, [server(data, "one")], ports=[port]) == []


def test_two_commands_at_once_are_refused(data: Path) -> None:
    Daemon(data).prepare()
    with supervision.alone(data), pytest.raises(ConfigError, match="one at a time"):
        supervision.up(data, [server(data, "one")])


def test_a_long_path_gets_its_socket_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / ("x" * 100)
    data.mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    daemon = Daemon(data)
    try:
        supervision.up(data, [server(data, "one")])
        assert len(os.fsencode(daemon.socket)) < 100
        assert daemon.socket.parent.stat().st_mode & 0o777 == 0o700
        assert pids(data)["one"]
    finally:
        supervision.down(data)
    assert not daemon.socket.parent.exists()
