"""docs/athena.md and the README: their clients of Athena run as they stand there, against a gateway with a lake."""

import re
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from infra.commands import catalog
from infra.local import gateway
from lakehouse import places
from lakehouse.settings import Settings
from lakehouse.tables import GOLD_DAILY_SALES
from tests.stack.conftest import client_environment, make_settings, started
from tests.stack.test_query_athena import KINDS

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "athena.md"
PYTHON = ROOT / ".venv" / "clients" / "bin" / "python"


def fill(settings: Settings) -> None:
    """Two countries of gold."""
    gateway.ensure_bucket(settings)
    own = {"country": ["France", "Norway"], "orders": [7, 1]}
    columns = {
        column.name: pa.array(own.get(column.name, [KINDS[column.type][1]] * 2), KINDS[column.type][0])
        for column in GOLD_DAILY_SALES.columns
    }
    url = places.table_url(settings.bucket, GOLD_DAILY_SALES.layer, GOLD_DAILY_SALES.name)
    write_deltalake(url, pa.table(columns), storage_options=settings.delta_options)
    catalog.tables(settings)


def test_the_guide_s_clients_find_the_lake(tmp_path: Path) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    pages = text + (ROOT / "README.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", pages, re.DOTALL)
    _, shell = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    with started(make_settings(tmp_path), "gateway") as settings:
        fill(settings)
        given = client_environment(settings, tmp_path)

        def run(*words: str) -> str:
            ended = subprocess.run(words, env=given, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
            assert ended.returncode == 0, ended.stderr[-3000:]
            return ended.stdout

        assert len(programs) == 4
        for program in programs:
            told = run(str(PYTHON), "-c", program.replace("saleslake-local", settings.bucket))
            assert "2.500" in told or "('France', 7)" in told
        told = run("bash", "-ec", shell.replace("saleslake-local", settings.bucket))
        assert '"VarCharValue": "France"' in told
        assert '"VarCharValue": "7"' in told
