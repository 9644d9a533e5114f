"""What goes wrong when an environment is deployed, looked at or destroyed: one line that says what to do, and exit 2.

The commands run whole; AWS is what CloudFormation, S3 and STS answer here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, UnauthorizedSSOTokenError

from infra.__main__ import main
from infra.aws import environment, erase, package, source, streaming
from infra.aws.account import Account, settings_of
from infra.aws.environment import Environment
from lakehouse.settings import load

pytestmark = pytest.mark.unit

TRIED = Environment("tried", ingest="dynamodb")
Entry = dict[str, Any]


def refusal(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Tried")


class Aws:
    """An account: CloudFormation with every stack in one state, and what other services answer to everything.

    Args:
        status: Of every stack; "" for none.
        faults: By the name of a call, what it raises.
        last: What the stacks come to once something was done to them.
    """

    class exceptions:  # noqa: N801 (as boto3 has it)
        ClientError = ClientError
        ResourceNotFoundException = type("ResourceNotFoundException", (ClientError,), {})

    def __init__(self, status: str = "", last: str = "", **faults: Exception) -> None:
        self.status, self.last, self.faults = status, last, faults
        self.calls: list[str] = []
        self.answers: Entry = {"get_caller_identity": {"Account": "1"}}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**given: Any) -> Any:
            self.calls.append(name)
            if name in self.faults:
                raise self.faults[name]
            if name in ("execute_change_set", "delete_stack"):
                self.status = self.last
            return self.answers.get(name, {})

        return call

    def describe_stacks(self, StackName: str) -> Entry:  # noqa: N803
        if "describe_stacks" in self.faults:
            raise self.faults["describe_stacks"]
        if not self.status:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackStatus": self.status, "StackId": StackName, "StackStatusReason": "no  space"}]}

    def describe_change_set(self, **_: str) -> Entry:
        return {"Status": "CREATE_COMPLETE", "Changes": []}

    def get_paginator(self, operation: str) -> "Pages":
        return Pages(self, operation)


class Pages:
    """The events of a stack: none before anything was done, then a resource that would not go."""

    def __init__(self, aws: Aws, operation: str) -> None:
        self.aws, self.operation = aws, operation

    def paginate(self, **_: str) -> Iterator[Entry]:
        if self.operation == "describe_change_set":
            yield {"Changes": []}
            return
        done = {"execute_change_set", "delete_stack"} & set(self.aws.calls)
        event = {"EventId": "1", "LogicalResourceId": "Vpc", "ResourceStatus": "DELETE_FAILED"}
        yield {"StackEvents": [event | {"ResourceStatusReason": "has  dependencies"}] if done else []}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Aws | None], None]:
    """Make the account that commands find; None for boto3 itself, without any keys."""
    monkeypatch.chdir(tmp_path)  # no .env
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setattr(package, "builders", lambda _: dict.fromkeys(package_names, lambda: b""))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    def use(aws: Aws | None) -> None:
        if aws is not None:
            monkeypatch.setattr(environment, "load", lambda _: TRIED)
            monkeypatch.setattr(boto3, "client", lambda *_, **__: aws)

    package_names = ("transform.zip", "main.py", "saleslake.zip", "saleslake-spark.jar", "job-packages.tar.gz")
    return use


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command, which must fail with 2, and return its one line of error."""

    def run(*words: str) -> str:
        assert main(list(words)) == 2
        err = capsys.readouterr().err
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert "Traceback" not in err
        assert err.rstrip().endswith(errors[-1]), err
        return errors[-1]

    return run


COMMANDS = (
    ("deploy", "prod2"), ("diff", "prod2"), ("stacks", "prod2"), ("destroy", "prod2"), ("cost", "prod2"),
    ("job", "prod2", "backfill"), ("--env", "prod2", "query", "SELECT 1"), ("--env", "prod2", "forecast"),
    ("--env", "prod2", "generate"),
)  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS)
def test_a_wrong_name_tells_the_right_ones(words: tuple[str, ...], said: Callable[..., str]) -> None:
    assert "ENV=prod2; expected one of dev, prod; correct it, or write infra/environments/<ENV>.yaml" in said(*words)


def test_without_credentials(account: Callable[..., None], said: Callable[..., str], monkeypatch: Any) -> None:
    account(None)
    assert "expected credentials of an AWS account; set AWS_PROFILE or sign in" in said("deploy", "dev")
    monkeypatch.setenv("AWS_PROFILE", "absent")
    told = said("stacks", "dev")
    assert "The config profile (absent) could not be found; expected credentials of an AWS account" in told


