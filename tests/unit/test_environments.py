"""Environments on AWS before any call: their files, their bill, their jobs, packages and what a failure says."""

import hashlib
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from infra.aws import account, archive, cost, environment, jobs, package, stack, stacks
from infra.aws.environment import Environment
from infra.local import emr_run, rest
from infra.local.cloudformation.services import fitted
from infra.local.kept import Kept
from lakehouse.errors import ConfigError
from lakehouse.settings import SUBMITTED, load

pytestmark = pytest.mark.unit


def written(folder: Path, text: str) -> Path:
    (folder / "tried.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_environments_that_come_along_are_right() -> None:
    for name in environment.known():
        assert cost.bill(environment.load(name), cost.prices())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kafka_partition: 3", "kafka_partition; expected kafka_partitions"),
        ("kafka: cloud", "kafka: cloud; expected one of provisioned, serverless"),
        ("log_days: 8", "expected one of 1, 3, 5, 7, 14"),
        ("forecasting: 1", "expected true or false"),
        ("kafka_brokers: 3", "expected a multiple of 2"),
        ("region: ireland", "expected text like"),
        ("- a", "expected lines of name: value"),
        ("a: [", "expected lines of name: value"),
        ("lag_seconds: 5", "expected at least 60"),
        ("driver_gigabytes: 4", "driver_gigabytes: 4; expected 8 to 30 with 4 driver_cores"),
        ("existing_table: orders\ntable_name: mine", "existing_table and table_name; expected one of the two"),
        ("existing_table: a b", "expected text like"),
        ("business_timezone: Middle/Earth", "expected an IANA time zone such as Europe/London"),
        ("unknown_columns: keep", "expected one of freeze, evolve, discard"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as fault:
        environment.load("tried", written(tmp_path, text))
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("name", ["", "prod2", "../dev", "Dev"])
def test_a_wrong_name_tells_the_right_ones(name: str) -> None:
    with pytest.raises(ConfigError, match="expected one of dev, prod"):
        environment.load(name)


def test_the_bill_is_the_sum_by_hand() -> None:
    """Two t3.small at $0.0456 an hour, 20 GB each at $0.10 a month of 30.4 days, one Connect unit at $0.11 an hour."""
    lines = cost.bill(Environment("x", ingest="kafka", processing="scheduled"), cost.prices())
    kafka = [line for line in lines if line.part == "kafka"]
    assert sum(line.dollars for line in kafka) == pytest.approx(2 * (24 * 0.0456 + 20 * 0.10 / 30.4) + 24 * 0.11)
    assert all(line.is_fixed for line in kafka)
    streaming = cost.bill(Environment("x", ingest="dynamodb", changes_a_day=1_000_000), cost.prices())
    writes = next(line for line in streaming if "writes" in line.what)
    assert writes.dollars == pytest.approx(0.625)
    assert not writes.is_fixed
    driver = next(line for line in cost.bill(Environment("x"), cost.prices()) if line.part == "processing")
    assert driver.dollars == pytest.approx(24 * 2 * (4 * 0.052624 + 16 * 0.0057785))
    with pytest.raises(ConfigError, match=r"no price of kafka.m5.large; expected one of kafka.t3.small"):
        cost.bill(Environment("x", kafka_instance="kafka.m5.large"), cost.prices())


def test_an_environment_has_the_stacks_of_its_ways() -> None:
    assert "streaming" not in stacks.parts(Environment("x", ingest="kafka"))
    assert "kafka" not in stacks.parts(Environment("x", ingest="dynamodb"))
    assert "forecasting" not in stacks.parts(Environment("x"))
    wanted = stacks.wanted(Environment("x", query_gigabytes=4), "query", {"Bucket": "b", "KeyArn": "k", "Other": "o"})
    assert wanted.parameters == {
        "Name": "saleslake-x-query", "Environment": "x", "Bucket": "b", "KeyArn": "k", "DatabasePrefix": "",
        "QueryGigabytes": "4",
    }  # fmt: skip


def test_a_job_is_told_its_settings_and_no_keys() -> None:
    keys = {name: f"code/{name}" for name in ("MainKey", "WheelKey", "JarKey", "PackagesKey")}
    settings = load({"AWS_ENDPOINT_URL": ""}, None)
    wanted = Environment("x", business_timezone="Europe/London", unknown_columns="evolve", tombstone_retention_days=7.0)
    submit = jobs.driver("stream", wanted, settings, "b", keys)["sparkSubmit"]
    assert submit["entryPointArguments"][-1] == "stream"
    given = dict(one.split("=", 1) for one in submit["entryPointArguments"][1:-1:2])
    assert given["SPARK_MASTER"] == SUBMITTED
    assert given["AWS_ENDPOINT_URL"] == ""
    assert not [name for name in given if "KEY" in name]
    # As the job reads them: no endpoint, and no keys but those of its role.
    told = load({**given, "AWS_ACCESS_KEY_ID": "role"}, None)
    assert (told.bucket, told.aws_access_key_id, told.aws_secret_access_key) == ("b", "role", "")
    assert (told.business_timezone, told.unknown_columns, told.tombstone_retention_days) == (
        "Europe/London",
        "evolve",
        7,
    )
    assert "spark.archives=s3://b/code/PackagesKey#packages" in submit["sparkSubmitParameters"]


def test_aws_itself_is_never_given_the_gateways_keys() -> None:
    assert load({"AWS_ENDPOINT_URL": ""}, None).client_arguments == {"region_name": "eu-west-1"}
    given = {"AWS_ENDPOINT_URL": "", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"}
    assert load(given, None).client_arguments["aws_session_token"] == "c"
    assert load({}, None).client_arguments["aws_access_key_id"] == "test"


def test_the_same_sources_give_the_same_wheel_which_holds_what_a_job_imports(tmp_path: Path) -> None:
    body = package.wheel()
    assert hashlib.sha256(body).digest() == hashlib.sha256(package.wheel()).digest()
    names = set(zipfile.ZipFile(BytesIO(body)).namelist())
    assert {"spark_jobs/__main__.py", "lakehouse/settings.py", "forecasting/forecasts.yaml"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]
    for count, name in enumerate(("b", "a")):
        (tmp_path / name).write_text(str(count))
    assert archive.tarred(tmp_path) == archive.tarred(tmp_path)


def test_the_packages_of_jobs_are_pinned_with_their_hashes() -> None:
    text = (archive.ROOT / "requirements.txt").read_text(encoding="utf-8")
    names = package._closure(package.JOB_PACKAGES)
    listed = package.requirements(text, names)
    assert {line.split("==")[0] for line in listed.splitlines() if "==" in line} == names
    assert listed.count("--hash=sha256:") >= len(names)
    assert "pyspark" not in names


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateChangeSet")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredToken", "sign in again"),
        ("InvalidClientTokenId", "expected keys of an AWS account"),
        ("AccessDenied", "ask for the permission"),
        ("Throttling", "expected an answer of AWS"),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(code: str, said: str) -> None:
    with pytest.raises(Exception, match=said) as fault, account.answers(load({"AWS_ENDPOINT_URL": ""}, None), "tried"):
        raise refusal(code, "no")
    assert "\n" not in str(fault.value)


class Stacks:
    """CloudFormation with one stack in one state."""

    def __init__(self, status: str) -> None:
        self.status, self.deleted = status, False

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.deleted or not self.status:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackStatus": self.status, "StackId": "i", "StackStatusReason": "no  space"}]}

    def delete_stack(self, **_: str) -> None:
        self.deleted = True

    def get_paginator(self, _: str) -> "Stacks":
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return []


@pytest.mark.parametrize(
    ("status", "is_there"),
    [("", False), ("REVIEW_IN_PROGRESS", False), ("CREATE_COMPLETE", True), ("UPDATE_ROLLBACK_COMPLETE", True)],
)
def test_a_stack_is_made_or_changed(status: str, is_there: bool) -> None:
    assert stack.prepare(Stacks(status), "s", print) is is_there


def test_what_a_failed_creation_left_is_cleared_away() -> None:
    said: list[str] = []
    client = Stacks("ROLLBACK_COMPLETE")
    assert stack.prepare(client, "s", said.append) is False
    assert client.deleted
    assert said == ["s is left from a deployment that failed (ROLLBACK_COMPLETE): it is deleted first"]


def test_a_property_that_the_api_does_not_know_is_refused() -> None:
    import boto3  # noqa: PLC0415

    client = boto3.client("emr-serverless", region_name="eu-west-1")
    shape = client.meta.service_model.operation_model("CreateApplication").input_shape
    given = {"ReleaseLabel": "l", "Type": "SPARK", "Tags": [{"Key": "a", "Value": 1}]}
    fit = fitted(shape, {**given, "SchedulerConfiguration": {"MaxConcurrentRuns": "1"}})
    assert fit["tags"] == {"a": "1"}
    assert fit["schedulerConfiguration"] == {"maxConcurrentRuns": 1}
    with pytest.raises(ValueError, match=r"AutoStopConfiguration.Idle is not known"):
        fitted(shape, {"AutoStopConfiguration": {"Idle": 1}})


def test_what_a_killed_gateway_left_working_is_ended_and_nothing_else(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen([*program, str(tmp_path / "main.py")], start_new_session=True) as left:
        (tmp_path / "pid").write_text(str(left.pid))
        while not psutil.Process(left.pid).cmdline():  # a process that has just begun has none yet
            assert left.poll() is None
        assert emr_run.end_orphan(tmp_path) is True
        assert left.wait(10) == -9
    assert emr_run.end_orphan(tmp_path) is False
    (tmp_path / "pid").write_text(str(os.getpid()))
    assert emr_run.end_orphan(tmp_path) is False


def test_records_outlive_the_process(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "x" / "records.json")
    kept.put("run", "1", {"state": "RUNNING"})
    kept.change("run", "1", state="SUCCESS")
    kept.put("run", "2", {})
    kept.drop("run", "2")
    assert list(Kept(tmp_path / "x" / "records.json").all("run")) == [{"state": "SUCCESS"}]


def test_a_rest_service_tells_faults_as_its_clients_read_them() -> None:
    def refuse(_: rest.Request) -> dict[str, Any]:
        raise rest.ApiError("ConflictException", "there already", 409)

    routes = (rest.route("POST", "/v1/things/{arn+}", refuse),)
    place = {"account": "1", "region": "r"}
    status, headers, body = rest.answered(routes, "POST", "/v1/things/arn%3Aa%2Fb", b"{}", {}, **place)
    assert (status, headers["x-amzn-errortype"]) == (409, "ConflictException")
    assert b"there already" in body
    assert rest.answered(routes, "POST", "/v1/things/a", b"{", {}, **place)[0] == 400
    assert rest.answered(routes, "GET", "/v1/things/a", b"", {}, **place)[0] == 404
