"""Deploys the forecasts: the functions' package, the definition of the state machine and the stack of forecast.yaml.

The same calls here and on AWS. Nothing is sent that is there already, so it may run before every use.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from forecasting.definitions.definition import Definition
from infra.aws import archive, machine, stack
from lakehouse import places
from lakehouse.errors import SourceError
from lakehouse.settings import Settings

NAME = "saleslake-forecast"
TEMPLATE = Path(__file__).with_name("forecast.yaml")
SECONDS = 300.0
# All that the functions import; boto3 is in Lambda's runtime.
_CODE = (
    "lakehouse/*.py", "forecasting/__init__.py", "forecasting/definitions/__init__.py",
    "forecasting/definitions/definition.py", "forecasting/pipeline/*.py", "forecasting/service/__init__.py",
    "forecasting/service/faults.py", "forecasting/service/rules/__init__.py",
    "forecasting/service/rules/algorithms.py", "infra/__init__.py", "infra/aws/__init__.py",
    "infra/aws/handlers/*.py",
)  # fmt: skip
_KEPT = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


@dataclass(frozen=True)
class Deployed:
    """What is there: the state machine's ARN, the topic's, the queues' addresses, the upload function's ARN."""

    machine: str
    topic: str
    queue: str
    dead_letters: str
    uploads: str


@dataclass(frozen=True)
class Options:
    """How the stack is to be.

    Args:
        name: Of the stack and before the names of its parts.
        poll_seconds: Between two looks at a job.
        load_seconds: How long the driver is waited for; 0 ends a run with its exports.
    """

    name: str = NAME
    poll_seconds: int = 1
    load_seconds: int = 600


def deploy(settings: Settings, definitions: Mapping[str, Definition], options: Options | None = None) -> Deployed:
    """Bring the stack to what the code and the definitions say.

    Raises:
        SourceError: AWS, or the gateway, does not answer or refuses.
    """
    try:
        return _deploy(settings, definitions, options or Options())
    except (ClientError, BotoCoreError) as fault:
        place = settings.aws_endpoint_url or "AWS"
        raise SourceError(f"deploying the forecasts: {fault}", f"an answer of {place}", "see `make logs`") from fault


def package(definitions: Mapping[str, Definition]) -> bytes:
    """The functions' package: code and definitions as a zip file, the same bytes for the same content."""
    given = json.dumps({name: one.to_dict() for name, one in definitions.items()}).encode()
    return archive.zipped(archive.sources(*_CODE) | {"definitions.json": given})


def _deploy(settings: Settings, definitions: Mapping[str, Definition], options: Options) -> Deployed:
    s3 = client(settings, "s3")
    code = put_code(s3, settings.bucket, "forecast/functions", package(definitions), ".zip")
    definition = put_code(s3, settings.bucket, "forecast/machine", machine.document().encode(), ".asl.json")
    parameters = {
        "Name": options.name,
        "Bucket": settings.bucket,
        "CodeKey": code,
        "DefinitionKey": definition,
        "DatabasePrefix": settings.database_prefix,
        "PollSeconds": str(options.poll_seconds),
        "LoadSeconds": str(options.load_seconds),
    }
    outputs = bring_stack(client(settings, "cloudformation"), options.name, TEMPLATE, parameters)
    connect(s3, client(settings, "scheduler"), definitions, settings.bucket, options.name, outputs)
    return deployed(outputs)


def deployed(outputs: Mapping[str, str]) -> Deployed:
    """What the stack has put out."""
    return Deployed(outputs["Machine"], outputs["Topic"], outputs["Queue"], outputs["DeadLetters"], outputs["Uploads"])


def connect(
    s3: Any, scheduler: Any, definitions: Mapping[str, Definition], bucket: str, name: str, outputs: Mapping[str, str]
) -> None:
    """What no stack holds: the bucket's call of the upload function, and a schedule for each definition with one."""
    _notify(s3, bucket, outputs["Uploads"])
    _schedule(scheduler, definitions, name, outputs)