ASKING = (
    ("deploy", "tried"), ("diff", "tried"), ("stacks", "tried"), ("job", "tried", "verify"),
    ("destroy", "tried", "--name", "tried"), ("--env", "tried", "query", "SELECT 1"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (refusal("ExpiredToken"), "expected a token that is valid now; sign in again (`aws sso login`), then repeat"),
        (UnauthorizedSSOTokenError(), "expected a sign-in that is valid now; sign in again (`aws sso login`)"),
        (refusal("InvalidClientTokenId"), "expected keys of an AWS account; correct AWS_PROFILE"),
        (refusal("AccessDenied", "no right"), "AWS: no right; expected a role that may deploy; ask for the permission"),
        (EndpointConnectionError(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com"),
         "expected an answer of AWS; look at the network and at the region, then repeat"),
        (ConnectTimeoutError(endpoint_url="https://x"), "expected an answer of AWS; look at the network"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("words", ASKING)
def test_aws_that_refuses_or_does_not_answer(
    fault: Exception, expected: str, words: tuple[str, ...], account: Callable[..., None], said: Callable[..., str]
) -> None:
    account(Aws(describe_stacks=fault))
    assert expected in said(*words)


def test_a_gateway_that_is_down(account: Callable[..., None], said: Callable[..., str], monkeypatch: Any) -> None:
    account(None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    assert "expected an answer of http://127.0.0.1:1; run `make up`, or empty AWS_ENDPOINT_URL" in said("deploy", "dev")


def test_a_bucket_of_another_account(account: Callable[..., None], said: Callable[..., str]) -> None:
    aws = Aws(head_bucket=refusal("403", "Forbidden"))
    account(aws)
    expected = (
        "bucket saleslake-tried-1-eu-west-1 belongs to another account; expected a name that is free; take another"
    )
    assert expected in said("deploy", "tried")
    assert "create_change_set" not in aws.calls


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("UPDATE_IN_PROGRESS", "is UPDATE_IN_PROGRESS; expected a stack at rest; wait for its end: `make status ENV=`"),
        ("UPDATE_ROLLBACK_FAILED", "no space; `aws cloudformation continue-update-rollback --stack-name saleslake-"),
        ("UPDATE_FAILED", "no space; `aws cloudformation rollback-stack --stack-name saleslake-tried-storage`, then"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["deploy", "diff"])
def test_a_stack_that_someone_is_at_work_on_or_has_to_mend(
    status: str, expected: str, command: str, account: Callable[..., None], said: Callable[..., str]
) -> None:
    account(Aws(status))
    assert expected in said(command, "tried")


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"])
def test_what_a_failed_deployment_left_is_deleted_or_its_reason_told(
    status: str, account: Callable[..., None], said: Callable[..., str]
) -> None:
    account(Aws(status, last="DELETE_FAILED"))
    expected = "Vpc: has dependencies (the stack is DELETE_FAILED); remove what holds it, then repeat the command"
    assert expected in said("deploy", "tried")


def test_another_deployment_that_was_quicker(account: Callable[..., None], said: Callable[..., str]) -> None:
    expected = "expected nobody else at work on it; wait for the end of the other deployment"
    account(Aws("CREATE_COMPLETE", execute_change_set=refusal("InvalidChangeSetStatus", "cannot be executed")))
    assert f"stack saleslake-tried-storage: cannot be executed; {expected}" in said("deploy", "tried")
    in_progress = refusal("ValidationError", "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated.")
    account(Aws("CREATE_COMPLETE", create_change_set=in_progress))
    assert expected in said("deploy", "tried")


def test_a_deletion_that_fails(account: Callable[..., None], said: Callable[..., str]) -> None:
    words = ("destroy", "tried", "--name", "tried")
    account(Aws("CREATE_COMPLETE", last="DELETE_FAILED"))
    assert "stack saleslake-tried-query: Vpc: has dependencies (the stack is DELETE_FAILED); remove what" in said(
        *words
    )
    account(Aws("UPDATE_IN_PROGRESS"))
    assert "saleslake-tried-query is UPDATE_IN_PROGRESS; expected a stack at rest" in said(*words)
    protected = refusal("ValidationError", "Stack [x] cannot be deleted while TerminationProtection is enabled")
    account(Aws("CREATE_COMPLETE", delete_stack=protected))
    told = said(*words)
    assert "saleslake-tried-query is protected; `aws cloudformation update-termination-protection --no-enable" in told


def test_a_name_that_was_not_typed_deletes_nothing(account: Callable[..., None], said: Callable[..., str]) -> None:
    aws = Aws("CREATE_COMPLETE")
    account(aws)
    assert "typed 'dev'; expected tried; nothing was deleted" in said("destroy", "tried", "--name", "dev")
    assert "expected the name by --name; nothing was deleted" in said("destroy", "tried")
    assert not aws.calls


def test_an_environment_that_is_not_deployed(account: Callable[..., None], said: Callable[..., str]) -> None:
    account(Aws())
    for words in (("--env", "tried", "query", "SELECT 1"), ("--env", "tried", "generate"), ("job", "tried", "verify")):
        assert "tried is not deployed at AWS; expected its stacks" in said(*words)


def test_forecasts_without_the_service_say_what_works(
    account: Callable[..., None], said: Callable[..., str], monkeypatch: Any
) -> None:
    aws = Aws("CREATE_COMPLETE")
    monkeypatch.setattr(Aws, "describe_stacks", _without_forecasts)
    account(aws)
    told = said("--env", "tried", "forecast")
    assert (
        "tried has no forecasts: Amazon Forecast takes no new customers since 2024-07-29; `make forecast` without"
        in told
    )


def test_a_generator_finds_the_topic_as_the_environment_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would put right what differs: the settings of this machine are not those of the environment."""
    monkeypatch.setattr(Aws, "describe_stacks", _without_forecasts)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: Aws())
    wanted = Environment("tried", kafka_retention_hours=48, kafka_partitions=8, database_prefix="t_")
    found = settings_of(load({"KAFKA_RETENTION_HOURS": "7"}, None), wanted)
    assert (found.kafka_retention_hours, found.kafka_partitions, found.bucket) == (48, 8, "b")
    assert (found.dynamodb_table, found.dynamodb_mapping) == ("saleslake-tried-order_lines", "")


def _without_forecasts(aws: Aws, StackName: str) -> Entry:  # noqa: N803
    outputs = {"storage": {"Bucket": "b"}, "query": {"WorkGroup": "w"}}.get(StackName.rpartition("-")[2], {})
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "StackId": StackName, "Outputs": listed}]}


def table(**changes: Any) -> Entry:
    """The course project's table, as DynamoDB describes it."""
    return {
        "TableName": "orders",
        "KeySchema": [{"AttributeName": "orderid", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "orderid", "AttributeType": "S"}],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "LatestStreamArn": "arn:stream",
        **changes,
    }


COURSE = Environment("tried", ingest="dynamodb", existing_table="orders", mapping="infra/aws/mappings/course.yaml")
NUMBER = [{"AttributeName": "orderid", "AttributeType": "N"}]


@pytest.mark.parametrize(
    ("env", "described", "expected"),
    [
        (COURSE, table(StreamSpecification={}),
         "table orders has no stream; expected one with NEW_AND_OLD_IMAGES; `aws dynamodb update-table --table-name "),
        (COURSE, table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}),
         "table orders has a stream with NEW_IMAGE; expected one with NEW_AND_OLD_IMAGES"),
        (COURSE, table(AttributeDefinitions=NUMBER),
         "key of table orders is orderid (N); expected orderid (S) by infra/aws/mappings/course.yaml; correct mapping"),
        (Environment("tried", ingest="dynamodb", existing_table="orders"), table(),
         "expected order_id (S) and line_no (N) by the mapping of a table of our own"),
        (Environment("tried", ingest="dynamodb", mapping="no/where.yaml"), table(),
         "infra/environments/tried.yaml: mapping: "),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_is_told_before_anything_is_made(
    env: Environment, described: Entry, expected: str, account: Callable[..., None], said: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    aws = Aws()
    aws.answers["describe_table"] = {"Table": described}
    account(aws)
    monkeypatch.setattr(environment, "load", lambda _: env)
    assert expected in said("deploy", "tried")
    assert "create_change_set" not in aws.calls


def test_a_table_that_is_not_there(
    account: Callable[..., None], said: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Aws.exceptions.ResourceNotFoundException({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeTable")
    account(Aws(describe_table=gone))
    monkeypatch.setattr(environment, "load", lambda _: COURSE)
    expected = "existing_table: orders; expected a table of AWS in eu-west-1; correct the name, or the region"
    assert expected in said("deploy", "tried")


def test_a_stack_may_go_back_to_a_table_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is made by that very deployment: until then nothing can be said of its stream."""
    own = Account(load({}, None), TRIED)
    gone = refusal("ResourceNotFoundException")
    monkeypatch.setattr(streaming, "other_stream", lambda *_: (_ for _ in ()).throw(gone))
    assert source.parameters(own) == {
        "TableStream": "", "HashKey": "order_id", "HashType": "S", "RangeKey": "line_no", "RangeType": "N",
    }  # fmt: skip
    with pytest.raises(ClientError):
        source.parameters(Account(load({}, None), COURSE))


def test_an_existing_table_is_handed_over_by_its_stream_and_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws()
    aws.answers["describe_table"] = {"Table": table(SSEDescription={"KMSMasterKeyArn": "arn:key"})}
    monkeypatch.setattr(boto3, "client", lambda *_, **__: aws)
    assert source.parameters(Account(load({}, None), COURSE)) == {
        "ExistingTable": "orders", "TableStream": "arn:stream", "TableKeyArn": "arn:key",
        "HashKey": "orderid", "HashType": "S", "RangeKey": "", "RangeType": "N",
    }  # fmt: skip


def test_data_that_are_deleted_are_ours_alone() -> None:
    aws, told = Aws(), list[str]()
    erase.everything(lambda _: aws, {}, "", told.append)
    assert "delete_table" not in aws.calls
    erase.everything(lambda _: aws, {}, "mine", told.append)
    assert "delete_table" in aws.calls
