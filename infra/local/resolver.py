"""How jars come from the public Maven repository: by Maven where there is one, else by the Ivy inside pyspark.

Neither is told a repository address: both use their own, or a mirror that the user set for Maven.
`python -m infra.local.resolver NAME…` writes the lists anew from the lines that start with + and -.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

from infra.local import trust
from infra.local.artifacts import LISTS, Jar, checksum, section
from infra.local.java import Java, find_java
from lakehouse.errors import LakehouseError, SourceError
from lakehouse.settings import Settings

_COMPLAINTS = ("ERROR", "FAILED", "not found", "Exception", "rror:")
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_POM = '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>{}</project>'
_SELF = "<groupId>saleslake</groupId><artifactId>artefacts</artifactId><version>1</version><packaging>pom</packaging>"
_TAGS = ("groupId", "artifactId", "version", "classifier")
_IVY_SETTINGS = (
    '<ivysettings><settings defaultResolver="central"/><resolvers>'
    '<ibiblio name="central" m2compatible="true" usepoms="false" checksums=""/></resolvers></ivysettings>'
)


def download(settings: Settings, jars: list[Jar], target: Path, report: Callable[[str], None]) -> None:
    """Put these jars, and nothing that they depend on, into the folder `target`.

    Raises:
        SourceError: Neither Maven nor Ivy could; the text is their last line of complaint.
        ConfigError: There is no Java.
    """
    java = find_java(settings)
    maven = None if java.packaged else shutil.which("mvn")  # Maven needs a Java of the machine's
    if maven:
        try:
            _maven(maven, jars, target)
            return
        except SourceError as fault:
            report(f"Maven failed ({fault.received}); trying Ivy")
    _ivy(settings, java, jars, target)


def _maven(maven: str, jars: list[Jar], target: Path) -> None:
    items = "".join(f"<artifactItem>{_elements(jar.coordinates)}</artifactItem>" for jar in jars)
    plugin = "".join(f"<{tag}>{part}</{tag}>" for tag, part in zip(_TAGS, _PLUGIN.split(":"), strict=False))
    plugins = f"<plugin>{plugin}<configuration><artifactItems>{items}</artifactItems></configuration></plugin>"
    with tempfile.TemporaryDirectory() as scratch:
        pom = Path(scratch, "pom.xml")
        pom.write_text(_POM.format(f"{_SELF}<build><plugins>{plugins}</plugins></build>"), encoding="utf-8")
        # no POM is read this way: 91 jars took 4.4 s from an empty repository
        _run([maven, "-B", "-q", "-f", str(pom), f"{_PLUGIN}:copy", f"-DoutputDirectory={target}"])


def _ivy(settings: Settings, java: Java, jars: list[Jar], target: Path) -> None:
    spec = importlib.util.find_spec("pyspark")
    programs = sorted(Path(spec.origin).parent.glob("jars/ivy-*.jar")) if spec and spec.origin else []
    if not programs:
        raise SourceError("neither Maven nor pyspark's Ivy is here", action="run `make install`")
    cache = settings.cache_path / "ivy"  # kept until all is there, so that an interrupted fetch goes on
    with tempfile.TemporaryDirectory() as scratch:
        description, options = Path(scratch, "ivy.xml"), Path(scratch, "ivysettings.xml")
        description.write_text(_ivy_module(jars), encoding="utf-8")
        options.write_text(_IVY_SETTINGS, encoding="utf-8")
        # without POMs and checksum files: 91 jars took 9 s, with them 89 s
        trusted = trust.options(Path(scratch)) if java.packaged else []
        command = [str(java.java), *trusted, f"-Divy.cache.dir={cache}", "-jar", str(programs[0])]
        command += ["-settings", str(options), "-ivy", str(description), "-confs", "default", "-warn"]
        _run([*command, "-retrieve", f"{target}/[artifact]-[revision](-[classifier]).[ext]"])
    shutil.rmtree(cache, ignore_errors=True)


def _ivy_module(jars: list[Jar]) -> str:
    lines = []
    for jar in jars:
        group, artifact, version, *classifier = map(escape, jar.coordinates.split(":"))
        mark = f' m:classifier="{classifier[0]}"' if classifier else ""
        lines.append(
            f'<dependency org="{group}" name="{artifact}" rev="{version}" transitive="false" conf="default->default">'
            f'<artifact name="{artifact}" type="jar" ext="jar"{mark}/></dependency>'
        )
    return (
        '<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/maven">'
        '<info organisation="saleslake" module="artefacts"/><configurations><conf name="default"/></configurations>'
        f"<dependencies>{''.join(lines)}</dependencies></ivy-module>"
    )


def lock(name: str) -> list[Jar]:
    """Resolve the + lines of a list, less its - lines, with Maven.

    `+ group:artifact:version[:classifier]` asks for a jar with all it needs, `+ … alone` for the jar itself;
    `- group:artifact` (or `group:*`) leaves something out wherever it is needed.
    """
    maven = shutil.which("mvn")
    if not maven:
        raise SourceError("mvn is not on PATH", action="install Maven: it is needed to write a list, not to use one")
    lines = section(name)
    left_out = [line[1:].strip() for line in lines if line.startswith("-")]
    asked = "".join(_dependency(line[1:].split(), left_out) for line in lines if line.startswith("+"))
    with tempfile.TemporaryDirectory() as scratch:
        pom, tree = Path(scratch, "pom.xml"), Path(scratch, "tree")
        pom.write_text(_POM.format(f"{_SELF}<dependencies>{asked}</dependencies>"), encoding="utf-8")
        command = [maven, "-B", "-q", "-f", str(pom), f"{_PLUGIN}:copy-dependencies", "-DincludeScope=runtime"]
        _run([*command, "-Dmdep.useRepositoryLayout=true", f"-DoutputDirectory={tree}"])
        found = []
        for path in tree.rglob("*.jar"):
            *group, artifact, version = path.parent.relative_to(tree).parts
            classifier = path.stem.removeprefix(f"{artifact}-{version}").replace("-", ":", 1)
            found.append(Jar(f"{'.'.join(group)}:{artifact}:{version}{classifier}", checksum(path)))
    return sorted(found)


def write(name: str, found: list[Jar]) -> None:
    """Replace the jars of a list by these; its comments, + and - lines stay."""
    path, old = LISTS[name], section(name)
    kept = [line for line in old if line.startswith(("+", "-", "#"))]
    new = [f"[{name}]", *kept, *(f"{jar.coordinates}  {jar.sha256}" for jar in found), ""]
    lines = path.read_text(encoding="utf-8").splitlines()
    start = lines.index(f"[{name}]")
    end = next((at for at in range(start + 1, len(lines)) if lines[at].startswith("[")), len(lines))
    path.write_text("\n".join([*lines[:start], *new, *lines[end:]]).rstrip() + "\n", encoding="utf-8")


def _dependency(request: list[str], left_out: list[str]) -> str:
    exclusions = ["*:*"] if request[1:] == ["alone"] else left_out
    listed = "".join(f"<exclusion>{_elements(excluded)}</exclusion>" for excluded in exclusions)
    return f"<dependency>{_elements(request[0])}<exclusions>{listed}</exclusions></dependency>"


def _elements(coordinates: str) -> str:
    parts = zip(_TAGS, coordinates.split(":"), strict=False)
    return "".join(f"<{tag}>{escape(part)}</{tag}>" for tag, part in parts)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        complaint = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        wanted = [line for line in complaint if any(word in line for word in _COMPLAINTS)] or complaint
        raise SourceError(
            f"{Path(command[0]).name}: {wanted[0].strip() if wanted else f'exit code {done.returncode}'}",
            action="check the connection, then run `make install` again",
        )


if __name__ == "__main__":
    try:
        for chosen in sys.argv[1:] or LISTS:
            write(chosen, lock(chosen))
            print(f"wrote [{chosen}] in {LISTS[chosen]}")  # noqa: T201 (this is a command)
    except LakehouseError as fault:
        sys.exit(str(fault))
