"""The forecasts' stack: what its roles may do, what the machine gets, and that the functions' package is whole."""

import io
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from forecasting.definitions import reading
from infra.aws import deployment, machine

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


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags, each as what it is applied to."""


def _plain(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node)


Loader.add_multi_constructor("!", _plain)


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    text = deployment.TEMPLATE.read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader)["Resources"])


def statements(resources: dict[str, Any]) -> list[dict[str, Any]]:
    roles = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::IAM::Role"]
    return [
        statement
        for role in roles
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_no_role_may_do_everything_or_pass_any_role(resources: dict[str, Any]) -> None:
    found = statements(resources)
    assert len(found) > 20
    for one in found:
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        assert not [action for action in actions if "*" in action]
        # The lists and CreateAutoPredictor know no resources.
        assert one["Resource"] != "*" or all(action.startswith("forecast:") for action in actions)
        if "iam:PassRole" in actions:
            assert one["Condition"] == {"StringEquals": {"iam:PassedToService": "forecast.amazonaws.com"}}


def test_the_machine_may_do_what_it_does_and_nothing_else_of_forecast_and_athena(resources: dict[str, Any]) -> None:
    given = {
        action
        for policy in resources["MachineRole"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
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


@pytest.mark.skipif(shutil.which("cfn-lint") is None, reason="cfn-lint is not installed")
def test_cfn_lint_finds_nothing() -> None:
    command = ["cfn-lint", str(deployment.TEMPLATE), "-r", "eu-west-1", "us-east-1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
