"""Athena as the gateway's plug-in: in the place of the emulator's own, and light even when it is asked."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.local.athena.plugin import Athena
from lakehouse.settings import Settings

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"duckdb", "pyarrow", "numpy", "pandas", "deltalake"}


def modules(program: str) -> set[str]:
    """What is imported once a program has run."""
    shown = f"import sys; {program}; print(*sys.modules, sep='\\n')"
    ended = subprocess.run([sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ended.stdout.split())


def test_the_plugin_makes_no_folder_before_it_is_asked(tmp_path: Path) -> None:
    Athena(Settings(), tmp_path / "athena")
    assert not (tmp_path / "athena").exists()


def test_it_takes_the_place_of_the_emulators_own() -> None:
    assert Athena.name == "athena"
    assert Athena.pattern["target_prefixes"] == ["AmazonAthena"]
    assert Athena.sdk == {"athena": {"target_prefix": "AmazonAthena", "protocol": "json"}}


def test_service_and_workers_import_nothing_heavy() -> None:
    found = modules("import infra.local.athena.service.service, infra.local.athena.workers")
    assert "infra.local.athena.engine.pool" in found
    assert not HEAVY & found


@pytest.mark.skipif(find_spec("infra.local.athena.statements") is None, reason="there are no statements here")
def test_what_refuses_text_at_the_start_imports_nothing_heavy() -> None:
    found = modules("from infra.local.athena.statements import check; check('SELECT a FROM t WHERE b = 1')")
    assert not HEAVY & found
