"""The lists of JVM artefacts: which jars there are and the checksum that each must have.

A list names the whole closure, so that fetching resolves nothing. Reads text files; jars.py fetches what they name.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
LISTS = {
    "kafka": ROOT / "connect" / "artifacts.txt",
    "sink": ROOT / "connect" / "artifacts.txt",
    "compile": ROOT / "connect" / "artifacts.txt",
    "spark": ROOT / "spark_jobs" / "artifacts.txt",
    "junit": ROOT / "tests" / "artifacts.txt",
}
_COORDINATES = re.compile(r"[\w.-]+:[\w.-]+:[\w.-]+(:[\w.-]+)?")


@dataclass(frozen=True, order=True)
class Jar:
    """One jar: `group:artifact:version[:classifier]` and the checksum it must have, in hexadecimal."""

    coordinates: str
    sha256: str

    @property
    def file(self) -> str:
        """The jar's file name.

        Example:
            >>> Jar("io.netty:netty-common:4.2.1:linux-x86_64", "").file
            'netty-common-4.2.1-linux-x86_64.jar'
        """
        return "-".join(self.coordinates.split(":")[1:]) + ".jar"


def jars(name: str) -> tuple[Jar, ...]:
    """The jars of a list.

    Raises:
        ConfigError: The list has a line that is neither a comment, a request nor a jar with its checksum.
    """
    found = []
    for line in section(name):
        if line.startswith(("+", "-", "#")):
            continue
        coordinates, _, checksum = line.partition(" ")
        if not _COORDINATES.fullmatch(coordinates) or not re.fullmatch(r"[0-9a-f]{64}", checksum.strip()):
            raise ConfigError(f"{LISTS[name]}: {line!r}", "group:artifact:version[:classifier]  sha256", "correct it")
        found.append(Jar(coordinates, checksum.strip()))
    return tuple(found)


def section(name: str) -> list[str]:
    """The lines of the part of a list file that stands under `[name]`, blank ones left out."""
    if name not in LISTS:
        raise ConfigError(f"artefact list {name!r}", f"one of {', '.join(LISTS)}")
    lines = [line.strip() for line in LISTS[name].read_text(encoding="utf-8").splitlines()]
    start = lines.index(f"[{name}]") + 1
    end = next((at for at in range(start, len(lines)) if lines[at].startswith("[")), len(lines))
    return [line for line in lines[start:end] if line]


def checksum(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
