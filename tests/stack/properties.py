"""What the properties of a deployed stack's resources come to at the API, compared leaf by leaf with the template.

A leaf is a name and a plain value. What a template computes of other resources (GetAtt, Select, Cidr …) is passed over.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.aws import stacks
from infra.aws.account import Account
from tests.infra.templates import template
from tests.stack.readers import shown

Leaf = tuple[str, str]
_UNKNOWN = object()
_NOTHING = object()
# What a template says and the gateway's API does not tell, each with the reason; docs/local-aws.md says it to people.
NOT_TOLD: Mapping[tuple[str, str], str] = {
    ("AWS::Athena::WorkGroup", "RecursiveDeleteOption"): "CloudFormation's own: how a workgroup is deleted",
    ("AWS::EC2::VPCEndpoint", "PolicyDocument"): "the emulator takes it and keeps nothing; there is no network",
    ("AWS::KMS::Key", "PendingWindowInDays"): "CloudFormation's own: how a key is deleted",
    ("AWS::Lambda::Function", "Code"): "kept, and told as a digest",
    ("AWS::StepFunctions::StateMachine", "DefinitionS3Location"): "kept, and told as the definition itself",
    ("AWS::StepFunctions::StateMachine", "DefinitionSubstitutions"): "put into the definition",
}
# Answers of our own functions; the topic and the connector show that they came.
_ANSWERED = ("Custom::Brokers", "Custom::Topic")
# What the API calls by another name than CloudFormation.
_OTHER = {
    "expirationindays": "days", "transitionindays": "days", "destinationbucketname": "targetbucket",
    "logfileprefix": "targetprefix", "kmsmasterkeyarn": "kmsmasterkeyid", "loggroupname": "name",
    "groupdescription": "description",
}  # fmt: skip


def leaves(value: Any, name: str = "") -> Iterator[Leaf]:
    """The leaves of a value; JSON in texts and pairs of key and value are looked into.

    Example:
        >>> sorted(leaves({"A": [1, {"Key": "B", "Value": True}]}))
        [('a', '1'), ('b', 'true')]
    """
    if isinstance(value, Mapping):
        plain = {str(key).lower(): one for key, one in value.items()}
        for first in ("key", "name", "parametername"):
            second = "parametervalue" if first == "parametername" else "value"
            if set(plain) == {first, second}:
                yield from leaves(plain[second], str(plain[first]))
                return
        for key, one in value.items():
            yield from leaves(one, str(key))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from leaves(one, name)
    elif isinstance(value, str) and value.lstrip().startswith("{") and value.rstrip().endswith("}"):
        try:
            yield from leaves(json.loads(value), name)
        except ValueError:
            yield _name(name), value
    elif value is not None and value is not _UNKNOWN:
        yield _name(name), _text(value)


def _name(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return _OTHER.get(plain, plain)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return str(value)


def lacking(account: Account, part: str) -> dict[tuple[str, str], set[Leaf]]:
    """By type and property, the leaves of a stack's template that the API does not tell."""
    name, client = account.environment.stack(part), account.client
    listed = client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    physical = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}
    given = {one["ParameterKey"]: one["ParameterValue"] for one in (account.stack(part) or {}).get("Parameters", [])}
    document = template(stacks.path(part).stem)
    told: dict[str, set[Leaf]] = {}
    found: dict[tuple[str, str], set[Leaf]] = {}
    for logical_id, kind, member, value in Template(document, given, physical, account.environment.region).properties():
        if kind not in _ANSWERED:
            if logical_id not in told:
                told[logical_id] = set(leaves(shown(client, kind, physical[logical_id])))
            if lack := set(leaves(value, member)) - told[logical_id]:
                found.setdefault((kind, member), set()).update(lack)
    return found


class Template:
    """A template with the parameters and resources that a stack gave it.

    Args:
        document: Of tests/infra/templates.py.
        parameters: By name.
        resources: Physical ids by logical id.
        region: That it lies in.
    """

    def __init__(
        self, document: Mapping[str, Any], parameters: Mapping[str, str], resources: Mapping[str, str], region: str
    ) -> None:
        self._document, self._known = document, {**resources, **parameters}
        self._known |= {"AWS::AccountId": "000000000000", "AWS::Region": region, "AWS::Partition": "aws"}
        self._known |= {"AWS::URLSuffix": "amazonaws.com"}
        self._resources = resources

    def properties(self) -> Iterator[tuple[str, str, str, Any]]:
        """Each property of each resource that is there: logical id, type, name and value."""
        for logical_id, one in self._document["Resources"].items():
            if logical_id in self._resources:
                for name, given in one.get("Properties", {}).items():
                    value = self._resolved(given)
                    if value is not _NOTHING:
                        yield logical_id, one["Type"], name, value

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [found for one in value if (found := self._resolved(one)) is not _NOTHING]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((name, given),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._computed(name, given)
        return {key: found for key, one in value.items() if (found := self._resolved(one)) is not _NOTHING}

    def _computed(self, name: str, given: Any) -> Any:
        if name == "Ref":
            return _NOTHING if given == "AWS::NoValue" else self._known.get(given, _UNKNOWN)
        if name == "Fn::If":
            return self._resolved(given[1] if self._holds({"Condition": given[0]}) else given[2])
        if name == "Fn::Sub" and isinstance(given, str):
            return self._substituted(given)
        return _UNKNOWN

    def _substituted(self, text: str) -> Any:
        names = re.findall(r"\$\{([^!}]+)\}", text)
        if any(name not in self._known for name in names):
            return _UNKNOWN
        return re.sub(r"\$\{([^!}]+)\}", lambda found: self._known[found[1]], text)

    def _holds(self, value: Any) -> bool:
        ((name, given),) = value.items()
        if name == "Condition":
            return self._holds(self._document["Conditions"][given])
        if name == "Fn::Not":
            return not self._holds(given[0])
        one, other = (self._resolved(side) for side in given)
        return str(one) == str(other)
