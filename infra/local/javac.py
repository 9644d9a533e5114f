"""Compiles our two Java parts into jars in the cache: the S3 sink for Connect, and the driver's reader and LogStore.

With javac where a JDK is, else with the Eclipse compiler on a mere runtime. Nothing is compiled twice: the output's
folder is named for its sources, jars and compiler.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local import artifacts, jars
from infra.local.java import Java, find_java
from lakehouse import settings as knobs
from lakehouse.errors import ConfigError, ContractError, LakehouseError
from lakehouse.settings import Settings

SINK = artifacts.ROOT / "connect" / "sink"
SPARK = artifacts.ROOT / "spark_jobs"
SPARK_NOTE = "spark.json"


def plugin_folder(settings: Settings) -> Path:
    """Connect's plugin.path: a folder with one folder in it, our sink's jar and what it needs beyond Connect.

    Raises:
        ConfigError: It has not been compiled.
    """
    return _present(_sink_place(settings)).parent.parent


def sink_jar(settings: Settings) -> Path:
    """The sink's jar alone; raises ConfigError while it has not been compiled."""
    return _present(_sink_place(settings))


def spark_jar(settings: Settings) -> Path:
    """The driver's own jar, reader and LogStore; raises ConfigError while it has not been compiled."""
    return _present(_spark_place(settings))


def spark_class_path(settings: Settings) -> str:
    """The driver's class path beyond pyspark's own; raises ConfigError while something of it is missing."""
    return os.pathsep.join([f"{jars.folder(settings, 'spark')}/*", str(spark_jar(settings))])


def build(settings: Settings, report: Callable[[str], None]) -> None:
    """Compile what is not there yet.

    Raises:
        ContractError: The sources do not compile; the text is the compiler's first complaint.
        ConfigError: There is no Java, or the jars have not been fetched.
    """
    java = find_java(settings)
    api = [path for path in _jars(jars.folder(settings, "compile")) if not path.name.startswith("ecj-")]
    own = _jars(jars.folder(settings, "sink"))
    target = _sink_place(settings)
    if sources(SINK) and not target.is_file():
        for path in own:
            _link(path, target.parent / path.name)
        compile_jar(settings, java, sources(SINK), [*api, *own], 11, target)
        report(f"compiled {len(sources(SINK))} classes of the S3 sink into {target.name}")
    target = _spark_place(settings)
    if not target.is_file():
        compile_jar(settings, java, sources(SPARK), _spark_jars(settings), 17, target)
        report(f"compiled {len(sources(SPARK))} classes of the Spark driver into {target.name}")
    note = {"class_path": spark_class_path(settings), "java_home": str(java.home)}
    (settings.cache_path / SPARK_NOTE).write_text(json.dumps(note, indent=1), encoding="utf-8")


def sources(root: Path) -> list[Path]:
    """The Java sources and resources of a part, its tests left out."""
    listed = [path for path in sorted(root.rglob("*")) if path.is_file() and "test" not in path.relative_to(root).parts]
    return [path for path in listed if path.suffix == ".java" or "META-INF" in path.parts]


def compile_jar(
    settings: Settings, java: Java, files: Sequence[Path], classpath: Sequence[Path], release: int, target: Path
) -> None:
    """Compile sources into a jar; it appears at `target` whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        classes = Path(scratch, "classes")
        classes.mkdir()
        code = [str(path) for path in files if path.suffix == ".java"]
        options = ["-nowarn", "-encoding", "UTF-8", "-d", str(classes), "-cp", os.pathsep.join(map(str, classpath))]
        command = [*_compiler(settings, java, release), "-proc:none", *options, *code]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            complaint = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            first = next((line for line in complaint if "error" in line.lower()), complaint[0] if complaint else "?")
            raise ContractError(f"{target.stem} does not compile: {first.strip()}", action="correct the source")
        fresh = target.with_suffix(f".{os.getpid()}")
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(classes.rglob("*.class")):
                archive.write(path, path.relative_to(classes).as_posix())
            for path in files:
                if path.suffix != ".java":
                    archive.write(path, path.as_posix()[path.as_posix().index("META-INF") :])
        fresh.replace(target)


def _compiler(settings: Settings, java: Java, release: int) -> list[str]:
    if java.javac:
        return [str(java.javac), "--release", str(release)]
    program = next(path for path in _jars(jars.folder(settings, "compile")) if path.name.startswith("ecj-"))
    # a runtime has no signatures of older releases (ct.sym), so --release is not to be had
    return [str(java.java), "-jar", str(program), "-source", str(release), "-target", str(release)]


def _sink_place(settings: Settings) -> Path:
    mark = _mark([*sources(SINK)], ["sink", "compile"])
    return settings.cache_path / "plugins" / f"sink-{mark}" / "saleslake-s3-sink" / "saleslake-s3-sink.jar"


def _spark_place(settings: Settings) -> Path:
    mark = _mark(sources(SPARK), ["spark"])
    return settings.cache_path / "plugins" / f"spark-{mark}" / "saleslake-spark.jar"


def _mark(files: Sequence[Path], lists: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(artifacts.ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for name in lists:
        digest.update("\n".join(jar.sha256 for jar in artifacts.jars(name)).encode())
    return digest.hexdigest()[:12]


def _spark_jars(settings: Settings) -> list[Path]:
    spec = importlib.util.find_spec("pyspark")
    if not spec or not spec.origin:
        raise ConfigError("pyspark is not installed", action="run `make install`")
    return [*_jars(jars.folder(settings, "spark")), *_jars(Path(spec.origin).parent / "jars")]


def _jars(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jar"))


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _present(target: Path) -> Path:
    if not target.is_file():
        raise ConfigError(f"{target.name} is not compiled from these sources", action="run `make install`")
    return target


if __name__ == "__main__":
    try:
        build(knobs.load(), lambda line: print(line, flush=True))  # noqa: T201 (the installer's command)
    except LakehouseError as fault:
        sys.exit(str(fault))
