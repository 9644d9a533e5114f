"""The JVM's class data archive: a start of the driver maps 19,000 classes instead of reading them from 330 jars.

A driver without an archive notes which classes it loads; once it has read a line and loads no more of them, a child of
the lowest priority makes the archive of them for the next start. The JVM itself checks that an archive fits its class
path, and starts without it where it does not.
"""

import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyspark
from pyspark.sql import SparkSession

from lakehouse.logs import event
from lakehouse.settings import Settings

LOOK_SECONDS = 10.0
MAKE_SECONDS = 600.0  # 40 s on an idle machine
KEEP_SECONDS = 30 * 86400.0
READ_A_LINE = b"\nio/saleslake/spark/Change\n"  # a class that the first line read loads
PREFIX = "classes-"


class ClassArchive:
    """The archive of one Java and class path.

    Args:
        folder: Where archives lie.
        class_path: The driver's, beyond pyspark's own; its entries are named for what is in them.
        java_home: The Java that runs the driver.
    """

    def __init__(self, folder: Path, class_path: list[str], java_home: str) -> None:
        own_jars = Path(pyspark.__file__).parent / "jars"
        parts = (*class_path, str(own_jars), str(own_jars.stat().st_mtime_ns), _release(java_home))
        key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
        self.path = folder / f"{PREFIX}{key}.jsa"
        self.loaded = folder / f"{PREFIX}{key}-{os.getpid()}.list"

    def java_options(self) -> str:
        """What the driver's JVM is to be started with: the archive, or where to note what goes into it."""
        if self.path.is_file():
            os.utime(self.path)
            return f'"-XX:SharedArchiveFile={self.path}"'
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return f'"-XX:DumpLoadedClassList={self.loaded}"'

    def make(self, java: str, class_path: str, stop: threading.Event) -> bool:
        """Make the archive of the classes noted so far; it is there whole or not at all.

        Args:
            java: The program that runs the driver.
            class_path: The running JVM's whole class path.
            stop: Set from outside to give up.

        Returns:
            Whether it was made and a JVM takes it.
        """
        listed, made = self.loaded.with_suffix(".part"), self.path.with_suffix(f".{os.getpid()}")
        listed.write_bytes(self.loaded.read_bytes().rpartition(b"\n")[0] + b"\n")
        dump = ["-Xshare:dump", "-Xlog:disable", "-Xlog:all=error:stderr", f"-XX:SharedClassListFile={listed}"]
        share = [f"-XX:SharedArchiveFile={made}", "-XX:+UseSerialGC", "-Xmx512m", "-cp", class_path]
        try:
            if _run([java, *dump, *share], stop) and _run([java, "-Xshare:on", *share, "-version"], stop):
                made.replace(self.path)
                return True
            return False
        finally:
            for leftover in (listed, made):
                leftover.unlink(missing_ok=True)


@contextmanager
def kept(archive: ClassArchive | None, spark: SparkSession, look_seconds: float = LOOK_SECONDS) -> Iterator[None]:
    """Make the archive, if there is none, while the context lasts: beside the driver's work, in a thread of its own."""
    if archive is None or archive.path.is_file():
        yield
        return
    jvm: Any = spark.sparkContext._jvm
    java, class_path = (jvm.java.lang.System.getProperty(name) for name in ("java.home", "java.class.path"))
    stop = threading.Event()

    def work() -> None:
        before = -1
        while not stop.wait(look_seconds):
            loaded = archive.loaded.read_bytes() if archive.loaded.is_file() else b""
            if len(loaded) == before and READ_A_LINE in loaded:
                started = time.monotonic()
                made = archive.make(f"{java}/bin/java", class_path, stop)
                _forget_old(archive)
                event("class archive", made=made, seconds=round(time.monotonic() - started, 1))
                return
            before = len(loaded)

    thread = threading.Thread(target=work, name="class archive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)
        archive.loaded.unlink(missing_ok=True)


def find(settings: Settings, class_path: list[str], java_home: str) -> ClassArchive | None:
    """The archive to use; None where Java and jars are not those of `make install`, or the cache cannot be written."""
    if not (class_path and java_home and os.access(settings.cache_path, os.W_OK)):
        return None
    return ClassArchive(settings.cache_path, class_path, java_home)


def _run(command: list[str], stop: threading.Event) -> bool:
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, stdout=quiet, stderr=quiet)  # noqa: S603  (the driver's own Java)
    os.setpriority(os.PRIO_PROCESS, child.pid, 19)  # its threads inherit it
    deadline = time.monotonic() + MAKE_SECONDS
    while child.poll() is None:
        if stop.wait(0.2) or time.monotonic() > deadline:
            child.kill()
    return child.wait() == 0


def _forget_old(archive: ClassArchive) -> None:
    """Remove archives that no driver has used for a month, and the lists of drivers that were killed."""
    for path in archive.path.parent.glob(f"{PREFIX}*"):
        if path not in (archive.path, archive.loaded) and time.time() - path.stat().st_mtime > KEEP_SECONDS:
            path.unlink(missing_ok=True)


def _release(java_home: str) -> str:
    release = Path(java_home) / "release"
    return f"{java_home}\n{release.read_text(encoding='utf-8') if release.is_file() else ''}"
