"""Deploys the second way in: the transform function's package and the stack of streaming.yaml.

The same calls here and on AWS. Nothing is sent that is there already, so it may run before every use.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import archive, deployment, stack
from lakehouse.errors import SourceError
from lakehouse.settings import Settings

NAME = "saleslake-streaming"
TEMPLATE = Path(__file__).with_name("streaming.yaml")
# How long a pipe whose stream was disabled may read on before another takes its place.
DRAIN_SECONDS = 3
# All that the function imports.
_CODE = (
    "infra/__init__.py", "infra/aws/__init__.py", "infra/aws/handlers/__init__.py",
    "infra/aws/handlers/transform.py",
)  # fmt: skip


@dataclass(frozen=True)
class Deployed:
    """What is there, by name: table, Kinesis stream, pipe, delivery stream, function; the table's stream by its ARN."""

    table: str
    table_stream: str
    stream: str
    pipe: str
    delivery: str
    transform: str
    dead_letters: str


@dataclass(frozen=True)
class Options:
    """How the stack is to be.

    Args:
        name: Of the stack and before the names of its parts.
        table: Of the table.
        keys: Its key's attributes, each with its type S or N: partition key, and sort key if it has one.
        environment: The value of the tag.
        pipe_seconds, lambda_seconds, buffer_seconds: How long pipe, transform and objects of bronze wait to be full.
        lambda_megabytes, buffer_megabytes: When the latter two are full.
    """

    name: str = NAME
    table: str = "order_lines"
    keys: tuple[tuple[str, str], ...] = (("order_id", "S"), ("line_no", "N"))
    environment: str = "local"
    pipe_seconds: int = 0
    lambda_seconds: int = 1
    lambda_megabytes: float = 1
    buffer_seconds: int = 5
    buffer_megabytes: int = 64


def deploy(settings: Settings, options: Options | None = None) -> Deployed:
    """Bring the stack to what the code says.

    Raises:
        SourceError: AWS, or the gateway, does not answer or refuses.
    """
    options = options or Options()
    try:
        code = deployment.put_code(
            deployment.client(settings, "s3"), settings.bucket, "streaming/transform", package(), ".zip"
        )
        cloudformation = deployment.client(settings, "cloudformation")
        parameters = _parameters(settings, options, code) | {"TableStream": other_stream(settings, options)}
        outputs = deployment.bring_stack(cloudformation, options.name, TEMPLATE, parameters)
    except (ClientError, BotoCoreError) as fault:
        place = settings.aws_endpoint_url or "AWS"
        raise SourceError(f"deploying {options.name}: {fault}", f"an answer of {place}", "see `make logs`") from fault
    return Deployed(
        table=outputs["Table"],
        table_stream=outputs["TableStream"],
        stream=outputs["Stream"],
        pipe=outputs["Pipe"],
        delivery=outputs["Delivery"],
        transform=outputs["Transform"],
        dead_letters=outputs["DeadLetters"],
    )


def other_stream(settings: Settings, options: Options) -> str:
    """The ARN of the table's stream if it is not the one that the pipe reads, or was given to it before; else empty.

    A stream that was disabled and enabled again is another stream, and a pipe's source cannot be changed: given as a
    parameter, it lets CloudFormation make a new pipe. The old one gets some time to read its stream to the end; what
    it misses, and what changed while there was no stream, comes by `python -m infra resync`.
    """
    found = stack.found(deployment.client(settings, "cloudformation"), options.name)
    pipe = next((one["OutputValue"] for one in (found or {}).get("Outputs", []) if one["OutputKey"] == "Pipe"), "")
    if found is None or not pipe:
        return ""
    given = {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}
    table = deployment.client(settings, "dynamodb").describe_table(TableName=options.table)["Table"]
    now = str(table.get("LatestStreamArn", ""))
    source = deployment.client(settings, "pipes").describe_pipe(Name=pipe)["Source"]
    if not now or now == source:
        return str(given.get("TableStream", ""))
    time.sleep(DRAIN_SECONDS + options.pipe_seconds)
    return now


def package() -> bytes:
    """The function's package as a zip file, the same bytes for the same content."""
    return archive.zipped(archive.sources(*_CODE))


def _parameters(settings: Settings, options: Options, code: str) -> dict[str, str]:
    return {
        "Name": options.name,
        "Environment": options.environment,
        "Bucket": settings.bucket,
        "CodeKey": code,
        "TableName": options.table,
        **key_parameters(options),
        "PipeSeconds": str(options.pipe_seconds),
        "LambdaSeconds": str(options.lambda_seconds),
        "LambdaMegabytes": str(options.lambda_megabytes),
        "BufferSeconds": str(options.buffer_seconds),
        "BufferMegabytes": str(options.buffer_megabytes),
    }


def key_parameters(options: Options) -> dict[str, str]:
    """The parameters that say the table's key."""
    return {
        "HashKey": options.keys[0][0],
        "HashType": options.keys[0][1],
        "RangeKey": options.keys[1][0] if len(options.keys) > 1 else "",
        "RangeType": options.keys[1][1] if len(options.keys) > 1 else "N",
    }
