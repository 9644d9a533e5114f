"""What resync and redrive share: their clients, the table, and records written into bronze as Firehose would have."""

import gzip
from collections.abc import Callable, Iterable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from lakehouse.errors import ConfigError
from lakehouse.settings import Settings

ROWS_PER_OBJECT = 50_000
Clients = Callable[[str], Any]
"""Makes a client by the service's name."""
Report = Callable[[str, int, int | None], None]
"""Told what is done, how much of it, and of how much."""


def clients_of(settings: Settings) -> Clients:
    """Clients of the AWS API that the settings name."""
    config = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=3, read_timeout=60)
    return lambda name: boto3.client(name, config=config, **settings.client_arguments)


def table_of(dynamodb: Any, name: str) -> dict[str, Any]:
    """The table as DynamoDB describes it.

    Raises:
        ConfigError: There is none of this name.
    """
    try:
        return dict(dynamodb.describe_table(TableName=name)["Table"])
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise ConfigError(f"table {name} is not there", "the table of the stream", "run `make up`") from fault


def put(s3: Any, bucket: str, key: str, lines: Iterable[str]) -> None:
    """Write an object of lines, which is not there yet."""
    body = gzip.compress("".join(f"{line}\n" for line in lines).encode(), 6)
    s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
