"""The second way in: encryption, retention, roles and alarms of its stack, and that its function's package is whole."""

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.aws import streaming
from infra.local.firehose.definition import parse as parse_destination
from infra.local.pipes.definition import parse as parse_pipe
from lakehouse import places
from tests.infra.templates import BareLoader as Loader

pytestmark = pytest.mark.infra

_TRIED = """\
import json, sys
sys.path.insert(0, sys.argv[1])
from infra.aws.handlers import transform
print(json.dumps(transform.handler({"records": [{"recordId": "1", "data": "e30="}]}, None)["records"]))
"""


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return dict(yaml.load(streaming.TEMPLATE.read_text(encoding="utf-8"), Loader)["Resources"])


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [one for one in resources.values() if one["Type"] == kind]
    assert found
    return found


def statements(resources: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """What a role may do; the statement for a key of one's own is within a condition."""
    found = []
    for policy in resources[role]["Properties"]["Policies"]:
        for one in policy["PolicyDocument"]["Statement"]:
            found.append(one[1] if isinstance(one, list) else one)
    return found


def actions(statement: dict[str, Any]) -> list[str]:
    given = statement["Action"]
    return [given] if isinstance(given, str) else given


ROLES = ("PipeRole", "TransformRole", "DeliveryRole")


def test_everything_is_encrypted_at_rest(resources: dict[str, Any]) -> None:
    table, stream = resources["Table"]["Properties"], resources["Stream"]["Properties"]
    assert table["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": ["HasKey", "KeyArn", "AWS::NoValue"],
    }
    assert stream["StreamEncryption"] == {"EncryptionType": "KMS", "KeyId": ["HasKey", "KeyArn", "alias/aws/kinesis"]}
    assert resources["DeadLetters"]["Properties"]["KmsMasterKeyId"] == ["HasKey", "KeyArn", "alias/aws/sqs"]
    for group in of_type(resources, "AWS::Logs::LogGroup"):
        assert group["Properties"]["KmsKeyId"] == ["HasKey", "KeyArn", "AWS::NoValue"]
    destination = resources["Delivery"]["Properties"]["ExtendedS3DestinationConfiguration"]
    assert destination["EncryptionConfiguration"][1] == {"KMSEncryptionConfig": {"AWSKMSKeyARN": "KeyArn"}}


def test_changes_outlive_a_failure_and_the_table_outlives_the_stack(resources: dict[str, Any]) -> None:
    table = resources["Table"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert resources["Stream"]["Properties"]["RetentionPeriodHours"] >= 24 * 7
    assert resources["DeadLetters"]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    for group in of_type(resources, "AWS::Logs::LogGroup"):
        assert group["Properties"]["RetentionInDays"] == "LogDays"


def test_the_pipe_gives_up_before_the_stream_forgets_and_tells(resources: dict[str, Any]) -> None:
    pipe = resources["Pipe"]
    given = pipe["Properties"]["SourceParameters"]["DynamoDBStreamParameters"]
    assert given["StartingPosition"] == "TRIM_HORIZON"
    assert given["OnPartialBatchItemFailure"] == "AUTOMATIC_BISECT"
    assert given["DeadLetterConfig"] == {"Arn": "DeadLetters.Arn"}
    assert 0 < given["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert given["MaximumRetryAttempts"] > 0
    # Firehose begins a Kinesis stream at its end.
    assert pipe["DependsOn"] == "Delivery"
    # A custom name could not be replaced beside the old pipe.
    assert "Name" not in pipe["Properties"]
    numbers = {**given, "BatchSize": 500, "MaximumBatchingWindowInSeconds": 1}
    text = json.dumps({**pipe["Properties"], "SourceParameters": {"DynamoDBStreamParameters": numbers}})
    found = parse_pipe(json.loads(text.replace("${HashKey}", "order_id").replace("${HashType}", "S")))
    assert found.from_start
    assert found.partition_key == "$.dynamodb.Keys.order_id.S"


def test_bronze_gets_one_gzip_line_a_record_and_failures_a_place_of_their_own(resources: dict[str, Any]) -> None:
    given = resources["Delivery"]["Properties"]["ExtendedS3DestinationConfiguration"]
    hints = {"IntervalInSeconds": 1, "SizeInMBs": 1}
    text = json.dumps({**given, "BufferingHints": hints, "BucketARN": "arn:aws:s3:::b"})
    found = parse_destination(json.loads(text.replace('"LambdaMegabytes"', '"1"').replace('"LambdaSeconds"', '"1"')))
    assert found.prefix == places.BRONZE_DYNAMODB + "date=!{timestamp:yyyy-MM-dd}/"
    assert found.error_prefix.startswith(places.ERRORS + "!{firehose:error-output-type}/")
    assert found.delimiter == b"\n"
    assert found.gzip
    assert found.extension == ".jsonl.gz"
    assert found.function == "${Transform.Arn}:$LATEST"


def test_no_role_may_do_more_than_it_does(resources: dict[str, Any]) -> None:
    for role in ROLES:
        for one in statements(resources, role):
            assert not [action for action in actions(one) if "*" in action]
            # ListStreams alone has no resource-level permission.
            assert one["Resource"] != "*" or actions(one) == ["dynamodb:ListStreams"]
    granted = {role: {action for one in statements(resources, role) for action in actions(one)} for role in ROLES}
    assert not [action for action in granted["PipeRole"] if action.startswith(("s3:", "lambda:"))]
    assert granted["TransformRole"] == {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert not [action for action in granted["DeliveryRole"] if action.startswith(("dynamodb:", "sqs:"))]
    writes = [one["Resource"] for one in statements(resources, "DeliveryRole") if "s3:PutObject" in actions(one)]
    assert [re.sub(r"^.*\$\{Bucket\}/", "", place) for place in writes[0]] == [
        f"{places.BRONZE_DYNAMODB}*",
        f"{places.ERRORS}*",
    ]


def test_a_role_is_assumed_by_its_service_for_this_account_alone(resources: dict[str, Any]) -> None:
    expected = {
        "PipeRole": "pipes.amazonaws.com",
        "TransformRole": "lambda.amazonaws.com",
        "DeliveryRole": "firehose.amazonaws.com",
    }
    for role, service in expected.items():
        (trust,) = resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": service}
        assert role == "TransformRole" or "AWS::AccountId" in str(trust["Condition"])


def test_each_step_has_an_alarm_that_reaches_the_topic(resources: dict[str, Any]) -> None:
    alarms = [one["Properties"] for one in of_type(resources, "AWS::CloudWatch::Alarm")]
    watched = {one["Namespace"] for one in alarms}
    assert watched == {"AWS/SQS", "AWS/EventBridge/Pipes", "AWS/Firehose", "AWS/Lambda", "AWS/Kinesis"}
    for one in alarms:
        assert one["AlarmActions"] == ["HasTopic", ["AlarmTopic"], []]
        assert one["AlarmDescription"]


def test_a_table_that_was_there_before_is_read_and_nothing_else_is_done_to_it(resources: dict[str, Any]) -> None:
    assert resources["Table"]["Condition"] == "MakesTable"
    assert resources["WriterPolicy"]["Condition"] == "MakesTable"
    # By the names alone: with an existing table there is no resource of ours that they could refer to.
    others = {name: one for name, one in resources.items() if one.get("Condition") != "MakesTable"}
    assert [name for name, one in others.items() if "Table.Arn" in json.dumps(one)] == []
    assert resources["Pipe"]["Properties"]["Source"] == ["HasStream", "TableStream", "Table.StreamArn"]
    of_table = [one for one in statements(resources, "PipeRole") if "TableKeyArn" in str(one["Resource"])]
    assert [actions(one) for one in of_table] == [["kms:Decrypt"]]


def test_the_writers_policy_writes_to_the_table_alone(resources: dict[str, Any]) -> None:
    given = resources["WriterPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    writes = [one for one in given if isinstance(one, dict) and "dynamodb:PutItem" in one["Action"]]
    assert [one["Resource"] for one in writes] == ["Table.Arn"]
    assert not {"dynamodb:DeleteTable", "dynamodb:UpdateTable", "dynamodb:Scan"} & set(writes[0]["Action"])


def test_everything_that_can_be_tagged_is(resources: dict[str, Any]) -> None:
    untaggable = ("AWS::Logs::LogStream", "AWS::IAM::ManagedPolicy")
    for name, one in resources.items():
        if one["Type"] not in untaggable:
            assert "project" in str(one["Properties"].get("Tags")), name


def test_the_package_needs_nothing_but_pythons_library(tmp_path: Path) -> None:
    body = streaming.package()
    assert body == streaming.package()
    zipfile.ZipFile(io.BytesIO(body)).extractall(tmp_path)
    command = [sys.executable, "-I", "-S", "-c", _TRIED, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    answer = json.loads(ended.stdout.splitlines()[-1])
    assert answer == [{"recordId": "1", "result": "ProcessingFailed", "data": "e30="}]


@pytest.mark.skipif(shutil.which("cfn-lint") is None, reason="cfn-lint is not installed")
def test_cfn_lint_finds_nothing() -> None:
    command = ["cfn-lint", str(streaming.TEMPLATE), "-r", "eu-west-1", "us-east-1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
