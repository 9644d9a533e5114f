"""An environment on the gateway: deployed, unchanged, changed, failed and destroyed, through the commands' own code."""

import dataclasses
import gzip

import pytest

from infra.aws import deploy, jobs, runs, stack, stacks
from infra.aws.account import Account, settings_of
from infra.aws.archive import ROOT
from infra.aws.environment import Environment
from infra.aws.failure import StackError
from infra.commands import catalog
from lakehouse import places
from tests.stack import properties
from tests.stack.environment import SMALL, Deployed, artefacts, deployed, until

pytestmark = pytest.mark.stack


def test_every_stack_is_created(environment: Deployed) -> None:
    assert environment.told.ends == {SMALL.stack(part): "created" for part in stacks.PARTS}


def test_a_second_deployment_changes_nothing(environment: Deployed) -> None:
    settings = environment.settings
    told = deployed(settings, SMALL)
    assert set(told.ends.values()) == {"no changes"}
    assert not told.events
    account = Account(settings, SMALL)
    assert {part: found for part, found in deploy.diff(account, artefacts(account)) if found != []} == {}


def test_every_property_is_told_by_the_api_but_those_known_not_to_be(environment: Deployed) -> None:
    """Else a stack would be complete without what its template says; a property that is told by now is to be struck."""
    found = [properties.lacking(environment.account, part) for part in stacks.parts(SMALL)]
    assert {key: lack for part in found for key, lack in part.items() if key not in properties.NOT_TOLD} == {}
    assert {key for part in found for key in part} == set(properties.NOT_TOLD)
    text = (ROOT / "docs" / "local-aws.md").read_text(encoding="utf-8")
    assert [member for _, member in properties.NOT_TOLD if f"`{member}`" not in text] == []


def test_the_environments_sink_lands_the_topic_in_its_own_bucket(environment: Deployed) -> None:
    settings = environment.settings
    account = Account(settings, SMALL)
    outputs = account.outputs("kafka")
    connector = account.client("kafkaconnect").describe_connector(connectorArn=outputs["Connector"])
    assert connector["connectorState"] == "RUNNING"
    from kafka import KafkaProducer  # noqa: PLC0415 (its import warns; the generator has done it)

    producer = KafkaProducer(bootstrap_servers=outputs["Servers"])
    producer.send(places.TOPIC, key=b"{}", value=b'{"op":"tried"}').get(10)
    producer.close()
    bucket, s3 = account.outputs("storage")["Bucket"], account.client("s3")
    prefix = f"{places.BRONZE_KAFKA}{places.TOPIC}/{outputs['TopicId']}/"

    def landed() -> bool:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        bodies = (gzip.decompress(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()) for one in found)
        return any(b"tried" in body for body in bodies)

    until("the message in bronze", landed)


def test_the_commands_work_with_the_environments_settings(environment: Deployed) -> None:
    settings = environment.settings
    found = settings_of(settings, SMALL)
    assert found.bucket == "saleslake-tried-000000000000-eu-west-1"
    assert found.kafka_bootstrap_servers == settings.kafka_bootstrap_servers
    assert "created tried_gold.daily_sales" in catalog.tables(found)
    assert "created query baskets" in catalog.named_queries(found, found.athena_workgroup)
    assert found.athena_workgroup == "saleslake-tried-query"
    assert (found.dynamodb_table, found.dynamodb_mapping) == ("orders", str(ROOT / SMALL.mapping))


def test_a_failure_is_rolled_back_and_says_what_failed_first(environment: Deployed) -> None:
    """Another environment wants the same databases: its last stack fails, and the next deployment mends that.

    Its data stay when it is destroyed, are taken over by the next deployment, and go when a person asks for it."""
    settings = environment.settings
    other = Environment("other", database_prefix="tried_", ingest="dynamodb", processing="scheduled")
    with pytest.raises(StackError, match=r"saleslake-other-query: \w+: .*already exists.*ROLLBACK_COMPLETE"):
        deployed(settings, other)
    other = dataclasses.replace(other, database_prefix="other_")
    told = deployed(settings, other)
    assert told.lines == [
        "saleslake-other-query is left from a deployment that failed (ROLLBACK_COMPLETE): it is deleted first"
    ]
    assert told.ends["saleslake-other-query"] == "created"

    account = Account(settings, other)
    s3, dynamodb = account.client("s3"), account.client("dynamodb")
    bucket = account.outputs("storage")["Bucket"]
    s3.put_object(Bucket=bucket, Key="bronze/a", Body=b"a")
    key = {"order_id": {"S": "1"}, "line_no": {"N": "1"}}
    dynamodb.put_item(TableName=other.table, Item=key)
    assert set(properties.lacking(account, "streaming")) == {
        ("AWS::Lambda::Function", "Code"),
        *(("AWS::DynamoDB::Table", member) for member in ("PointInTimeRecoverySpecification", "SSESpecification")),
    }
    gone = deploy.destroy(account, told)
    assert gone == [other.stack(part) for part in ("query", "processing", "streaming", "alarms")]
    assert s3.get_object(Bucket=bucket, Key="bronze/a")["Body"].read() == b"a"
    assert deployed(settings, other).ends[other.stack("streaming")] == "created"
    assert dynamodb.get_item(TableName=other.table, Key=key)["Item"] == key

    deploy.destroy(account, told, with_data=True)
    assert stack.found(account.client("cloudformation"), other.stack("storage")) is None
    assert bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert other.table not in dynamodb.list_tables()["TableNames"]


def test_a_changed_value_changes_its_resource_alone(environment: Deployed) -> None:
    """The application is stopped for it, as AWS asks, which ends what works there. Nothing later asks for the old."""
    settings, account = environment.settings, environment.account
    environment.job_ended()
    client, outputs = account.client("emr-serverless"), account.outputs("processing")
    bucket = account.outputs("storage")["Bucket"]
    account.client("s3").put_object(Bucket=bucket, Key="code/wait.py", Body=b"import time\ntime.sleep(600)\n")
    waiting = {"sparkSubmit": {"entryPoint": f"s3://{bucket}/code/wait.py"}}
    client.start_job_run(**jobs.run(outputs, "waiting", waiting, "waiting"))

    changed = dataclasses.replace(SMALL, query_gigabytes=3, sink_millis=300, executors=2)
    told = deployed(settings, changed)
    assert told.expected == {
        SMALL.stack("kafka"): ["Sink"],
        # What names the application is told by a change set, too, although it stays as it is.
        SMALL.stack("processing"): ["Application", "Backfill", "Maintain", "OperatorPolicy", "ScheduleRole"],
        SMALL.stack("query"): ["WorkGroup"],
    }
    updated = {name for name, outcome in told.ends.items() if outcome == "updated"}
    assert updated == {SMALL.stack(part) for part in ("kafka", "processing", "query")}
    assert told.lines == ["the application's runs are ended: it can be changed only when it is stopped"]
    assert not runs.active(client, outputs["ApplicationId"])
    capacity = client.get_application(applicationId=outputs["ApplicationId"])["application"]["maximumCapacity"]
    assert capacity["cpu"] == "12 vCPU"
    group = account.client("athena").get_work_group(WorkGroup=account.outputs("query")["WorkGroup"])["WorkGroup"]
    assert group["Configuration"]["BytesScannedCutoffPerQuery"] == 3_000_000_000
    arn = account.outputs("kafka")["Connector"]
    configuration = account.client("kafkaconnect").describe_connector(connectorArn=arn)["connectorConfiguration"]
    assert configuration["chunk.millis"] == "300"
