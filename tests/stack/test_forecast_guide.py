"""docs/forecasting.md: its program runs as it stands there, against a gateway."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import gateway
from tests.stack.conftest import client_environment, make_settings, started

pytestmark = pytest.mark.stack

GUIDE = Path(__file__).parents[2] / "docs" / "forecasting.md"


def test_the_guide_s_program_forecasts(tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    with started(make_settings(tmp_path), "gateway") as settings:
        gateway.ensure_bucket(settings)
        given = client_environment(settings, tmp_path)
        words = [sys.executable, "-c", program.replace("saleslake-local", settings.bucket)]
        ended = subprocess.run(words, env=given, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    told = ast.literal_eval(ended.stdout)
    assert told["Timestamp"] == "2026-06-30T00:00:00"
    assert 20 < told["Value"] < 22  # 21 on Tuesdays
