"""The DynamoDB table that an environment reads: one of its own, or one that was there before, by a mapping of its file.

Nothing of a table that was there before is changed: neither its settings nor its items, nor is it ever deleted.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.aws import archive, mapping, streaming
from infra.aws.account import Account
from infra.aws.environment import FOLDER, Environment
from lakehouse.errors import ConfigError
from lakehouse.mapping import OWN, FieldMapping

IMAGES = "NEW_AND_OLD_IMAGES"


def check(account: Account) -> None:
    """Say at once what is wrong with mapping and table, before anything is made.

    Raises:
        ConfigError: The file of the mapping is wrong, or the table that is to be read is not as it must be.
    """
    if account.environment.has("dynamodb"):
        mapping_of(account.environment)
        if account.environment.existing_table:
            existing(account)


def mapping_of(environment: Environment) -> FieldMapping:
    """The mapping that the environment's file names; the shop's own table without one.

    Raises:
        ConfigError: Anything in the file is wrong, or it cannot be read.
    """
    if not environment.mapping:
        return OWN
    path = archive.ROOT / Path(environment.mapping).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        place = _place(environment)
        raise ConfigError(f"{place}: mapping: {fault}", "a YAML file", "correct the path") from fault
    return mapping.read(text, path.name)


def apply(account: Account, bucket: str) -> bool:
    """Put the environment's mapping into force; returns whether another one was."""
    if not account.environment.has("dynamodb"):
        return False
    settings = dataclasses.replace(account.settings, bucket=bucket)
    return mapping.apply(settings, mapping_of(account.environment))


def parameters(account: Account) -> dict[str, str]:
    """The streaming stack's parameters that say which table it reads."""
    environment = account.environment
    keys = mapping_of(environment).keys
    options = streaming.Options(name=environment.stack("streaming"), table=environment.table, keys=keys)
    try:
        stream = streaming.other_stream(account.settings, options)
    except ClientError as fault:
        if environment.existing_table or fault.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        stream = ""  # a stack that has read another table is about to make one of its own
    given = {"TableStream": stream, **streaming.key_parameters(options)}
    if not environment.existing_table:
        return given
    table = existing(account)
    return {
        **given,
        "ExistingTable": environment.existing_table,
        "TableStream": given["TableStream"] or table["LatestStreamArn"],
        "TableKeyArn": (table.get("SSEDescription") or {}).get("KMSMasterKeyArn", ""),
    }


def existing(account: Account) -> dict[str, Any]:
    """The table that was there before, as DynamoDB describes it.

    Raises:
        ConfigError: It is not there, has no stream with both images, or another key than the mapping says.
    """
    environment, client = account.environment, account.client("dynamodb")
    name, place = environment.existing_table, f"{_place(environment)}: existing_table: {environment.existing_table}"
    try:
        table: dict[str, Any] = client.describe_table(TableName=name)["Table"]
    except client.exceptions.ResourceNotFoundException as fault:
        where = f"a table of {account.place} in {environment.region}"
        raise ConfigError(place, where, "correct the name, or the region") from fault
    stream = table.get("StreamSpecification") or {}
    if not stream.get("StreamEnabled") or stream.get("StreamViewType") != IMAGES:
        said = f"a stream with {stream['StreamViewType']}" if stream.get("StreamEnabled") else "no stream"
        off = " (after `… StreamEnabled=false`: a stream cannot be changed)" if stream.get("StreamEnabled") else ""
        enable = f"--stream-specification StreamEnabled=true,StreamViewType={IMAGES}"
        action = f"`aws dynamodb update-table --table-name {name} {enable}`{off}, then deploy again"
        raise ConfigError(f"table {name} has {said}", f"one with {IMAGES}", action)
    kinds = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    keys = [(one["AttributeName"], kinds[one["AttributeName"]]) for one in table["KeySchema"]]
    wanted = mapping_of(environment).keys
    if set(keys) != set(wanted):
        by = f"{_words(wanted)} by {environment.mapping or 'the mapping of a table of our own'}"
        raise ConfigError(f"the key of table {name} is {_words(keys)}", by, f"correct mapping in {_place(environment)}")
    return table


def _words(keys: Iterable[tuple[str, str]]) -> str:
    return " and ".join(f"{name} ({kind})" for name, kind in keys)


def _place(environment: Environment) -> str:
    return f"{FOLDER.parent.name}/{FOLDER.name}/{environment.name}.yaml"
