"""catalog: bring the Glue catalogue and the named queries to what the code says, here and on AWS by the same calls.

Creates and updates; it deletes nothing.
"""

import argparse
import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connect import registration
from infra.aws import glue, named
from infra.commands import terminal
from infra.local.lake import Lake
from lakehouse import places
from lakehouse.errors import ConfigError, LakehouseError, SourceError
from lakehouse.settings import Settings

Entry = dict[str, Any]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

# What UpdateTable takes of what GetTable answers.
_INPUT = (
    "Name", "Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor",
    "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters", "TargetTable",
)  # fmt: skip


def register(commands: Any) -> None:
    """Add the commands to the parser."""
    command = commands.add_parser("catalog", help="bring the Glue catalogue and the named queries up to date")
    parts = command.add_subparsers(title="commands", metavar="COMMAND", required=True)
    part = parts.add_parser("sync", help="create and update databases, tables and views; it deletes nothing")
    part.add_argument("--prefix", metavar="P", help="before the databases' names; DATABASE_PREFIX by default")
    part.add_argument("--check", action="store_true", help="change nothing, print what differs, 1 if anything does")
    part.set_defaults(run=sync)
    part = parts.add_parser("queries", help="create and update the named queries of infra/aws/queries")
    part.add_argument("--prefix", metavar="P", help="before the databases' names; DATABASE_PREFIX by default")
    part.add_argument("--workgroup", default="primary", metavar="W", help="that they belong to (primary)")
    part.add_argument("--check", action="store_true", help="change nothing, print what differs, 1 if anything does")
    part.set_defaults(run=queries)


def sync(settings: Settings, given: argparse.Namespace) -> int:
    """Bring the catalogue up to date; with --check, say what differs."""
    settings = _with_prefix(settings, given.prefix)
    return _report(tables(settings, check=given.check), "the catalogue", check=given.check)


def queries(settings: Settings, given: argparse.Namespace) -> int:
    """Bring the named queries up to date; with --check, say what differs."""
    settings = _with_prefix(settings, given.prefix)
    return _report(named_queries(settings, given.workgroup, check=given.check), "the named queries", check=given.check)


def refresh(settings: Settings) -> None:
    """Bring catalogue and named queries up to date at the end of another command, which a fault does not fail."""
    try:
        for line in [*tables(settings), *named_queries(settings)]:
            terminal.progress(f"  {line}")
    except LakehouseError as fault:
        terminal.progress(f"the catalogue is not up to date: {fault}; run `python -m infra catalog sync`")


def tables(settings: Settings, *, check: bool = False) -> list[str]:
    """Create and update what Glue lacks; returns what was done, or would be, a line each.

    Raises:
        SourceError: Glue or the object store do not answer.
    """
    with _answers(settings, "Glue"):
        client = _client(settings, "glue")
        wanted = glue.catalogue(_lake(settings))
        return list(_sync(client, wanted, check))


def named_queries(settings: Settings, workgroup: str = "primary", *, check: bool = False) -> list[str]:
    """Create and update the named queries; returns what was done, or would be, a line each.

    Raises:
        SourceError: Athena does not answer.
    """
    with _answers(settings, "Athena"):
        client = _client(settings, "athena")
        pages = client.get_paginator("list_named_queries").paginate(WorkGroup=workgroup)
        ids = [name for page in pages for name in page["NamedQueryIds"]]
        known: dict[str, Entry] = {}
        for start in range(0, len(ids), 50):
            answer = client.batch_get_named_query(NamedQueryIds=ids[start : start + 50])
            known |= {entry["Name"]: entry for entry in answer["NamedQueries"]}
        done = []
        for query in named.queries(settings.database_prefix):
            given = {"Name": query.name, "Description": query.description, "QueryString": query.sql}
            old = known.get(query.name)
            if old is None:
                done.append(f"created query {query.name}")
                if not check:
                    client.create_named_query(**given, Database=f"{settings.database_prefix}gold", WorkGroup=workgroup)
            elif any(old.get(key) != value for key, value in given.items()):
                done.append(f"updated query {query.name}")
                if not check:
                    client.update_named_query(NamedQueryId=old["NamedQueryId"], **given)
        return done


def differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Where an entry of Glue lacks what is wanted; what it has beyond that does not count.

    Example:
        >>> differences({"a": {"b": 1}, "c": []}, {"a": {"b": 2, "x": 3}})
        ['a.b']
    """
    if isinstance(wanted, dict):
        have = found if isinstance(found, dict) else {}
        return [
            line
            for key, value in wanted.items()
            for line in differences(value, have.get(key), f"{path}.{key}" if path else key)
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = zip(wanted, found, strict=True)
        return [path] if any(differences(one, other) for one, other in pairs) else []
    # Glue leaves out or fills in what is empty as it likes.
    return [] if wanted == found or (not wanted and not found) else [path]


def _sync(client: Any, wanted: glue.Catalogue, check: bool) -> Iterator[str]:
    for name, database in wanted.databases.items():
        old = _found(client.get_database, "Database", Name=name)
        if old is None:
            yield f"created database {name}"
            if not check:
                client.create_database(DatabaseInput=database)
        elif differences(database, old):
            yield f"updated database {name}"
            if not check:
                kept = {key: old[key] for key in ("LocationUri", "Parameters") if old.get(key)}
                client.update_database(Name=name, DatabaseInput=kept | database)
    for (database_name, name), table in wanted.tables.items():
        old = _found(client.get_table, "Table", DatabaseName=database_name, Name=name)
        if old is None:
            yield f"created {database_name}.{name}"
            if not check:
                client.create_table(DatabaseName=database_name, TableInput=table)
        elif changed := differences(table, old):
            yield f"updated {database_name}.{name}: {', '.join(changed)}"
            if not check:
                client.update_table(DatabaseName=database_name, TableInput=_merged(table, old))


def _merged(wanted: Entry, old: Entry) -> Entry:
    """The entry to write: what is wanted, and what others have added beside it."""
    kept = {
        name: old[name] for name in _INPUT if old.get(name)
    }  # the emulator answers an Owner of "", which none may be
    storage = (kept.get("StorageDescriptor") or {}) | wanted["StorageDescriptor"]
    parameters = (kept.get("Parameters") or {}) | wanted["Parameters"]
    return kept | wanted | {"StorageDescriptor": storage, "Parameters": parameters}


def _found(call: Any, member: str, **given: str) -> Entry | None:
    try:
        found: Entry = call(**given)[member]
    except ClientError as fault:
        if fault.response["Error"]["Code"] == "EntityNotFoundException":
            return None
        raise
    return found


def _lake(settings: Settings) -> glue.Lake:
    """What the catalogue depends on, as bucket, table and connector have it now."""
    s3 = _client(settings, "s3")
    root = f"{places.BRONZE_KAFKA}{places.TOPIC}/"
    ids, partitions = set(_folders(s3, settings.bucket, root)), settings.kafka_partitions
    for topic_id in ids:
        numbers = [name.removeprefix("partition=") for name in _folders(s3, settings.bucket, f"{root}{topic_id}/")]
        partitions = max([partitions, *(int(number) + 1 for number in numbers if number.isdigit())])
    # A worker of this machine knows the id before there is an object; MSK Connect is not asked.
    with contextlib.suppress(SourceError, ConfigError):
        ids.add(registration.topic_id(settings))
    days = [name.removeprefix("date=") for name in _folders(s3, settings.bucket, places.BRONZE_DYNAMODB)]
    return glue.Lake(
        settings.bucket,
        settings.database_prefix,
        Lake(settings).unknown_columns(),
        sorted(ids),
        partitions,
        first_date=min((day for day in days if _DAY.fullmatch(day)), default=""),
    )


def _folders(s3: Any, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    return [found["Prefix"][len(prefix) :].rstrip("/") for page in pages for found in page.get("CommonPrefixes", [])]


def _client(settings: Settings, service: str) -> Any:
    once = Config(retries={"total_max_attempts": 3}, connect_timeout=2, read_timeout=10)
    return boto3.client(service, config=once, **settings.client_arguments)


@contextlib.contextmanager
def _answers(settings: Settings, service: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as fault:
        place = settings.aws_endpoint_url or "AWS"
        raise SourceError(f"{service}: {fault}", f"an answer of {place}", "run `make up`") from fault


def _with_prefix(settings: Settings, prefix: str | None) -> Settings:
    return settings if prefix is None else replace(settings, database_prefix=prefix)


def _report(done: list[str], what: str, *, check: bool) -> int:
    for line in done:
        terminal.say(f"not {line}" if check else line)
    if not done:
        terminal.say(f"{what}: up to date")
    return 1 if check and done else 0
