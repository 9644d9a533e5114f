"""The archive of the driver's classes: made whole or not at all, only when a line was read, used by the next start."""

import os
import shlex
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.java import find_java
from lakehouse.settings import load
from spark_jobs.class_archive import KEEP_SECONDS, READ_A_LINE, ClassArchive, find, kept

pytestmark = pytest.mark.unit
CLASSES = "java/lang/Object\njava/util/HashMap\njava/util/zip/ZipFile\n"


@pytest.fixture
def java() -> Path:
    return find_java(load()).home / "bin" / "java"


def archive(folder: Path, jar: str = "a.jar") -> ClassArchive:
    return ClassArchive(folder, [jar], "/java")


def script(folder: Path, text: str) -> str:
    """A program in the place of Java."""
    program = folder / "java" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return str(program)


def test_what_was_noted_is_archived_and_a_jvm_takes_it(java: Path, tmp_path: Path) -> None:
    made = archive(tmp_path / "a cache")
    assert shlex.split(made.java_options()) == [f"-XX:DumpLoadedClassList={made.loaded}"]
    made.loaded.write_text(CLASSES + "java/util/Arr")  # the JVM is still writing
    assert made.make(str(java), str(tmp_path), threading.Event())
    [option] = shlex.split(archive(tmp_path / "a cache").java_options())
    assert option == f"-XX:SharedArchiveFile={made.path}"
    command = [str(java), "-Xshare:on", option, "-XX:+UseSerialGC", "-cp", str(tmp_path), "-version"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert sorted(path.name for path in made.path.parent.iterdir()) == sorted([made.path.name, made.loaded.name])


def test_a_dump_that_fails_leaves_nothing(tmp_path: Path) -> None:
    broken = archive(tmp_path)
    broken.loaded.write_text(CLASSES)
    assert not broken.make(script(tmp_path, "exit 1"), "x", threading.Event())
    assert not broken.path.exists()
    assert list(tmp_path.glob("classes-*")) == [broken.loaded]


def test_a_driver_that_stops_does_not_wait_for_it(tmp_path: Path) -> None:
    slow, stop = archive(tmp_path), threading.Event()
    slow.loaded.write_text(CLASSES)
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    assert not slow.make(script(tmp_path, "exec sleep 60"), "x", stop)
    assert time.monotonic() - started < 10


def test_other_jars_or_another_java_have_another_archive(tmp_path: Path) -> None:
    home = tmp_path / "jdk"
    home.mkdir()
    (home / "release").write_text("17.0.15")
    before = ClassArchive(tmp_path, ["a.jar"], str(home)).path
    assert archive(tmp_path).path != archive(tmp_path, "b.jar").path
    (home / "release").write_text("17.0.16")
    assert ClassArchive(tmp_path, ["a.jar"], str(home)).path != before


def test_where_nothing_was_installed_there_is_none() -> None:
    assert find(load(), [], "/java") is None
    assert find(load(), ["a.jar"], "") is None


class TestKept:
    """Beside the driver's work."""

    def spark(self, tmp_path: Path) -> Any:
        """A session whose JVM is at `java` in the folder."""
        properties = {"java.home": str(tmp_path / "java"), "java.class.path": "x"}
        system = SimpleNamespace(getProperty=properties.__getitem__)
        jvm = SimpleNamespace(java=SimpleNamespace(lang=SimpleNamespace(System=system)))
        return SimpleNamespace(sparkContext=SimpleNamespace(_jvm=jvm))

    def until(self, holds: Any) -> None:
        deadline = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def test_is_made_after_a_line_was_read_and_the_list_stands_still(self, tmp_path: Path) -> None:
        made = archive(tmp_path)
        script(tmp_path, 'for a; do case "$a" in *ArchiveFile=*) : > "${a#*=}";; esac; done')
        old = tmp_path / "classes-of-last-year.jsa"
        old.touch()
        os.utime(old, (time.time() - 2 * KEEP_SECONDS,) * 2)
        made.loaded.write_text(CLASSES)
        with kept(made, self.spark(tmp_path), look_seconds=0.05):
            time.sleep(0.5)
            assert not made.path.exists()  # no line was read
            with made.loaded.open("ab") as listed:
                listed.write(READ_A_LINE)
            self.until(lambda: made.path.exists() and not old.exists())
        assert not made.loaded.exists()

    def test_one_that_is_there_is_left_alone(self, tmp_path: Path) -> None:
        made = archive(tmp_path)
        made.path.write_text("an archive")
        with kept(made, None, look_seconds=0.01):  # type: ignore[arg-type]  # not looked at
            time.sleep(0.1)
        assert made.path.read_text() == "an archive"
