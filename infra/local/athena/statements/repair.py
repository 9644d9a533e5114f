"""MSCK REPAIR TABLE: the partitions whose folders are in S3 and which Glue lacks."""

from collections.abc import Iterator
from urllib.parse import unquote

from infra.local.athena.contract import Outcome
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, entries, faults, partitions
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.reader import Reader


def repair(reader: Reader) -> Action:
    """MSCK REPAIR TABLE name: partitions whose folders are in S3 and which Glue lacks are created."""
    reader.expect("MSCK", "REPAIR", "TABLE")
    name = reader.full_name()
    reader.end()

    def run(context: Context) -> Outcome:
        entry = entries.find(context, name)
        if entry is None:
            return answers.lines(context, (), [f"Tables not in metastore:\t{name[1]}"])
        location = entry["StorageDescriptor"].get("Location", "")
        if not location:
            raise faults.task("Can not create a Path from an empty string")
        keys = [key["Name"] for key in entries.keys(entry)]
        if not _is_there(context, location):
            return answers.lines(context, (), [f"Tables missing on filesystem:\t{entry['Name']}"])
        known = {tuple(part["Values"]): part for part in entries.partitions(context, entry)} if keys else {}
        found = dict(_walk(context, location, keys)) if keys else {}
        new = [values for values in found if values not in known]
        partitions.create(context, entry, [partitions.at(entry, list(values), found[values]) for values in new])
        names = [f"{entry['Name']}:{partitions.folder(keys, values)}" for values in new]
        gone = [f"{entry['Name']}:{partitions.folder(keys, values)}" for values in known if values not in found]
        said = ["\t".join(["Partitions not in metastore:", *names])] if names else []
        said += ["\t".join(["Partitions missing from filesystem:", *gone])] if gone else []
        return answers.lines(context, (), [*said, *(f"Repair: Added partition to metastore {one}" for one in names)])

    return run


def _is_there(context: Context, location: str) -> bool:
    bucket, key = partitions.bucket_and_key(location.rstrip("/") + "/")
    return bool(context.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents"))


def _walk(context: Context, location: str, keys: list[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Values and location of every folder `key=value/…` below a table's."""
    bucket, prefix = partitions.bucket_and_key(location.rstrip("/") + "/")
    level: list[tuple[tuple[str, ...], str]] = [((), prefix)]
    for key in keys:
        level = [
            ((*values, unquote(value)), below)
            for values, above in level
            for below in _folders(context, bucket, above)
            for name, sign, value in [below[len(above) :].rstrip("/").partition("=")]
            if sign and unquote(name).lower() == key
        ]
    for values, below in level:
        yield values, f"s3://{bucket}/{below}"


def _folders(context: Context, bucket: str, prefix: str) -> list[str]:
    pages = context.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    return [found["Prefix"] for page in pages for found in page.get("CommonPrefixes", [])]
