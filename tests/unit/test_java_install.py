"""The installer's refusals: each one line, exit code not zero, before anything is made."""

import sys
from collections import namedtuple
from pathlib import Path

import pytest

from infra.local import install
from lakehouse.errors import ConfigError, SourceError

pytestmark = pytest.mark.unit

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def nothing_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "STAMP", tmp_path / ".venv" / ".installed")
    monkeypatch.setattr(sys, "path", ["here", *sys.path])
    monkeypatch.chdir(tmp_path)


def test_old_python_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert install.main() == 2
    error = capsys.readouterr().err
    assert "Python 3.9" in error and "3.11" in error and error.count("\n") == 1


@pytest.mark.parametrize("what", ["disk", "java", "setting"])
def test_unfit_machine_is_refused_in_one_line(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    expected = {"disk": "0.5 GiB free", "java": "JAVA_HOME", "setting": "BUKET"}[what]
    if what == "disk":
        monkeypatch.setattr(install.shutil, "disk_usage", lambda folder: Usage(10**12, 0, 2**29))
    elif what == "java":
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    else:
        (tmp_path / ".env").write_text("BUKET=x\n")
    assert install.main() == 1
    error = capsys.readouterr().err
    assert error.startswith("install: ") and expected in error and error.count("\n") == 1
    assert not (tmp_path / ".venv").exists()


def test_requirements_that_are_installed_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / "requirements.txt").write_text("a==1\n")
    (tmp_path / ".venv" / ".requirements.txt").write_text("a==1\n")
    monkeypatch.setattr(install, "_run", lambda *given: pytest.fail("ran pip"))
    install._pip("requirements.txt")


def test_failed_program_is_reported_with_its_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    program = [sys.executable, "-c", "print('one'); print('two'); raise SystemExit(3)"]
    with pytest.raises(SourceError, match="two; do this"):
        install._run(program, "do this")
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["one", "two"]


def test_enough_disk_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.shutil, "disk_usage", lambda folder: Usage(10**12, 0, install.LEAST_FREE_BYTES))
    install._check_disk(tmp_path / "not" / "yet")
    monkeypatch.setattr(install.shutil, "disk_usage", lambda folder: Usage(10**12, 0, install.LEAST_FREE_BYTES - 1))
    with pytest.raises(ConfigError, match="CACHE_DIR"):
        install._check_disk(tmp_path / "not" / "yet")
