"""How each type of our templates is read back from the API: by its physical id, as one or more of the API's answers."""

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

Client = Callable[[str], Any]


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
