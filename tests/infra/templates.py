"""CloudFormation templates as plain values: a tag is a mapping with the function's full name, as JSON has it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "infra" / "aws"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "prices")


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags."""


def _tagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _tagged)


class BareLoader(yaml.SafeLoader):
    """YAML with CloudFormation's tags, each as what it is applied to."""


BareLoader.add_multi_constructor("!", lambda loader, _, node: next(iter(_tagged(loader, "", node).values())))


def template(name: str) -> dict[str, Any]:
    """A template by the name of its file."""
    return dict(yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), Loader))


def resources(name: str, *types: str) -> dict[str, dict[str, Any]]:
    """The resources of a template, or those of some types."""
    return {key: one for key, one in template(name)["Resources"].items() if not types or one["Type"] in types}


def statements(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a role's or a managed policy's documents, with every branch of a condition."""
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    return [statement for document in documents for one in document["Statement"] for statement in branches(one)]


def branches(value: Any) -> Iterator[dict[str, Any]]:
    """A statement, or those that a condition chooses from."""
    if "Fn::If" in value:
        for one in value["Fn::If"][1:]:
            if "Ref" not in one:
                yield from branches(one)
    else:
        yield value


def listed(value: Any) -> list[Any]:
    """One or many as a list."""
    return value if isinstance(value, list) else [value]
