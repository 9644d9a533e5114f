"""MSK, MSK Connect and EMR Serverless as stacks make them: a resource is one call that takes its properties.

CloudFormation's properties and the members of the API's calls differ in their first letters, in tags and in numbers
that are text; the API's model tells which is which, and a property that a call does not know is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.cloudformation.kinds import Client, Kind, Made, Properties


@dataclass(frozen=True)
class Call:
    """How a type is made by the API.

    Args:
        service: As boto3 knows it.
        noun: Of the operations: `create_<noun>` and so on.
        reference: The member of the answer that Ref is.
        attributes: Members of the answer, or of members in it, by the names that GetAtt knows.
        key: What `delete_<noun>` and `update_<noun>` call the reference.
    """

    service: str
    noun: str
    reference: str
    attributes: Mapping[str, str]
    key: str


def fitted(shape: Any, value: Any, path: str = "") -> Any:
    """A property as a member of the API's call.

    Args:
        shape: botocore's of the member.
        value: The property.
        path: Where it stands.

    Raises:
        ValueError: The call has no such member.
    """
    kind = shape.type_name
    if kind == "structure":
        members = {name.lower(): name for name in shape.members}
        found = {}
        for name, one in value.items():
            if name.lower() not in members:
                raise ValueError(f"{path}{name} is not known to the API of the gateway")
            member = members[name.lower()]
            found[member] = fitted(shape.members[member], one, f"{path}{name}.")
        return found
    if kind == "map":
        pairs = {one["Key"]: one["Value"] for one in value} if isinstance(value, list) else value
        return {name: fitted(shape.value, one, f"{path}{name}.") for name, one in pairs.items()}
    if kind == "list":
        return [fitted(shape.member, one, path) for one in value]
    plain = str(value).lower() if isinstance(value, bool) else str(value)
    return int(plain) if kind in ("integer", "long") else plain == "true" if kind == "boolean" else plain


def kind(name: str, call: Call, *replacing: str) -> Kind:
    """The kind of a type that the API can create, change and delete."""

    def create(client: Client, given: Properties) -> Made:
        api = client(call.service)
        asked = dict(given)
        told = _ask(api, f"create_{call.noun}", asked)
        return told[call.reference], {attribute: _at(told, path) for attribute, path in call.attributes.items()}

    def update(client: Client, physical_id: str, before: Properties, now: Properties) -> Made:
        changed = {name: now.get(name) for name in {*before, *now} if before.get(name) != now.get(name)}
        api = client(call.service)
        more = _current_version(api, call, physical_id)
        changed.pop("Tags", None)
        if changed:
            _ask(api, f"update_{call.noun}", {**changed, call.key: physical_id, **more})
        return physical_id, _attributes(api, call, physical_id)

    def delete(client: Client, physical_id: str, _: Properties) -> None:
        api = client(call.service)
        try:
            getattr(api, f"delete_{call.noun}")(**{call.key: physical_id})
        except api.exceptions.ClientError as fault:
            if "NotFound" not in fault.response["Error"]["Code"]:
                raise

    return Kind(name, create, update, delete, replacing)


def _at(told: Any, path: str) -> str:
    for name in path.split("."):
        told = told[name]
    return str(told)


def _ask(api: Any, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
    named = api.meta.method_to_api_mapping[operation]
    shape = api.meta.service_model.operation_model(named).input_shape
    return dict(getattr(api, operation)(**fitted(shape, {name: one for name, one in given.items() if one is not None})))


def _current_version(api: Any, call: Call, physical_id: str) -> dict[str, str]:
    if call.noun != "connector":
        return {}
    return {"currentVersion": api.describe_connector(connectorArn=physical_id)["currentVersion"]}


def _attributes(api: Any, call: Call, physical_id: str) -> dict[str, str]:
    if call.noun == "application":
        return {
            "Arn": api.get_application(applicationId=physical_id)["application"]["arn"],
            "ApplicationId": physical_id,
        }
    return {attribute: physical_id for attribute, member in call.attributes.items() if member == call.reference}


_CLUSTER = Call("kafka", "cluster", "ClusterArn", {"Arn": "ClusterArn"}, "ClusterArn")
_SERVERLESS = Call("kafka", "cluster_v2", "ClusterArn", {"Arn": "ClusterArn"}, "ClusterArn")


def _serverless(client: Client, given: Properties) -> Made:
    members = {name: given[name] for name in ("VpcConfigs", "ClientAuthentication") if name in given}
    asked = {"ClusterName": given["ClusterName"], "Serverless": members, "Tags": given.get("Tags", {})}
    told = _ask(client("kafka"), "create_cluster_v2", asked)
    return told["ClusterArn"], {"Arn": told["ClusterArn"]}


def _unchanged(_client: Client, physical_id: str, _before: Properties, _now: Properties) -> Made:
    """The local broker is one whatever a cluster's size: what changes in place changes nothing here."""
    return physical_id, {"Arn": physical_id}


def _cluster_kinds() -> tuple[Kind, Kind]:
    made = kind("AWS::MSK::Cluster", _CLUSTER)
    return (
        Kind(made.type, made.create, _unchanged, made.delete, ("ClusterName",)),
        Kind(
            "AWS::MSK::ServerlessCluster", _serverless, _unchanged, made.delete,
            ("ClusterName", "VpcConfigs", "ClientAuthentication", "Tags"),
        ),
    )  # fmt: skip


KINDS = (
    *_cluster_kinds(),
    kind(
        "AWS::KafkaConnect::CustomPlugin",
        Call("kafkaconnect", "custom_plugin", "customPluginArn",
             {"CustomPluginArn": "customPluginArn", "Revision": "revision"}, "customPluginArn"),
        "Name", "Description", "ContentType", "Location",
    ),
    kind(
        "AWS::KafkaConnect::WorkerConfiguration",
        Call("kafkaconnect", "worker_configuration", "workerConfigurationArn",
             {"WorkerConfigurationArn": "workerConfigurationArn", "Revision": "latestRevision.revision"},
             "workerConfigurationArn"),
        "Name", "Description", "PropertiesFileContent",
    ),
    kind(
        "AWS::KafkaConnect::Connector",
        Call("kafkaconnect", "connector", "connectorArn", {"ConnectorArn": "connectorArn"}, "connectorArn"),
        "ConnectorDescription", "ConnectorName", "KafkaCluster", "KafkaClusterClientAuthentication",
        "KafkaClusterEncryptionInTransit", "KafkaConnectVersion", "LogDelivery", "Plugins", "ServiceExecutionRoleArn",
        "WorkerConfiguration",
    ),
    kind(
        "AWS::EMRServerless::Application",
        Call("emr-serverless", "application", "applicationId", {"Arn": "arn", "ApplicationId": "applicationId"},
             "applicationId"),
        "Name", "Type",
    ),
)  # fmt: skip
