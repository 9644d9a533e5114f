"""The jars in the cache: fetched once, checksums verified, one folder for each list.

Imports the standard library and lakehouse alone: the installer runs it before anything is installed.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from infra.local import resolver
from infra.local.artifacts import LISTS, Jar, checksum, jars
from lakehouse import settings as knobs
from lakehouse.errors import ConfigError, LakehouseError, SourceError
from lakehouse.settings import Settings

Download = Callable[[Settings, list[Jar], Path, Callable[[str], None]], None]
_STAMP = "verified.json"


def place(settings: Settings, name: str) -> Path:
    """Where the jars of a list belong, there or not: the folder's name changes with the list."""
    mark = hashlib.sha256("\n".join(f"{jar.coordinates} {jar.sha256}" for jar in jars(name)).encode()).hexdigest()
    return settings.cache_path / "jars" / f"{name}-{mark[:12]}"


def folder(settings: Settings, name: str) -> Path:
    """The folder that holds the jars of a list and nothing else that ends in .jar.

    Raises:
        ConfigError: They have not been fetched, or one has been removed since.
    """
    home = place(settings, name)
    if not complete(home):
        raise ConfigError(f"the {name} jars are not in {home}", action="run `make install`")
    return home


def complete(home: Path) -> bool:
    """Whether every jar that was verified here is still here with its size."""
    try:
        sizes: dict[str, int] = json.loads((home / _STAMP).read_text(encoding="utf-8"))
        return all((home / file).stat().st_size == size for file, size in sizes.items())
    except (OSError, ValueError):
        return False


def fetch(settings: Settings, name: str, report: Callable[[str], None], download: Download = resolver.download) -> Path:
    """Bring the jars of a list into the cache; those that are there stay, so an interrupted fetch goes on.

    Args:
        settings: Says where the cache is.
        name: The list.
        report: Takes a line of progress.
        download: Puts the named jars into a folder; Maven or Ivy by default.

    Returns:
        Their folder.

    Raises:
        SourceError: A jar could not be downloaded.
        ConfigError: A download has another checksum than the list says; the file is removed.
    """
    home = place(settings, name)
    if complete(home):
        return home
    home.mkdir(parents=True, exist_ok=True)
    wanted = jars(name)
    missing = [jar for jar in wanted if not _matches(home / jar.file, jar)]
    if missing:
        report(f"{name}: fetching {len(missing)} of {len(wanted)} jars")
        with tempfile.TemporaryDirectory(dir=home) as arrivals:
            download(settings, missing, Path(arrivals), report)
            _accept(Path(arrivals), home, missing)
    sizes = {jar.file: (home / jar.file).stat().st_size for jar in wanted}
    (home / _STAMP).write_text(json.dumps(sizes, indent=1), encoding="utf-8")
    report(f"{name}: {len(wanted)} jars, {sum(sizes.values()) / 2**20:.0f} MiB, checksums verified")
    return home


def _matches(path: Path, jar: Jar) -> bool:
    return path.is_file() and checksum(path) == jar.sha256


def _accept(arrivals: Path, home: Path, wanted: Iterable[Jar]) -> None:
    absent = [jar.coordinates for jar in wanted if not (arrivals / jar.file).is_file()]
    wrong = [jar for jar in wanted if jar.coordinates not in absent and not _matches(arrivals / jar.file, jar)]
    for jar in wanted:
        if jar.coordinates not in absent and jar not in wrong:
            (arrivals / jar.file).replace(home / jar.file)
    for jar in wrong:
        (arrivals / jar.file).unlink()
    if wrong:
        raise ConfigError(
            f"{wrong[0].file} has another checksum than its list says ({len(wrong)} such)",
            f"sha256 {wrong[0].sha256}",
            "removed it; run `make install` again, and if it stays so do not trust the source of your jars",
        )
    if absent:
        raise SourceError(f"{absent[0]} was not delivered ({len(absent)} such)", action="run `make install` again")


def fetch_all(settings: Settings, report: Callable[[str], None], names: Iterable[str] = LISTS) -> None:
    """Fetch the named lists, or every one; see `fetch`."""
    for name in names:
        fetch(settings, name, report)


if __name__ == "__main__":
    try:
        fetch_all(knobs.load(), lambda line: print(line, flush=True), sys.argv[1:] or LISTS)  # noqa: T201 (a command)
    except LakehouseError as fault:
        sys.exit(str(fault))
