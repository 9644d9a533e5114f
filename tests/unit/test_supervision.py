"""The order of processes, and what the supervisor is told."""

from pathlib import Path

import pytest

from infra.local.daemon import Daemon
from infra.local.process import Process
from infra.local.supervision import levels
from lakehouse.errors import ContractError

pytestmark = pytest.mark.unit


def process(name: str, *after: str) -> Process:
    return Process(name, ("/bin/true",), None, "", lambda: None, after=after)


def names(groups: list[list[Process]]) -> list[list[str]]:
    return [[process.name for process in group] for group in groups]


def test_independent_processes_start_side_by_side() -> None:
    stack = [
        process("spark", "gateway"),
        process("connect", "broker", "gateway"),
        process("broker"),
        process("gateway"),
    ]
    assert names(levels(stack)) == [["broker", "gateway"], ["spark", "connect"]]


def test_a_circle_and_a_missing_name_are_refused() -> None:
    with pytest.raises(ContractError, match="a after b, b after a"):
        levels([process("a", "b"), process("b", "a")])
    with pytest.raises(ContractError, match="a after nobody"):
        levels([process("a", "nobody")])


def test_a_description_differs_when_anything_of_it_does(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.prepare()
    daemon.describe(process("a"))
    assert not daemon.differs(process("a"))
    assert daemon.differs(process("a", "b"))
    assert daemon.described()["a"]["command"] == ["/bin/true"]


def test_no_path_or_value_stands_in_the_configuration(tmp_path: Path) -> None:
    data = tmp_path / "it's #1; %(x)s"
    daemon = Daemon(data)
    daemon.prepare()
    daemon.describe(Process("a", (f"{data}/program",), 1, "", lambda: None, environment={"KEY": "se;cret"}))
    text = daemon._configuration()
    assert str(data) not in text
    assert "cret" not in text
    assert "[program:a]" in text
    assert "autorestart = true" in text


def test_without_a_supervisor_nothing_is_known_and_nothing_is_made(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "absent")
    assert not daemon.is_running()
    assert daemon.states() == {}
    assert daemon.described() == {}
    assert not (tmp_path / "absent").exists()