def put_code(s3: Any, bucket: str, what: str, body: bytes, suffix: str) -> str:
    """An object whose key tells its content."""
    key = f"{places.CODE}{what}-{hashlib.sha256(body).hexdigest()[:16]}{suffix}"
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as fault:
        if fault.response["Error"]["Code"] not in ("404", "NoSuchKey", "NotFound"):
            raise
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    return key


def bring_stack(cloudformation: Any, name: str, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create or update a stack, wait for its end and return its outputs.

    Raises:
        SourceError: It ended otherwise.
    """
    given = {
        "StackName": name,
        "TemplateBody": template.read_text(encoding="utf-8"),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    found = stack.found(cloudformation, name)
    if found is not None and found["StackStatus"] in _KEPT:
        try:
            cloudformation.update_stack(**given)
        except ClientError as fault:
            if "No updates are to be performed" not in fault.response["Error"].get("Message", ""):
                raise
    elif found is None or not found["StackStatus"].endswith("_IN_PROGRESS"):
        if found is not None:
            cloudformation.delete_stack(StackName=name)
            _settled(cloudformation, name)
        cloudformation.create_stack(**given)
    found = _settled(cloudformation, name)
    if found is None or found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        reason = (found or {}).get("StackStatusReason", "")
        status = (found or {}).get("StackStatus", "gone")
        raise SourceError(f"stack {name} is {status}: {reason}", "CREATE_COMPLETE", "see its events")
    return stack.outputs(found)


def _settled(cloudformation: Any, name: str) -> dict[str, Any] | None:
    pause, end = 0.02, time.monotonic() + SECONDS
    while (found := stack.found(cloudformation, name)) and found["StackStatus"].endswith("_IN_PROGRESS"):
        if time.monotonic() > end:
            raise SourceError(f"stack {name} is {found['StackStatus']}", f"an end within {SECONDS:.0f} s")
        time.sleep(pause)
        pause = min(pause * 2, 5.0)
    return found


def _schedule(scheduler: Any, definitions: Mapping[str, Definition], prefix: str, outputs: Mapping[str, str]) -> None:
    """A schedule for each definition that has one, and none for others."""
    wanted = {f"{prefix}-{one.name}": one for one in definitions.values() if one.schedule}
    pages = scheduler.get_paginator("list_schedules").paginate(NamePrefix=f"{prefix}-")
    known = [one["Name"] for page in pages for one in page["Schedules"]]
    for name in known:
        if name not in wanted:
            scheduler.delete_schedule(Name=name)
    for name, one in wanted.items():
        target = {"Arn": outputs["Machine"], "RoleArn": outputs["Role"], "Input": json.dumps({"DataName": one.name})}
        given = {
            "Name": name,
            "ScheduleExpression": one.schedule,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
        }
        if name in known:
            found = scheduler.get_schedule(Name=name)
            if found["ScheduleExpression"] != one.schedule or found["Target"]["Arn"] != target["Arn"]:
                scheduler.update_schedule(**given)
        else:
            scheduler.create_schedule(**given)


def _notify(s3: Any, bucket: str, function: str) -> None:
    """Files under `input/` call the function; what else listens to the bucket stays."""
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    found.pop("ResponseMetadata", None)
    wanted = {
        "Id": NAME,
        "LambdaFunctionArn": function,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "input/"}]}},
    }
    others = [one for one in found.get("LambdaFunctionConfigurations", []) if one.get("Id") != NAME]
    mine = [one for one in found.get("LambdaFunctionConfigurations", []) if one.get("Id") == NAME]
    if not mine or mine[0]["LambdaFunctionArn"] != function:
        found["LambdaFunctionConfigurations"] = [*others, wanted]
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=found)


def client(settings: Settings, service: str) -> Any:
    """A client of AWS, or of the gateway, that does not wait long."""
    once = Config(retries={"total_max_attempts": 3}, connect_timeout=2, read_timeout=20)
    return boto3.client(service, config=once, **settings.client_arguments)
