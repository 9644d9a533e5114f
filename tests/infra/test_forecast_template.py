"""The forecasts' stack: what its roles may do, what the machine gets, and that the functions' package is whole."""

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from forecasting.definitions import reading
from infra.aws import deployment, machine
from tests.infra import templates

pytestmark = pytest.mark.infra

# Stand-ins for what Lambda's runtime brings; the interpreter below has no packages at all.
_RUNTIME = """\
import sys, types
boto3, botocore, exceptions = (types.ModuleType(name) for name in ("boto3", "botocore", "botocore.exceptions"))
exceptions.ClientError = type("ClientError", (Exception,), {})
sys.modules |= {"boto3": boto3, "botocore": botocore, "botocore.exceptions": exceptions}
sys.path.insert(0, sys.argv[1])
from infra.aws.handlers import messages, steps, uploads
print(sorted(steps.definitions()), sorted(steps.STEPS))
"""


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return templates.resources("forecast")


def test_the_machine_may_do_what_it_does_and_nothing_else_of_forecast_and_athena(resources: dict[str, Any]) -> None:
    given = {
        action
        for statement in templates.statements(resources["MachineRole"]["Properties"])
        for action in templates.listed(statement["Action"])
        if action.startswith(("forecast:", "athena:"))
    }
    calls = re.findall(r"aws-sdk:(\w+):(\w)(\w+)", machine.document())
    needed = {f"{service}:{first.upper()}{rest}" for service, first, rest in calls}
    assert given == needed | {"forecast:TagResource"}  # resources are made with tags


def test_the_machine_gets_what_its_definition_asks_for(resources: dict[str, Any]) -> None:
    asked = set(re.findall(r"\$\{(\w+)\}", machine.document()))
    assert set(resources["Machine"]["Properties"]["DefinitionSubstitutions"]) == asked


def test_a_message_that_cannot_be_handled_ends_in_the_dead_letters(resources: dict[str, Any]) -> None:
    queue, dead = resources["Queue"]["Properties"], resources["DeadLetters"]["Properties"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 3
    assert dead["FifoQueue"] is True
    assert dead["MessageRetentionPeriod"] == 14 * 24 * 3600
    # A redelivery may not begin while the function is still at work.
    assert queue["VisibilityTimeout"] >= 6 * resources["Messages"]["Properties"]["Timeout"]


def test_the_package_needs_nothing_but_lambdas_runtime(tmp_path: Path) -> None:
    body = deployment.package(reading.load())
    assert body == deployment.package(reading.load())
    zipfile.ZipFile(io.BytesIO(body)).extractall(tmp_path)
    command = [sys.executable, "-I", "-S", "-c", _RUNTIME, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    steps = "['approve', 'check', 'choose', 'clean', 'loaded', 'plan', 'record']"
    assert ended.stdout == f"['revenue_by_country', 'units_of_top_products'] {steps}\n"
