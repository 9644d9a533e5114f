"""The stacks of an environment: their order, their templates and the parameters that each is given. Calls nothing.

A parameter is filled from one pool: the environment's values, then the outputs of the stacks before.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from infra.aws.changeset import Wanted
from infra.aws.environment import Environment

FOLDER = Path(__file__).parent
# In the order in which they are made; each takes outputs of those before.
PARTS = ("storage", "alarms", "streaming", "kafka", "processing", "forecasting", "query")
TEMPLATES = {"forecasting": "forecast.yaml"}
# Kept when an environment is destroyed, unless its data are to go, too.
KEPT = ("storage",)
_PARAMETERS = re.compile(r"^Parameters:\n((?:[ #].*\n|\n)+)", re.MULTILINE)
_NAME = re.compile(r"^  (\w+):", re.MULTILINE)


def parts(environment: Environment) -> list[str]:
    """The stacks that the environment has."""
    left_out = {
        "streaming": not environment.has("dynamodb"),
        "kafka": not environment.has("kafka"),
        "forecasting": not environment.forecasting,
    }
    return [part for part in PARTS if not left_out.get(part) and path(part).is_file()]


def path(part: str) -> Path:
    """A stack's template."""
    return FOLDER / TEMPLATES.get(part, f"{part}.yaml")


def wanted(environment: Environment, part: str, pool: Mapping[str, str]) -> Wanted:
    """A stack with the parameters that its template asks for and the pool has; others keep their defaults."""
    template = path(part).read_text(encoding="utf-8")
    given = {**pool, **values(environment), "Name": environment.stack(part)}
    return Wanted(
        environment.stack(part),
        template,
        {name: given[name] for name in parameters(template) if name in given},
        {"project": "saleslake", "environment": environment.name},
    )


def parameters(template: str) -> list[str]:
    """The names of a template's parameters, which stand in a block of their own.

    Example:
        >>> parameters(chr(10).join(["Parameters:", "  Name: {Type: String}", "Resources:", "  X: {}"]))
        ['Name']
    """
    block = _PARAMETERS.search(template)
    return _NAME.findall(block[1]) if block else []


def values(environment: Environment) -> dict[str, str]:
    """The environment's values by the names that parameters have, as CloudFormation takes them.

    Example:
        >>> values(Environment("dev", log_days=7))["LogDays"]
        '7'
    """
    plain = {
        "".join(word.capitalize() for word in name.split("_")): _text(value)
        for name, value in vars(environment).items()
        if name != "name"
    }
    return {
        **plain,
        "Environment": environment.name,
        "TableName": environment.table,
        "LambdaSeconds": str(environment.transform_seconds),
    }


def buckets(environment: Environment, number: str) -> tuple[str, str]:
    """The lake's bucket and that of its access logs, as storage.yaml names them.

    Args:
        environment: Name and Region.
        number: Of the account.

    Example:
        >>> buckets(Environment("dev"), "1")
        ('saleslake-dev-1-eu-west-1', 'saleslake-dev-logs-1-eu-west-1')
    """
    end = f"{number}-{environment.region}"
    return f"saleslake-{environment.name}-{end}", f"saleslake-{environment.name}-logs-{end}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
