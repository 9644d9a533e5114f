"""The Forecast service as the gateway's plug-in: listed, configured, and not there before it is needed."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import gateway
from infra.local.forecast import Forecast
from lakehouse.errors import ConfigError
from lakehouse.settings import Settings, load

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]


def test_the_plugin_makes_no_folder_before_it_is_asked(tmp_path: Path) -> None:
    Forecast(Settings(), tmp_path / "forecast")
    assert not (tmp_path / "forecast").exists()


def test_the_gateway_process_gets_the_quotas() -> None:
    settings = dataclasses.replace(Settings(), forecast_quotas="forecasts=100")
    given = gateway.process(settings).environment
    assert load(given, None).forecast_quotas == "forecasts=100"


def test_a_wrong_quota_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="unknown quota 'forecast'; expected forecasts="):
        gateway.process(dataclasses.replace(Settings(), forecast_quotas="forecast=1"))


def test_a_gateway_that_nobody_asks_carries_no_service(tmp_path: Path) -> None:
    """Neither what computes nor what answers is imported with the plug-in."""
    program = (
        "import sys; from pathlib import Path; from infra.local import gateway, plugins; "
        "from lakehouse.settings import Settings; "
        f"print([one.name for one in plugins.installed(Settings(), Path({str(tmp_path)!r}))], *sys.modules, sep='\\n')"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    names, *modules = ended.stdout.splitlines()
    assert names == "['forecast', 'athena', 'kafkaconnect', 'emr-serverless']"
    assert not list(tmp_path.iterdir())
    assert "infra.local.forecast" in modules
    heavy = {"numpy", "pandas", "pyarrow", "forecasting.service.service", "forecasting.service.validation"}
    heavy |= {"duckdb", "infra.local.athena.service.service", "infra.local.athena.engine.pool"}
    assert not heavy & set(modules)
