"""Imports point one way: lakehouse ◀ {generator, connect, spark_jobs, forecasting} ◀ infra (DESIGN, layout)."""

import ast
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
MIDDLE = ("generator", "connect", "spark_jobs", "forecasting")
ALLOWED = {
    "lakehouse": {"lakehouse"},
    **{name: {"lakehouse", name} for name in MIDDLE},
    "infra": {"lakehouse", *MIDDLE, "infra"},
}


def imported(path: Path) -> set[str]:
    """Top-level packages that a source file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide their direction"
            found.add((node.module or "").split(".")[0])
    return found


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    assert sources(package)
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(package)
        for name in imported(path) & ALLOWED.keys() - ALLOWED[package]
    }
    assert not wrong


def test_lakehouse_imports_the_standard_library_only() -> None:
    foreign = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources("lakehouse")
        for name in imported(path) - {"lakehouse"}
        if name not in sys.stdlib_module_names
    }
    assert not foreign


def test_nothing_imports_the_tests() -> None:
    assert not [path for package in ALLOWED for path in sources(package) if "tests" in imported(path)]
