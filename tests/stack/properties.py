"""What the properties of a deployed stack's resources come to at the API, compared leaf by leaf with the template.

A leaf is a name and a plain value. What a template computes of other resources (GetAtt, Select, Cidr …) is passed over.
"""

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.aws import stacks
from infra.aws.account import Account
from tests.infra.templates import template

Client = Callable[[str], Any]
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


def shown(client: Client, kind: str, physical_id: str) -> list[Any]:
    """What the API tells of a resource."""
    return [call(client, physical_id) for call in READERS[kind]]


def _first(service: str, operation: str, members: str, **given: str) -> Callable[[Client, str], Any]:
    """The first member of what a call tells that is asked for by the physical id."""

    def read(client: Client, physical_id: str) -> Any:
        asked = {name: [physical_id] if how == "list" else physical_id for name, how in given.items()}
        found: Any = getattr(client(service), operation)(**asked)
        for name in members.split("."):
            found = found[name] if name else found
        return found[0] if isinstance(found, list) and found else found

    return read


def _role(client: Client, name: str) -> Any:
    iam = client("iam")
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    policies = [iam.get_role_policy(RoleName=name, PolicyName=one) for one in names]
    return [iam.get_role(RoleName=name), iam.list_role_tags(RoleName=name), policies]


def _policy(client: Client, arn: str) -> Any:
    iam = client("iam")
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])
    return [policy, {"ManagedPolicyName": policy["PolicyName"], "PolicyDocument": version["PolicyVersion"]["Document"]}]


def _queue(client: Client, url: str) -> Any:
    sqs = client("sqs")
    name = {"QueueName": url.rpartition("/")[2]}
    return [name, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]), sqs.list_queue_tags(QueueUrl=url)]


def _group(client: Client, name: str) -> Any:
    found = client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return [one for one in found if one["logGroupName"] == name] + [
        client("logs").list_tags_log_group(logGroupName=name)
    ]


def _function(client: Client, name: str) -> Any:
    api = client("lambda")
    return [api.get_function(FunctionName=name), api.get_function_concurrency(FunctionName=name)]


def _rule(client: Client, name: str) -> Any:
    name = name.rpartition("/")[2]
    return [client("events").describe_rule(Name=name), client("events").list_targets_by_rule(Rule=name)]


def _stream(client: Client, name: str) -> Any:
    api = client("kinesis")
    return [api.describe_stream_summary(StreamName=name), {"Name": name}, api.list_tags_for_stream(StreamName=name)]


def _delivery(client: Client, name: str) -> Any:
    api = client("firehose")
    told = api.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    return [told, api.list_tags_for_delivery_stream(DeliveryStreamName=name)]


def _bucket(client: Client, name: str) -> Any:
    s3, place = client("s3"), {"Bucket": name}
    notified = s3.get_bucket_notification_configuration(**place)
    return [
        {"BucketName": name, "EventBridgeEnabled": "EventBridgeConfiguration" in notified},
        notified,
        *(
            getattr(s3, f"get_bucket_{what}")(**place)
            for what in (
                "encryption",
                "lifecycle_configuration",
                "logging",
                "ownership_controls",
                "tagging",
                "versioning",
            )
        ),
        s3.get_public_access_block(**place),
    ]


def _bucket_policies(client: Client, _: str) -> Any:
    s3 = client("s3")
    names = [one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"].startswith("saleslake-tried-")]
    return [({"Bucket": name}, s3.get_bucket_policy(Bucket=name)) for name in names]


def _topic_policies(client: Client, _: str) -> Any:
    sns = client("sns")
    arns = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
    return [({"Topics": arn}, sns.get_topic_attributes(TopicArn=arn)) for arn in arns]


def _mapping(client: Client, number: str) -> Any:
    told = client("lambda").get_event_source_mapping(UUID=number)
    return [told, {"FunctionName": told["FunctionArn"].rpartition(":")[2]}]


def _permission(client: Client, _: str) -> Any:
    """Of every function that has a policy; conditions as CloudFormation's properties name them."""
    api, found = client("lambda"), []
    for one in api.list_functions()["Functions"]:
        with contextlib.suppress(api.exceptions.ResourceNotFoundException):
            policy = json.loads(api.get_policy(FunctionName=one["FunctionName"])["Policy"])
            text = json.dumps(policy).replace("AWS:SourceA", "SourceA").replace("aws:SourceA", "SourceA")
            services = [{"Principal": part["Principal"].get("Service")} for part in policy["Statement"]]
            found += [{"FunctionName": one["FunctionName"]}, text, services]
    return found


def _log_stream(client: Client, name: str) -> Any:
    logs, found = client("logs"), []
    for group in logs.describe_log_groups()["logGroups"]:
        told = logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
        found += [[group, one] for one in told if one["logStreamName"] in name]
    return found


def _topic(client: Client, arn: str) -> Any:
    api = client("sns")
    name = {"TopicName": arn.rpartition(":")[2]}
    return [name, api.get_topic_attributes(TopicArn=arn), api.list_tags_for_resource(ResourceArn=arn)]


def _machine(client: Client, arn: str) -> Any:
    api = client("stepfunctions")
    told = api.describe_state_machine(stateMachineArn=arn)
    return [told, {"StateMachineName": told["name"]}, api.list_tags_for_resource(resourceArn=arn)]


def _key(client: Client, key: str) -> Any:
    api = client("kms")
    rotation = {"EnableKeyRotation": api.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]}
    policy = api.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    tags = {one["TagKey"]: one["TagValue"] for one in api.list_resource_tags(KeyId=key)["Tags"]}
    return [api.describe_key(KeyId=key), rotation, {"KeyPolicy": policy}, tags]


