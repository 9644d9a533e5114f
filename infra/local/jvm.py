"""What Kafka's two JVM processes share: class path, flags, log format, and the files they read.

Owns no process; broker.py and worker.py say what runs.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from infra.local import jars
from infra.local.java import find_java
from lakehouse.settings import Settings

_LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1} %m%n
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
logger.ours.name = io.saleslake
logger.ours.level = INFO
"""


def command(settings: Settings, heap_mb: int, *arguments: str) -> tuple[str, ...]:
    """A command that runs a main class of the kafka jars; needs `environment` beside it.

    Args:
        settings: Where Java, jars and data are.
        heap_mb: The most heap it may take [MiB].
        arguments: The main class and what it is given.

    Raises:
        ConfigError: There is no Java 17 or 21.
    """
    flags = [f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
    flags += ["-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]
    flags += [f"-Dlog4j2.configurationFile={home(settings) / 'log4j2.properties'}"]
    return (str(find_java(settings).java), *flags, *arguments)


def environment(settings: Settings) -> dict[str, str]:
    """The class path of the kafka jars, and few malloc arenas: their default of 8 per core is memory for nothing.

    Raises:
        ConfigError: The jars have not been fetched.
    """
    listed = sorted(jars.folder(settings, "kafka").glob("*.jar"))
    return {"CLASSPATH": os.pathsep.join(map(str, listed)), "MALLOC_ARENA_MAX": "2"}


def home(settings: Settings) -> Path:
    """The folder of Kafka's files and data."""
    return settings.data_path / "kafka"


def write_log_format(settings: Settings) -> None:
    """Write the log configuration both processes read."""
    write_private(home(settings) / "log4j2.properties", _LOG4J)


def properties(values: Mapping[str, object]) -> str:
    r"""The text of a Java properties file.

    Example:
        >>> print(properties({"a.b": 1, "path": r"C:\x"}), end="")
        a.b=1
        path=C:\\x
    """
    return "".join(f"{name}={str(value).replace(chr(92), chr(92) * 2)}\n" for name, value in values.items())


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
