"""Every command, link and SQL statement that the pages show: it exists, it parses, it runs."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connect.__main__ import main as connect_main
from generator.__main__ import main as generator_main
from infra.__main__ import main as infra_main
from infra.local.athena.tables import types
from lakehouse.tables import TABLES, VIEWS
from spark_jobs.__main__ import main as spark_main

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/runbook.md",
    "docs/athena.md",
    "docs/mapping.md",
    "docs/deploy.md",
    "docs/local-aws.md",
    "docs/mapping.md",
    "docs/containers.md",
)
MAINS = {"infra": infra_main, "generator": generator_main, "connect": connect_main, "spark_jobs": spark_main}


def _code(page: str) -> Iterator[str]:
    """Lines of shell blocks and pieces of code within the text."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in re.findall(r"```(?:bash|sh)\n(.*?)```", text, re.DOTALL):
        yield from (line for line in block.splitlines() if line.strip() and not line.startswith("#"))
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", prose)


def _all(pattern: str) -> list[str]:
    found = {line.strip() for page in PAGES for line in _code(page)}
    return sorted(line for line in found if re.match(pattern, line))


MAKE = _all(r"make( |$)")
PYTHON = _all(r"(\S*/)?python3? -m \w")


def _target(line: str) -> tuple[list[str], dict[str, str]]:
    words = shlex.split(line.replace("…", ""))[1:]
    knobs = dict(word.split("=", 1) for word in words if "=" in word)
    return [word for word in words if "=" not in word], knobs


STATEMENTS = sorted(sql for line in MAKE if (sql := _target(line)[1].get("SQL", "").strip()))


def test_there_is_something_to_test() -> None:
    assert len(MAKE) > 15
    assert len(PYTHON) > 5
    assert len(STATEMENTS) > 3


@pytest.mark.parametrize("line", MAKE)
def test_a_make_command_exists_with_its_knobs(line: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets, knobs = _target(line)
    for target in targets:
        rule = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        assert rule, f"make {target}"
        for knob in knobs:
            # those two are for every target: the interpreter, and what the stack runs in
            assert knob in ("PYTHON", "STACK") or f"$({knob})" in rule[1] or f"$${knob}" in rule[1], (
                f"make {target} takes no {knob}"
            )


def test_bare_make_lists_every_target() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = set(re.findall(r"^  ([a-z-]+) ", done.stdout, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == phony


@pytest.mark.parametrize("line", PYTHON)
def test_a_python_command_parses(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line.replace("…", ""))
    package, arguments = words[2], words[3:]
    if package not in MAINS:
        __import__(package)
        return
    if not arguments:
        return
    with pytest.raises(_Parsed):
        _parse(MAINS[package], arguments, monkeypatch)


class _Parsed(Exception):  # noqa: N818 (no error)
    """The arguments were understood."""


def _parse(main: Any, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Call a main as far as it has understood its arguments."""
    import argparse  # noqa: PLC0415

    understand = argparse.ArgumentParser.parse_args

    def stop(parser: argparse.ArgumentParser, *given: Any, **named: Any) -> None:
        understand(parser, *given, **named)
        raise _Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    main([argument.strip("[]") for argument in arguments if not argument.isupper()] + _examples(arguments))


def _examples(arguments: list[str]) -> list[str]:
    """Values for placeholders such as NAME."""
    return ["gateway" for argument in arguments if argument.isupper()]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_sql_runs_against_tables_of_our_columns(sql: str) -> None:
    connection = duckdb.connect()
    for layer in {table.layer for table in TABLES}:
        connection.execute(f"CREATE SCHEMA {layer}")
    for table in TABLES:
        columns = ", ".join(
            f'"{column.name}" {types.to_duckdb(types.from_hive(column.type))}' for column in table.columns
        )
        connection.execute(f"CREATE TABLE {table.full_name} ({columns})")
    for view in VIEWS:
        connection.execute(f"CREATE VIEW {view.full_name} AS {view.body}")
    connection.execute(sql)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ")).strip().lower().replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("http"):
            assert (ROOT / page).parent.joinpath(target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    """Paths within the project that a page names in code."""
    for word in _code(page):
        if re.fullmatch(r"(lakehouse|generator|connect|spark_jobs|forecasting|infra|tests|docs)/[\w./-]*", word):
            assert (ROOT / word).exists(), f"{page}: {word}"