def _alarm(client: Client, name: str) -> Any:
    told = client("cloudwatch").describe_alarms(AlarmNames=[name.rpartition(":alarm:")[2]])["MetricAlarms"][0]
    return [told, client("cloudwatch").list_tags_for_resource(ResourceARN=told["AlarmArn"])]


def _workgroup(client: Client, name: str) -> Any:
    arn = f"arn:aws:athena:eu-west-1:000000000000:workgroup/{name}"
    return [client("athena").get_work_group(WorkGroup=name), client("athena").list_tags_for_resource(ResourceARN=arn)]


def _budget(client: Client, name: str) -> Any:
    given = {"AccountId": "000000000000", "BudgetName": name}
    api = client("budgets")
    told = api.describe_notifications_for_budget(**given)["Notifications"]
    asked = (api.describe_subscribers_for_notification(**given, Notification=one) for one in told)
    return [api.describe_budget(**given), told, *asked]


def _vpc(client: Client, vpc: str) -> Any:
    api = client("ec2")
    names = {"enableDnsHostnames": "EnableDnsHostnames", "enableDnsSupport": "EnableDnsSupport"}
    found = {
        shown: api.describe_vpc_attribute(VpcId=vpc, Attribute=name)[shown]["Value"] for name, shown in names.items()
    }
    return [api.describe_vpcs(VpcIds=[vpc]), found]


def _association(client: Client, _: str) -> Any:
    return client("ec2").describe_route_tables()


def _notifications(client: Client, _: str) -> Any:
    return client("sns").list_subscriptions()


def _table(client: Client, name: str) -> Any:
    api = client("dynamodb")
    told = api.describe_table(TableName=name)["Table"]
    return [
        told,
        api.describe_continuous_backups(TableName=name),
        api.list_tags_of_resource(ResourceArn=told["TableArn"]),
    ]


def _tagged(operation: str, name: str) -> Callable[[Client, str], Any]:
    return lambda client, arn: [
        getattr(client("kafkaconnect"), operation)(**{name: arn}),
        client("kafkaconnect").list_tags_for_resource(resourceArn=arn),
    ]


READERS: Mapping[str, tuple[Callable[[Client, str], Any], ...]] = {
    "AWS::Athena::WorkGroup": (_workgroup,),
    "AWS::Budgets::Budget": (_budget,),
    "AWS::CloudWatch::Alarm": (_alarm,),
    "AWS::CloudWatch::Dashboard": (_first("cloudwatch", "get_dashboard", "", DashboardName="text"),),
    "AWS::DynamoDB::Table": (_table,),
    "AWS::EC2::RouteTable": (_first("ec2", "describe_route_tables", "RouteTables", RouteTableIds="list"),),
    "AWS::EC2::SecurityGroup": (_first("ec2", "describe_security_groups", "SecurityGroups", GroupIds="list"),),
    "AWS::EC2::Subnet": (_first("ec2", "describe_subnets", "Subnets", SubnetIds="list"),),
    "AWS::EC2::SubnetRouteTableAssociation": (_association,),
    "AWS::EC2::VPC": (_vpc,),
    "AWS::EC2::VPCEndpoint": (_first("ec2", "describe_vpc_endpoints", "VpcEndpoints", VpcEndpointIds="list"),),
    "AWS::EMRServerless::Application": (
        _first("emr-serverless", "get_application", "application", applicationId="text"),
    ),
    "AWS::Events::Rule": (_rule,),
    "AWS::Glue::Database": (_first("glue", "get_database", "Database", Name="text"),),
    "AWS::IAM::ManagedPolicy": (_policy,),
    "AWS::IAM::Role": (_role,),
    "AWS::KMS::Alias": (lambda client, _: client("kms").list_aliases(),),
    "AWS::KMS::Key": (_key,),
    "AWS::KafkaConnect::Connector": (_tagged("describe_connector", "connectorArn"),),
    "AWS::KafkaConnect::CustomPlugin": (_tagged("describe_custom_plugin", "customPluginArn"),),
    "AWS::KafkaConnect::WorkerConfiguration": (_tagged("describe_worker_configuration", "workerConfigurationArn"),),
    "AWS::Kinesis::Stream": (_stream,),
    "AWS::KinesisFirehose::DeliveryStream": (_delivery,),
    "AWS::Lambda::EventSourceMapping": (_mapping,),
    "AWS::Lambda::Function": (_function,),
    "AWS::Lambda::Permission": (_permission,),
    "AWS::Logs::LogGroup": (_group,),
    "AWS::Logs::LogStream": (_log_stream,),
    "AWS::MSK::Cluster": (_first("kafka", "describe_cluster", "ClusterInfo", ClusterArn="text"),),
    "AWS::Pipes::Pipe": (_first("pipes", "describe_pipe", "", Name="text"),),
    "AWS::S3::Bucket": (_bucket,),
    "AWS::S3::BucketPolicy": (_bucket_policies,),
    "AWS::SNS::Subscription": (_notifications,),
    "AWS::SNS::Topic": (_topic,),
    "AWS::SNS::TopicPolicy": (_topic_policies,),
    "AWS::SQS::Queue": (_queue,),
    "AWS::Scheduler::Schedule": (_first("scheduler", "get_schedule", "", Name="text"),),
    "AWS::StepFunctions::StateMachine": (_machine,),
}  # fmt: skip
