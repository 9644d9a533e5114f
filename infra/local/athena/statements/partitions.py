"""Partitions of Hive tables: their folders' names, ALTER TABLE ADD, DROP and RENAME PARTITION."""

import re
from collections.abc import Callable, Iterable

from botocore.exceptions import ClientError

from infra.local.athena.contract import Outcome
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, entries, faults
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.entries import Entry
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.tokens import NUMBER, STRING

Spec = dict[str, str]
Name = tuple[str, str]
Change = Callable[[Entry, Entry], Entry]

NULL = "__HIVE_DEFAULT_PARTITION__"
_BATCH = 100  # that many does Glue take at once
_UNSAFE = re.compile(r"[\x00-\x1f\"#%'*/:=?\\\x7f{}\[\]^]")


def folder(keys: Iterable[str], values: Iterable[str]) -> str:
    """Where a partition's files lie under its table's location, as Hive names it.

    Example:
        >>> folder(["day", "place"], ["2024-01-02", "a/b"])
        'day=2024-01-02/place=a%2Fb'
    """
    return "/".join(f"{escape(key)}={escape(value)}" for key, value in zip(keys, values, strict=True))


def escape(text: str) -> str:
    """A name or value of a partition within a path.

    Source: Hive's FileUtils.escapePathName.
    """
    return _UNSAFE.sub(lambda match: f"%{ord(match.group()):02X}", text) or NULL


def spec(reader: Reader) -> Spec:
    """Read `PARTITION (key = value, …)`."""
    reader.expect("PARTITION")

    def one() -> tuple[str, str]:
        name = reader.name()
        reader.expect("=")
        reader.accept("DATE")
        token = reader.take()
        if token.kind not in (STRING, NUMBER):
            reader.refuse("a value")
        return name, token.value

    return dict(reader.listed(one))


def add(reader: Reader, name: Name) -> Action:
    """ADD [IF NOT EXISTS] PARTITION (…) [LOCATION '…'] [PARTITION …]."""
    quiet = reader.exists(negated=True)
    found: list[tuple[Spec, str]] = []
    while reader.peek("PARTITION"):
        one = spec(reader)
        found.append((one, reader.string() if reader.accept("LOCATION") else ""))
    if not found:
        reader.refuse("'PARTITION'")
    reader.end()

    def run(context: Context) -> Outcome:
        entry = entries.table(context, name)
        inputs = [at(entry, _values(entry, one), location) for one, location in found]
        for values in create(context, entry, inputs):
            if not quiet:
                shown = ", ".join(values)
                raise faults.task(f"AlreadyExistsException(message:Partition already exists: [{shown}])")
        return answers.done(context)

    return run


def drop(reader: Reader, name: Name) -> Action:
    """DROP [IF EXISTS] PARTITION (…) [, PARTITION (…)] [PURGE]; a partial spec drops all that it fits."""
    quiet = reader.exists()
    found = [spec(reader)]
    while reader.accept(","):
        found.append(spec(reader))
    reader.accept("PURGE")
    reader.end()

    def run(context: Context) -> Outcome:
        entry = entries.table(context, name)
        keys = [key["Name"] for key in entries.keys(entry)]
        known = entries.partitions(context, entry)
        for one in found:
            _check_keys(entry, one)
            fits = [
                part for part in known if all(part["Values"][keys.index(key)] == value for key, value in one.items())
            ]
            if not fits and not quiet:
                raise faults.no_partition(one)
            for part in fits:
                context.glue.delete_partition(
                    DatabaseName=entry["DatabaseName"], TableName=entry["Name"], PartitionValues=part["Values"]
                )
        return answers.done(context)

    return run


def rename(reader: Reader, name: Name, old: Spec) -> Action:
    """PARTITION (…) RENAME TO PARTITION (…); the files stay where they are."""
    new = spec(reader)
    reader.end()
    return changed(name, old, lambda entry, part: part | {"Values": _values(entry, new)})


def relocate(reader: Reader, name: Name, old: Spec) -> Action:
    """PARTITION (…) SET LOCATION '…'."""
    location = reader.string()
    reader.end()
    return changed(
        name, old, lambda _, part: part | {"StorageDescriptor": part["StorageDescriptor"] | {"Location": location}}
    )


def changed(name: Name, old: Spec, change: Change) -> Action:
    """An action that writes one partition back, changed."""

    def run(context: Context) -> Outcome:
        entry = entries.table(context, name)
        values = _values(entry, old)
        place = {"DatabaseName": entry["DatabaseName"], "TableName": entry["Name"]}
        try:
            part = context.glue.get_partition(**place, PartitionValues=values)["Partition"]
        except ClientError as fault:
            if entries.is_absent(fault):
                raise faults.no_partition(old) from fault
            raise
        kept = {key: part[key] for key in ("Values", "StorageDescriptor", "Parameters") if key in part}
        answer = context.glue.batch_update_partition(
            **place, Entries=[{"PartitionValueList": values, "PartitionInput": change(entry, kept)}]
        )
        for failed in answer.get("Errors", []):
            detail = failed["ErrorDetail"]
            raise faults.glue(detail["ErrorCode"], f"Unable to alter partition. {detail['ErrorMessage']}")
        return answers.done(context)

    return run


def create(context: Context, entry: Entry, inputs: list[Entry]) -> list[list[str]]:
    """Create partitions; returns the values of those that were there already."""
    there: list[list[str]] = []
    for start in range(0, len(inputs), _BATCH):
        answer = context.glue.batch_create_partition(
            DatabaseName=entry["DatabaseName"],
            TableName=entry["Name"],
            PartitionInputList=inputs[start : start + _BATCH],
        )
        for failed in answer.get("Errors", []):
            detail = failed["ErrorDetail"]
            if detail["ErrorCode"] != "AlreadyExistsException":
                raise faults.glue(detail["ErrorCode"], detail["ErrorMessage"])
            there.append(failed["PartitionValues"])
    return there


def bucket_and_key(location: str) -> tuple[str, str]:
    """Bucket and key of an `s3://` URL."""
    bucket, _, key = location.partition("://")[2].partition("/")
    return bucket, key


def _check_keys(entry: Entry, one: Spec) -> None:
    keys = [key["Name"] for key in entries.keys(entry)]
    shown = ", ".join(f"{name}={value}" for name, value in one.items())
    if not keys:
        raise faults.HiveError(
            "GENERIC_USER_ERROR", f"SemanticException table is not partitioned but partition spec exists: {{{shown}}}"
        )
    if not set(one) <= set(keys):
        raise faults.HiveError(
            "GENERIC_USER_ERROR", f"SemanticException Partition spec {{{shown}}} contains non-partition columns"
        )


def _values(entry: Entry, one: Spec) -> list[str]:
    """The values of a whole spec, in the order of the keys."""
    _check_keys(entry, one)
    keys = [key["Name"] for key in entries.keys(entry)]
    if set(one) != set(keys):
        shown = ", ".join(f"{name}={value}" for name, value in one.items())
        raise faults.HiveError(
            "GENERIC_USER_ERROR",
            "SemanticException partition spec is not specified or does not fully match table partitioning: "
            f"{{{shown}}}",
        )
    return [one[key] for key in keys]


def at(entry: Entry, values: list[str], location: str = "") -> Entry:
    """A partition as Athena writes it to Glue: the table's storage, at a place of its own."""
    names = [key["Name"] for key in entries.keys(entry)]
    storage = entry["StorageDescriptor"]
    place = location or f"{storage['Location'].rstrip('/')}/{folder(names, values)}"
    return {"Values": values, "StorageDescriptor": storage | {"Location": place}, "Parameters": {}}
