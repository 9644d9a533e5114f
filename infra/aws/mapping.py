"""Reads and checks a mapping of a DynamoDB table's attributes to columns, and puts the settings' one into force.

A mistake is told with its line and with what is valid. The mapping in force lies in the bucket, so that the driver, a
rebuild and `verify` read the table alike, wherever they run.
"""

from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from forecasting.definitions.document import Mapping, Mistakes, compose, shown
from lakehouse import places
from lakehouse.envelopes import FIELDS
from lakehouse.errors import ConfigError, SourceError
from lakehouse.mapping import CHANGED_AT, KINDS, OPTIONAL, OWN, Field, FieldMapping, fault_of_default
from lakehouse.settings import Settings

MEMBERS = ("from", "type", "default")


def of_settings(settings: Settings) -> FieldMapping:
    """The mapping that DYNAMODB_MAPPING names; the shop's own table without one.

    Raises:
        ConfigError: Anything in the file is wrong, or it cannot be read.
    """
    if not settings.dynamodb_mapping:
        return OWN
    path = Path(settings.dynamodb_mapping).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(f"DYNAMODB_MAPPING={path}: {fault}", "a YAML file", "correct the path in .env") from fault
    return read(text, path.name)


def read(text: str, path: str) -> FieldMapping:
    """The mapping of a document.

    Raises:
        DefinitionError: Anything in it is wrong.
    """
    root, mistakes = compose(text, path), Mistakes(path)
    fields: dict[str, Field] = {}
    if root is None:
        root = yaml.MappingNode("tag:yaml.org,2002:map", [], yaml.Mark(path, 0, 0, 0, None, None))
    given = Mapping(root, "the mapping", mistakes, FIELDS)
    if not isinstance(root, yaml.MappingNode):
        mistakes.raise_any()
    for column in FIELDS:
        if column in given:
            fields[column] = _field(column, given, mistakes)
        elif column in OPTIONAL:
            fields[column] = Field("", KINDS[column][0])
        else:
            mistakes.add(root, f"the mapping has no {column}", "an attribute or a default for it")
    mistakes.raise_any()
    return FieldMapping(fields)


def _field(column: str, given: Mapping, mistakes: Mistakes) -> Field:
    node = given.member(column)
    if isinstance(node, yaml.ScalarNode):
        attribute, kind, default = given.text(column), KINDS[column][0], None
    else:
        found = Mapping(node, column, mistakes, MEMBERS)
        attribute, kind = found.text("from"), found.text("type", KINDS[column][0], KINDS[column])
        default = found.text("default") or None
        if default and (wanted := fault_of_default(column, default)):
            found.wrong("default", f"the default of {column} is {default}", wanted)
        if not attribute and default is None and column not in OPTIONAL:
            mistakes.add(node, f"{column} is {shown(node)}", "an attribute under from, or a default")
        if not attribute and "type" in found:
            found.wrong("type", f"{column} has a type and no attribute", "an attribute under from")
    if attribute == CHANGED_AT and column != "ordered_at":
        mistakes.add(node, f"{column} is from {CHANGED_AT}", "an attribute; only ordered_at may be the change's time")
    if column == "order_id" and (not attribute or default is not None):
        mistakes.add(node, "order_id has no attribute of its own", "a key attribute of the table, without a default")
    return Field(attribute, kind, default)


def apply(settings: Settings, mapping: FieldMapping) -> bool:
    """Put a mapping into force; returns whether another was. The tables then need `make rebuild`.

    Raises:
        SourceError: The bucket does not answer.
    """
    text = "" if mapping == OWN else mapping.to_json()
    config = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=3, read_timeout=10)
    try:
        s3: Any = boto3.client("s3", config=config, **settings.client_arguments)
        if _in_force(s3, settings.bucket) == text:
            return False
        s3.put_object(Bucket=settings.bucket, Key=places.MAPPING, Body=text.encode())
    except (ClientError, BotoCoreError) as fault:
        raise SourceError(f"bucket {settings.bucket}: {fault}", "an answer", "run `make up`") from fault
    return True


def _in_force(s3: Any, bucket: str) -> str:
    try:
        return str(s3.get_object(Bucket=bucket, Key=places.MAPPING)["Body"].read().decode())
    except ClientError as fault:
        if fault.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return ""
        raise
