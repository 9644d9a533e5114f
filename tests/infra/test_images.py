"""The images: plain instructions, the same where they are to be run once, and packages neither too few nor too many."""

import ast
import functools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.infra

ROOT = Path(__file__).resolve().parents[2]
JAVA = ("connect/Dockerfile", "spark_jobs/Dockerfile", "tests/docker/broker/Dockerfile")
DOCKERFILES = (*JAVA, "infra/local/Dockerfile", "generator/Dockerfile")
IMAGES = ("spark_jobs", "generator", "infra/local")
OURS = ("lakehouse", "generator", "connect", "spark_jobs", "forecasting", "infra")
# What no command of the image comes by: image, module and the package that it imports.
BESIDE = {
    ("infra/local", "generator/producers.py", "confluent_kafka"),  # bulk: replays, which the generator's image has
    ("infra/local", "forecasting/engine/models/prophet.py", "prophet"),  # only where a person installed it
    ("infra/local", "infra/commands/data.py", "spark_jobs"),  # verify, from outside
    ("infra/local", "infra/commands/docs.py", "spark_jobs"),
    ("infra/local", "infra/aws/redrive.py", "spark_jobs"),
}


def _text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _pins(path: str) -> dict[tuple[str, str], frozenset[str]]:
    """The hashes of each package and version; which machines it is for is left out."""
    lines = _text(path).replace("\\\n", " ").splitlines()
    words = [line.split() for line in lines if "==" in line and not line.lstrip().startswith("#")]
    return {
        (canonicalize_name(pin.partition("==")[0]), pin.partition("==")[2]): frozenset(
            one for one in others if one.startswith("--hash")
        )
        for pin, *others in words
    }


def _stages(path: str) -> list[str]:
    return re.split(r"^FROM ", _text(path), flags=re.MULTILINE)[1:]


def _copied(path: str) -> list[str]:
    """Our packages in the image."""
    return re.findall(r"^COPY (\w+) \w+$", _stages(path)[-1], re.MULTILINE)


@pytest.mark.parametrize("path", DOCKERFILES)
def test_a_dockerfile_builds_without_what_old_builders_lack(path: str) -> None:
    text = _text(path)
    assert not re.search(r"^# syntax=|<<EOF|--link|--mount|--chmod|--start-interval", text, re.MULTILINE)
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists(), source


@pytest.mark.parametrize("path", DOCKERFILES)
def test_a_dockerfile_has_no_secret_and_ends_without_root(path: str) -> None:
    assert not re.search(r"^(ENV|ARG) .*(SECRET|PASSWORD|TOKEN)", _text(path), re.MULTILINE)
    users = re.findall(r"^USER (\S+)", _stages(path)[-1], re.MULTILINE)
    kafka = "FROM ${KAFKA_IMAGE}" in _text(path)  # whose own image has its user
    assert users[-1:] not in (["root"], ["0"])
    assert users or kafka


def test_java_parts_are_built_by_the_same_instructions() -> None:
    """So that a builder runs them once: each Dockerfile begins as the others do, as far as it needs."""
    first = [re.findall(r"^(?:RUN|COPY|WORKDIR|ENV)(?:.*\\\n)*.*$", _stages(path)[0], re.MULTILINE) for path in JAVA]
    shared = len(first[2]) - 1  # the broker then fetches jars of its own
    assert shared > 4
    assert first[0] == first[1]
    assert first[2][:shared] == first[0][:shared]
    runtimes = {re.search(r"RUN mkdir -p /usr/share/man(?:.*\\\n)*.*", _stages(path)[-1]) for path in JAVA[1:]}
    assert {found and found[0] for found in runtimes} == {first[0][0]}


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_s_packages_are_those_of_the_project(image: str) -> None:
    """Same versions, same hashes: a part of requirements.txt."""
    ours, all_of_them = _pins(f"{image}/requirements.txt"), _pins("requirements.txt")
    assert ours.items() <= all_of_them.items()


def _extras(image: str) -> list[str]:
    """The extras that the Makefile locks for the image."""
    found = re.search(rf"^IMAGES := .*?\b{re.escape(image)}:(\S+)", _text("Makefile"), re.MULTILINE)
    assert found, image
    return found[1].split("+")


def _needed(requirements: list[str], extra: str = "") -> set[str]:
    """The names of these requirements and all that they need, on Linux with this Python."""
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    found: set[str] = set()
    for one in map(Requirement, requirements):
        if one.marker and not one.marker.evaluate({**linux, "extra": extra}):
            continue
        found.add(canonicalize_name(one.name))
        found |= _closure(canonicalize_name(one.name), frozenset(one.extras))
    return found


@functools.cache
def _closure(name: str, extras: frozenset[str]) -> frozenset[str]:
    needs = requires(name) or []
    return frozenset(found for extra in ("", *extras) for found in _needed(needs, extra))


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_s_packages_are_all_that_its_extras_need(image: str) -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    asked = [*project["dependencies"]]
    for extra in _extras(image):
        asked += project["optional-dependencies"][extra]
    pinned = {name for name, _ in _pins(f"{image}/requirements.txt")}
    assert _needed(asked) <= pinned, "run `make lock`"


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_what_its_modules_import(image: str) -> None:
    copied = _copied(f"{image}/Dockerfile")
    pinned = {name for name, _ in _pins(f"{image}/requirements.txt")}
    distributions = packages_distributions()
    absent = set()
    for path in (path for package in copied for path in (ROOT / package).rglob("*.py")):
        for name in set(_imports(path)) - sys.stdlib_module_names - set(copied):
            providers = {canonicalize_name(one) for one in distributions.get(name, ())}
            if name in OURS or not providers & pinned:
                absent.add((image, path.relative_to(ROOT).as_posix(), name))
    assert absent == {one for one in BESIDE if one[0] == image}


def test_the_gateway_image_holds_what_the_gateway_and_its_jobs_import(tmp_path: Path) -> None:
    ignored = _text(".dockerignore").split()
    for source in _copied("infra/local/Dockerfile"):
        assert f"!{source}" in ignored
        (tmp_path / source).symlink_to(ROOT / source)
    modules = ("infra.commands.serve", "infra.local.gateway", "infra.local.forecast", "forecasting.service.service",
               "forecasting.work.training")  # fmt: skip
    program = "import " + ", ".join(modules)
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env={"PATH": os.environ["PATH"]}, check=True)
    assert "libgomp1" in _text("infra/local/Dockerfile")
