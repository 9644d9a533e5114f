"""The real processes: up twice, kill -9 of each, down."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from infra.local import machine, supervision
from infra.local import stack as processes
from infra.local.daemon import ROOT
from lakehouse.settings import Settings, environment
from tests.stack.conftest import client, make_settings, started, wait_until

pytestmark = pytest.mark.stack

NAMES = ("gateway", "broker", "connect")


def infra(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on these settings."""
    given = {**environment(settings), "PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    command = [sys.executable, "-m", "infra", *arguments]
    return subprocess.run(command, env=given, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def health(settings: Settings) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(infra(settings, "status", "--json").stdout)
    return {one["name"]: one for one in found}


def test_up_kill_each_and_down(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = make_settings(tmp_path_factory.mktemp("kills"))
    try:
        first = infra(settings, "up", *NAMES)
        assert first.returncode == 0, first.stderr
        for url in (settings.aws_endpoint_url, settings.kafka_bootstrap_servers, settings.connect_url):
            assert url in first.stdout
        client(settings).head_bucket(Bucket=settings.bucket)
        before = health(settings)
        assert [before[name]["health"] for name in NAMES] == ["ready"] * 3
        assert before["spark"]["health"] == "stopped"
        assert all(before[name]["resident_bytes"] > 20 << 20 for name in NAMES)
        assert infra(settings, "up", *NAMES).returncode == 0
        assert health(settings).keys() == before.keys()
        assert [health(settings)[name]["pid"] for name in NAMES] == [before[name]["pid"] for name in NAMES]
        for name in NAMES:
            os.kill(before[name]["pid"], signal.SIGKILL)
        wait_until("all are back", lambda: _are_back(settings, before), 60)
    finally:
        done = infra(settings, "down")
    assert done.returncode == 0
    assert machine.marked(settings.data_path) == []
    assert all(machine.is_free(port.number) for port in processes.ports(settings))


def _are_back(settings: Settings, before: dict[str, Any]) -> bool:
    # Another process asks: kafka-python leaves a socket open when a broker dies under it.
    found = health(settings)
    return all(found[name]["health"] == "ready" and found[name]["pid"] != before[name]["pid"] for name in NAMES)


def test_a_port_in_use_is_one_line_and_starts_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    with started(make_settings(tmp_path_factory.mktemp("holder")), "gateway") as holder:
        settings = make_settings(tmp_path_factory.mktemp("late"))
        other = {**environment(settings), "AWS_ENDPOINT_URL": holder.aws_endpoint_url}
        command = [sys.executable, "-m", "infra", "up", "gateway"]
        done = subprocess.run(
            command, env={**other, "PATH": os.environ["PATH"]}, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "AWS_ENDPOINT_URL" in done.stderr
        assert "(pid " in done.stderr
        assert machine.marked(settings.data_path) == []
        assert supervision.down(settings.data_path) == 0
