"""Properties that the emulator accepts and drops: applied by the API once it has made the resource.

Those that its API does not take either are listed in docs/local-aws.md, and a test knows them.
"""

from typing import Any

from infra.local.cloudformation.kinds import Addition, Client, Properties


def bucket(client: Client, name: str, before: Properties, now: Properties) -> None:
    """Encryption, lifecycle rules, access logs, ownership and tags of a bucket."""
    s3 = client("s3")
    if changed(before, now, "BucketEncryption"):
        listed = now["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        rules = [
            {"ApplyServerSideEncryptionByDefault": one["ServerSideEncryptionByDefault"]}
            | ({"BucketKeyEnabled": is_true(one["BucketKeyEnabled"])} if "BucketKeyEnabled" in one else {})
            for one in listed
        ]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    if changed(before, now, "LifecycleConfiguration"):
        rules = [lifecycle_rule(one) for one in now["LifecycleConfiguration"]["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    if changed(before, now, "LoggingConfiguration"):
        given = now["LoggingConfiguration"]
        place = {"TargetBucket": given["DestinationBucketName"], "TargetPrefix": given.get("LogFilePrefix", "")}
        s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": place})
    if changed(before, now, "OwnershipControls"):
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=now["OwnershipControls"])
    if changed(before, now, "Tags"):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": now["Tags"]})


def lifecycle_rule(given: Properties) -> dict[str, Any]:
    """A rule of a bucket's lifecycle as the API has it.

    Example:
        >>> lifecycle_rule({"Id": "old", "Status": "Enabled", "Prefix": "logs/", "ExpirationInDays": "30"})
        {'ID': 'old', 'Status': 'Enabled', 'Filter': {'Prefix': 'logs/'}, 'Expiration': {'Days': 30}}
    """
    rule: dict[str, Any] = {"ID": given["Id"], "Status": given["Status"], "Filter": {"Prefix": given.get("Prefix", "")}}
    if "ExpirationInDays" in given:
        rule["Expiration"] = {"Days": int(given["ExpirationInDays"])}
    if "ExpiredObjectDeleteMarker" in given:
        rule["Expiration"] = {"ExpiredObjectDeleteMarker": is_true(given["ExpiredObjectDeleteMarker"])}
    if "Transitions" in given:
        rule["Transitions"] = [
            {"Days": int(one["TransitionInDays"]), "StorageClass": one["StorageClass"]} for one in given["Transitions"]
        ]
    if "AbortIncompleteMultipartUpload" in given:
        days = int(given["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        rule["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    if "NoncurrentVersionExpiration" in given:
        days = int(given["NoncurrentVersionExpiration"]["NoncurrentDays"])
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    return rule


def table(client: Client, name: str, before: Properties, now: Properties) -> None:
    """Point-in-time recovery and time to live of a DynamoDB table."""
    dynamodb = client("dynamodb")
    if changed(before, now, "PointInTimeRecoverySpecification"):
        is_on = is_true(now["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": is_on}
        )
    if changed(before, now, "TimeToLiveSpecification"):
        given = now["TimeToLiveSpecification"]
        wanted = {"AttributeName": given["AttributeName"], "Enabled": is_true(given["Enabled"])}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)


def stream(client: Client, name: str, before: Properties, now: Properties) -> None:
    """Encryption of a Kinesis stream; its shards are one here, which a change would empty."""
    if changed(before, now, "StreamEncryption"):
        given = now["StreamEncryption"]
        client("kinesis").start_stream_encryption(
            StreamName=name, EncryptionType=given["EncryptionType"], KeyId=given["KeyId"]
        )


def function(client: Client, name: str, before: Properties, now: Properties) -> None:
    """Reserved concurrency, key, network and dead letters of a function."""
    if changed(before, now, "ReservedConcurrentExecutions"):
        reserved = int(now["ReservedConcurrentExecutions"])
        client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    members = {"KmsKeyArn": "KMSKeyArn", "VpcConfig": "VpcConfig", "DeadLetterConfig": "DeadLetterConfig"}
    given = {member: now[given] for given, member in members.items() if changed(before, now, given)}
    if given:
        client("lambda").update_function_configuration(FunctionName=name, **given)


def topic(client: Client, arn: str, before: Properties, now: Properties) -> None:
    """The key of a topic."""
    if changed(before, now, "KmsMasterKeyId"):
        client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=now["KmsMasterKeyId"]
        )


def schedule(client: Client, name: str, before: Properties, now: Properties) -> None:
    """The key of a schedule."""
    if changed(before, now, "KmsKeyArn"):
        known = client("scheduler").get_schedule(Name=name)
        members = ("Description", "FlexibleTimeWindow", "ScheduleExpression", "ScheduleExpressionTimezone", "Target")
        given = {member: known[member] for member in members if member in known}
        client("scheduler").update_schedule(Name=name, **given, KmsKeyArn=now["KmsKeyArn"])


def changed(before: Properties, now: Properties, name: str) -> bool:
    """Whether a property is there and another one than before."""
    return name in now and before.get(name) != now[name]


def is_true(value: Any) -> bool:
    """A boolean that may be text."""
    return str(value).lower() == "true"


ADDITIONS = (
    Addition("AWS::S3::Bucket", bucket),
    Addition("AWS::DynamoDB::Table", table),
    Addition("AWS::Kinesis::Stream", stream),
    Addition("AWS::Lambda::Function", function),
    Addition("AWS::SNS::Topic", topic),
    Addition("AWS::Scheduler::Schedule", schedule),
)
