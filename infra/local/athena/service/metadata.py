"""Databases and tables as Glue holds them, in the words of Athena's API."""

import re
from typing import Any

from infra.local.athena.service import catalogs, faults
from infra.local.athena.service.call import Call
from infra.local.athena.service.executions import Json
from infra.local.athena.service.listing import page
from infra.local.athena.service.outside import CatalogError

# A pattern that a client sends must not keep a thread at work: no repeated groups, few open ends.
_REPEATED_GROUP = re.compile(r"(?<!\\)\)[*+{?]")
_OPEN_ENDS = 4


def get_database(request: Json, call: Call) -> Json:
    """GetDatabase."""
    found = _ask(call, request, "GetDatabase", Name=request["DatabaseName"].lower())["Database"]
    return {"Database": _database(found)}


def list_databases(request: Json, call: Call) -> Json:
    """ListDatabases, by name."""
    known = sorted(_all(call, request, "GetDatabases", "DatabaseList"), key=_name)
    found, more = page(call, "ListDatabases", request, known)
    return {"DatabaseList": [_database(one) for one in found], **more}


def get_table(request: Json, call: Call) -> Json:
    """GetTableMetadata."""
    names = {"DatabaseName": request["DatabaseName"].lower(), "Name": request["TableName"].lower()}
    return {"TableMetadata": _table(_ask(call, request, "GetTable", **names)["Table"])}


def list_tables(request: Json, call: Call) -> Json:
    """ListTableMetadata: the tables whose whole name matches Expression, by name."""
    pattern = _pattern(request.get("Expression", ""))
    database = request["DatabaseName"].lower()
    known = sorted(_all(call, request, "GetTables", "TableList", DatabaseName=database), key=_name)
    if not known:
        # The emulator lists nothing of a database that is not there, where AWS refuses.
        _ask(call, request, "GetDatabase", Name=database)
    matching = [one for one in known if pattern is None or pattern.fullmatch(one["Name"])]
    found, more = page(call, "ListTableMetadata", request, matching)
    return {"TableMetadataList": [_table(one) for one in found], **more}


def _pattern(expression: str) -> re.Pattern[str] | None:
    if not expression:
        return None
    # `*` alone means any text to clients that know Glue's filters.
    text = ".*" if expression == "*" else re.sub(r"(?:\.\*)+", ".*", expression)
    if _REPEATED_GROUP.search(text) or len(re.findall(r"(?<!\\)(?:[*+]|\{\d*,)", text)) > _OPEN_ENDS:
        raise faults.invalid(f"Expression {expression} repeats too much; expected a simple regular expression")
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as fault:
        raise faults.invalid(f"Expression {expression} is not a regular expression: {fault}") from fault


def _ask(call: Call, request: Json, operation: str, **members: Any) -> Json:
    if not catalogs.is_known(call, request["CatalogName"]):
        raise faults.invalid(f"DataCatalog {request['CatalogName']} was not found")
    try:
        return call.tools.outside.glue(call.owner.account, call.owner.region, operation, members)
    except CatalogError as fault:
        if fault.code == "EntityNotFoundException":
            raise faults.entity_not_found() from fault
        raise faults.metadata(fault.message, fault.code) from fault


def _all(call: Call, request: Json, operation: str, member: str, **members: Any) -> list[Json]:
    found: list[Json] = []
    token: Json = {}
    while True:
        answer = _ask(call, request, operation, **members, **token)
        found += answer.get(member, [])
        if not answer.get("NextToken"):
            return found
        token = {"NextToken": answer["NextToken"]}


def _name(found: Json) -> str:
    return str(found["Name"])


def _database(found: Json) -> Json:
    return {name: found[name] for name in ("Name", "Description", "Parameters") if found.get(name)}


def _table(found: Json) -> Json:
    storage: Json = found.get("StorageDescriptor") or {}
    serde: Json = storage.get("SerdeInfo") or {}
    told = {
        "location": storage.get("Location"),
        "inputformat": storage.get("InputFormat"),
        "outputformat": storage.get("OutputFormat"),
        "serde.serialization.lib": serde.get("SerializationLibrary"),
        **{f"serde.param.{name}": value for name, value in (serde.get("Parameters") or {}).items()},
    }
    return {
        "Name": found["Name"],
        "CreateTime": found.get("CreateTime"),
        "LastAccessTime": found.get("LastAccessTime", 0.0),
        "TableType": found.get("TableType"),
        "Columns": [_column(one) for one in storage.get("Columns") or []],
        "PartitionKeys": [_column(one) for one in found.get("PartitionKeys") or []],
        "Parameters": {**(found.get("Parameters") or {}), **{name: text for name, text in told.items() if text}},
    }


def _column(found: Json) -> Json:
    return {name: found[name] for name in ("Name", "Type", "Comment") if found.get(name) is not None}
