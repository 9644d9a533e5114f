"""The roles of a deployed environment on a gateway that checks rights: what each may do, what it may not, and the job.

Functions and the job run under their roles (the deployment itself has called the functions of Kafka). What the gateway
runs without looking at a role is tried in its place, call by call, with keys of that role.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.aws import runs
from infra.aws.account import Account, settings_of
from lakehouse import places
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES
from tests.stack.environment import KAFKA_KEY, SMALL, Deployed, until

pytestmark = pytest.mark.stack

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::000000000000:root", "Service": "emr-serverless.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.fixture(scope="module")
def account(environment: Deployed) -> Account:
    return environment.account


@pytest.fixture(scope="module")
def bucket(account: Account) -> str:
    return account.outputs("storage")["Bucket"]


@pytest.fixture(scope="module")
def acting(account: Account) -> Callable[[str, str], Any]:
    """A client of a service with the keys of one of the environment's roles."""

    def client(role: str, service: str) -> Any:
        arn = f"arn:aws:iam::000000000000:role/{SMALL.stack(role)}"
        # A person takes the place of the service: its trust is looked at where the service itself takes the role.
        account.client("iam").update_assume_role_policy(RoleName=SMALL.stack(role), PolicyDocument=json.dumps(TRUST))
        keys = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="tried")["Credentials"]
        return boto3.client(
            service,
            endpoint_url=account.settings.aws_endpoint_url,
            region_name=SMALL.region,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    return client


def refused(call: Callable[..., Any], **given: Any) -> bool:
    """Whether a call is refused for want of a right; any other outcome is none of it."""
    with pytest.raises(ClientError) as fault:
        call(**given)
    return fault.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")


def test_the_sink_adds_to_bronze_and_does_nothing_else(acting: Callable[..., Any], bucket: str) -> None:
    s3 = acting("kafka-sink", "s3")
    s3.list_objects_v2(Bucket=bucket, Prefix=places.BRONZE_KAFKA)
    s3.put_object(Bucket=bucket, Key=f"{places.BRONZE_KAFKA}t/x", Body=b"x")
    s3.head_object(Bucket=bucket, Key=f"{places.BRONZE_KAFKA}t/x")
    assert refused(s3.delete_object, Bucket=bucket, Key=f"{places.BRONZE_KAFKA}t/x")
    assert refused(s3.put_object, Bucket=bucket, Key="silver/x", Body=b"x")
    assert refused(s3.get_object, Bucket=bucket, Key="gold/x")


def test_firehose_reads_its_stream_calls_its_function_and_adds_to_bronze(
    acting: Callable[..., Any], account: Account, bucket: str
) -> None:
    outputs = account.outputs("streaming")
    kinesis = acting("streaming-delivery", "kinesis")
    shard = kinesis.list_shards(StreamName=outputs["Stream"])["Shards"][0]["ShardId"]
    place = {"StreamName": outputs["Stream"], "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    # Not GetRecords: the gateway does not know whose an iterator is, and limits it to no stream.
    assert kinesis.get_shard_iterator(**place)["ShardIterator"]
    assert refused(kinesis.put_record, StreamName=outputs["Stream"], Data=b"x", PartitionKey="x")
    acting("streaming-delivery", "lambda").invoke(FunctionName=outputs["Transform"], Payload=b'{"records": []}')
    s3 = acting("streaming-delivery", "s3")
    s3.put_object(Bucket=bucket, Key=f"{places.ERRORS}x", Body=b"x")
    s3.put_object(Bucket=bucket, Key=f"{places.BRONZE_DYNAMODB}tried/x", Body=b"x")
    assert refused(s3.delete_object, Bucket=bucket, Key=f"{places.BRONZE_DYNAMODB}tried/x")
    assert refused(s3.put_object, Bucket=bucket, Key=KAFKA_KEY, Body=b"x")


def test_the_pipe_hands_changes_over(acting: Callable[..., Any], account: Account) -> None:
    outputs = account.outputs("streaming")
    # Not the table's stream: the gateway does not know it as a resource, and would refuse what AWS allows.
    stream = acting("streaming-pipe", "kinesis")
    stream.put_records(StreamName=outputs["Stream"], Records=[{"Data": b"{}", "PartitionKey": "x"}])
    assert refused(stream.delete_stream, StreamName=outputs["Stream"])
    acting("streaming-pipe", "sqs").send_message(QueueUrl=outputs["DeadLetters"], MessageBody="{}")
    assert refused(acting("streaming-pipe", "dynamodb").scan, TableName=SMALL.table)
    account.client("sqs").purge_queue(QueueUrl=outputs["DeadLetters"])


def test_a_schedule_starts_jobs_and_tells_of_those_it_could_not(acting: Callable[..., Any], account: Account) -> None:
    dead = account.client("sqs").get_queue_url(QueueName=f"{SMALL.stack('processing')}-dead")["QueueUrl"]
    acting("processing-schedule", "sqs").send_message(QueueUrl=dead, MessageBody="{}")
    assert refused(acting("processing-schedule", "s3").list_objects_v2, Bucket=account.outputs("storage")["Bucket"])


def test_the_state_machine_forecasts_asks_and_writes_where_it_may(acting: Callable[..., Any], bucket: str) -> None:
    forecast = acting("forecasting-machine", "forecast")
    forecast.list_predictors()
    forecast.create_dataset_group(DatasetGroupName="tried", Domain="RETAIL")
    s3 = acting("forecasting-machine", "s3")
    s3.put_object(Bucket=bucket, Key="forecasts/tried/x", Body=b"x")
    assert refused(s3.put_object, Bucket=bucket, Key="gold/x", Body=b"x")
    data = acting("forecasting-data", "s3")
    assert data.get_object(Bucket=bucket, Key="forecasts/tried/x")["Body"].read() == b"x"
    assert refused(data.get_object, Bucket=bucket, Key=KAFKA_KEY)


@pytest.fixture
def person(environment: Deployed) -> Callable[[str], Settings]:
    """Settings of a person who has one of the environment's policies and nothing else."""
    iam = environment.account.client("iam")

    def person(policy: str) -> Settings:
        name = policy.rpartition("/")[2]
        iam.create_user(UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn=policy)
        keys = iam.create_access_key(UserName=name)["AccessKey"]
        return dataclasses.replace(
            environment.settings,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
        )

    return person


def test_who_may_read_finds_the_environment_and_asks(
    person: Callable[[str], Settings], account: Account, bucket: str
) -> None:
    settings = person(account.outputs("query")["ReaderPolicy"])
    found, reader = settings_of(settings, SMALL), Account(settings, SMALL)
    athena = reader.client("athena")
    # Not GetQueryExecution: the gateway does not know whose workgroup an execution is, and limits it to none.
    assert athena.start_query_execution(QueryString="SELECT 1", WorkGroup=found.athena_workgroup)["QueryExecutionId"]
    assert refused(athena.start_query_execution, QueryString="SELECT 1", WorkGroup="primary")
    assert refused(reader.client("s3").put_object, Bucket=bucket, Key="gold/x", Body=b"x")
    assert refused(reader.client("dynamodb").scan, TableName=SMALL.table)


def test_who_may_operate_finds_the_application_and_reads_no_data(
    person: Callable[[str], Settings], account: Account, bucket: str
) -> None:
    operator = Account(person(account.outputs("processing")["OperatorPolicy"]), SMALL)
    # Found by the stacks; the gateway lets everybody call EMR Serverless itself, which the emulator does not know.
    assert runs.active(operator.client("emr-serverless"), operator.outputs("processing")["ApplicationId"]) is not None
    assert refused(operator.client("s3").get_object, Bucket=bucket, Key=KAFKA_KEY)
    assert refused(operator.client("athena").list_work_groups)


def test_the_job_brings_bronze_to_gold_with_the_rights_of_its_role(
    acting: Callable[..., Any], environment: Deployed, bucket: str
) -> None:
    """StartJobRun with the definition of the schedule: the real entry point, wheel and jar, by spark-submit."""
    told, s3 = environment.job_ended(), environment.account.client("s3")
    assert told["state"] == "SUCCESS", told["stateDetails"]
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"{SILVER_ORDER_LINES.layer}/{SILVER_ORDER_LINES.name}/")
    assert [one for one in found["Contents"] if one["Key"].endswith(".parquet")]
    assert s3.list_objects_v2(Bucket=bucket, Prefix="gold/daily_sales/_delta_log/")["KeyCount"] > 1

    job = acting("processing-job", "s3")
    assert refused(job.delete_object, Bucket=bucket, Key=KAFKA_KEY)
    assert refused(job.put_object, Bucket=bucket, Key=KAFKA_KEY, Body=b"x")
    assert refused(job.put_object, Bucket=bucket, Key="code/x", Body=b"x")
    # Not PutMetricData: the gateway does not know the namespace that the right is limited to.


def test_a_driver_that_streams_is_started_once_and_ended_when_asked(account: Account) -> None:
    """With an entry point that only waits: what runs is not the question here."""
    s3, bucket = account.client("s3"), account.outputs("storage")["Bucket"]
    s3.put_object(Bucket=bucket, Key="code/wait.py", Body=b"import time\ntime.sleep(600)\n")
    client, outputs = account.client("emr-serverless"), account.outputs("processing")
    driver = {"sparkSubmit": {"entryPoint": f"s3://{bucket}/code/wait.py", "entryPointArguments": ["1"]}}
    said: list[str] = []
    assert runs.ensure_stream(client, outputs, driver, said.append) is True
    until("the run", lambda: runs.active(client, outputs["ApplicationId"], ["RUNNING"]), 60)
    assert runs.ensure_stream(client, outputs, driver, said.append) is False
    assert runs.end_streams(client, outputs["ApplicationId"]) is True
    assert runs.active(client, outputs["ApplicationId"]) == []
    assert not said
