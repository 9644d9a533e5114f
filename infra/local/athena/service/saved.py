"""Statements that are kept to be run later: named queries and prepared statements."""

import uuid

from infra.local.athena.service import faults, workgroups
from infra.local.athena.service.call import Call
from infra.local.athena.service.executions import Json
from infra.local.athena.service.listing import page
from infra.local.athena.service.records import NAMED, PREPARED, Record

# --- named queries: the record's name is the id, which no client chooses


def create_named(request: Json, call: Call) -> Json:
    """CreateNamedQuery; the same token gives the same query again."""
    workgroup = workgroups.find(call, request.get("WorkGroup", workgroups.PRIMARY)).name
    token = request.get("ClientRequestToken", "")
    asked = {name: request.get(name) for name in ("Name", "Description", "Database", "QueryString")}
    body = {**{name: value for name, value in asked.items() if value is not None}, "Token": token}
    for one in call.records.of_kind(call.owner, NAMED) if token else []:
        if one.body["Token"] == token:
            if one.body != body or one.parent != workgroup:
                raise faults.invalid("Idempotent parameters do not match", "IDEMPOTENT_PARAMETER_MISMATCH")
            return {"NamedQueryId": one.name}
    found = str(uuid.uuid4())
    call.records.put(call.owner, NAMED, found, body, parent=workgroup, now=call.now)
    return {"NamedQueryId": found}


def get_named(request: Json, call: Call) -> Json:
    """GetNamedQuery."""
    return {"NamedQuery": _shown(_named(call, request["NamedQueryId"]))}


def batch_named(request: Json, call: Call) -> Json:
    """BatchGetNamedQuery."""
    known = {one.name: one for one in call.records.of_kind(call.owner, NAMED)}
    ids = request["NamedQueryIds"]
    missing = [
        {"NamedQueryId": name, "ErrorCode": "INVALID_INPUT", "ErrorMessage": f"NamedQuery {name} was not found"}
        for name in ids
        if name not in known
    ]
    found = [_shown(known[name]) for name in ids if name in known]
    return {"NamedQueries": found, "UnprocessedNamedQueryIds": missing}


def list_named(request: Json, call: Call) -> Json:
    """ListNamedQueries of a workgroup, the newest first."""
    workgroup = workgroups.find(call, request.get("WorkGroup", workgroups.PRIMARY)).name
    known = sorted(call.records.of_kind(call.owner, NAMED, workgroup), key=lambda one: -one.number)
    ids, more = page(call, "ListNamedQueries", request, [one.name for one in known])
    return {"NamedQueryIds": ids, **more}


def update_named(request: Json, call: Call) -> Json:
    """UpdateNamedQuery."""
    found = _named(call, request["NamedQueryId"])
    changed = {name: value for name, value in request.items() if name in ("Name", "QueryString", "Description")}
    call.records.put(call.owner, NAMED, found.name, {**found.body, **changed}, parent=found.parent, now=call.now)
    return {}


def delete_named(request: Json, call: Call) -> Json:
    """DeleteNamedQuery."""
    found = _named(call, request["NamedQueryId"])
    call.records.remove(call.owner, NAMED, found.name, found.parent)
    return {}


def _named(call: Call, name: str) -> Record:
    for one in call.records.of_kind(call.owner, NAMED):
        if one.name == name:
            return one
    raise faults.invalid(f"NamedQuery {name} was not found")


def _shown(found: Record) -> Json:
    shown = {**found.body, "NamedQueryId": found.name, "WorkGroup": found.parent}
    return {name: value for name, value in shown.items() if name != "Description" or value}


# --- prepared statements


def create_prepared(request: Json, call: Call) -> Json:
    """CreatePreparedStatement."""
    workgroup, name = workgroups.find(call, request["WorkGroup"]).name, request["StatementName"]
    if call.records.get(call.owner, PREPARED, name, workgroup):
        raise faults.invalid(f"PreparedStatement {name} already exists in workGroup {workgroup}")
    _keep(request, call, workgroup)
    return {}


def get_prepared(request: Json, call: Call) -> Json:
    """GetPreparedStatement."""
    return {"PreparedStatement": _prepared_shown(_prepared(request, call))}


def batch_prepared(request: Json, call: Call) -> Json:
    """BatchGetPreparedStatement."""
    workgroup, names = workgroups.find(call, request["WorkGroup"]).name, request["PreparedStatementNames"]
    known = {one.name: one for one in call.records.of_kind(call.owner, PREPARED, workgroup)}
    missing = [
        {"StatementName": name, "ErrorCode": "STATEMENT_NOT_FOUND", "ErrorMessage": _absent(name, workgroup)}
        for name in names
        if name not in known
    ]
    found = [_prepared_shown(known[name]) for name in names if name in known]
    return {"PreparedStatements": found, "UnprocessedPreparedStatementNames": missing}


def list_prepared(request: Json, call: Call) -> Json:
    """ListPreparedStatements of a workgroup, by name."""
    workgroup = workgroups.find(call, request["WorkGroup"]).name
    known = call.records.of_kind(call.owner, PREPARED, workgroup)
    found, more = page(call, "ListPreparedStatements", request, known)
    shown = [{"StatementName": one.name, "LastModifiedTime": one.modified_at} for one in found]
    return {"PreparedStatements": shown, **more}


def update_prepared(request: Json, call: Call) -> Json:
    """UpdatePreparedStatement."""
    _keep(request, call, _prepared(request, call).parent)
    return {}


def delete_prepared(request: Json, call: Call) -> Json:
    """DeletePreparedStatement."""
    found = _prepared(request, call)
    call.records.remove(call.owner, PREPARED, found.name, found.parent)
    return {}


def _keep(request: Json, call: Call, workgroup: str) -> None:
    body = {name: value for name, value in request.items() if name in ("QueryStatement", "Description")}
    call.records.put(call.owner, PREPARED, request["StatementName"], body, parent=workgroup, now=call.now)


def _prepared(request: Json, call: Call) -> Record:
    workgroup, name = workgroups.find(call, request["WorkGroup"]).name, request["StatementName"]
    found = call.records.get(call.owner, PREPARED, name, workgroup)
    if found is None:
        raise faults.not_found(_absent(name, workgroup), name)
    return found


def _prepared_shown(found: Record) -> Json:
    names = {"StatementName": found.name, "WorkGroupName": found.parent, "LastModifiedTime": found.modified_at}
    return {**found.body, **names}


def _absent(name: str, workgroup: str) -> str:
    return f"PreparedStatement {name} was not found in workGroup {workgroup}"
