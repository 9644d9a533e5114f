"""StartQueryExecution: what is asked of a request before it runs, in the order in which AWS asks it.

The order (token, place of the result, text, what the token stands for) was measured:
https://github.com/aoyagikouhei/athena-local, docs/dev/measurements/client-request-token.md
"""

import dataclasses
import hashlib
import json
import uuid
from typing import Any

from infra.local.athena.contract import Outcome, QueryError
from infra.local.athena.service import catalogs, faults, locations, statement, workgroups
from infra.local.athena.service.call import Call
from infra.local.athena.service.executions import FAILED, QUEUED, SUCCEEDED, Execution, Json
from infra.local.athena.service.records import PREPARED, Record
from infra.local.athena.service.statement import MalformedError, Statement

# Of one account and region; AWS's quota is some hundred, and a client that starts more than it reads is told so.
MOST_UNFINISHED = 1000
# As at AWS: half an hour for a query, ten hours for a definition.
SECONDS = {"DML": 1800.0, "UTILITY": 1800.0, "DDL": 36_000.0}
MOST_TOKEN_BYTES = 128


def start(request: Json, call: Call) -> Json:
    """StartQueryExecution.

    Raises:
        ApiError: The request breaks a rule, or too many executions wait.
    """
    token = _token(request)
    workgroup = workgroups.find(call, request.get("WorkGroup", workgroups.PRIMARY))
    if workgroup.body["State"] != "ENABLED":
        raise faults.invalid(f"WorkGroup {workgroup.name} is disabled.")
    place = locations.chosen(request.get("ResultConfiguration", {}), workgroup.body["Configuration"])
    try:
        found = statement.classify(request["QueryString"])
        call.tools.outside.check(request["QueryString"])
    except (MalformedError, QueryError) as fault:
        raise faults.invalid(str(fault), "MALFORMED_QUERY") from fault
    reused = _reusable(request, call, workgroup, found)
    with call.tools.file.transaction():
        before = call.executions.with_token(call.owner, token)
        if before is not None:
            if before.fingerprint != _fingerprint(request):
                raise faults.invalid("Idempotent parameters do not match", "IDEMPOTENT_PARAMETER_MISMATCH")
            return {"QueryExecutionId": before.id}
        if call.executions.count_unfinished(call.owner) >= MOST_UNFINISHED:
            raise faults.too_many()
        execution = _execution(request, call, workgroup, found, place)
        if reused is not None:
            outcome = {**reused.outcome, "scanned_bytes": 0, "milliseconds": {}}
            shared = {"substatement": reused.substatement, "reused": reused.id, "outcome": outcome}
            execution = _ended(execution, SUCCEEDED, call.now, **shared)
        call.executions.add(execution)
    if execution.state == QUEUED:
        call.tools.runs.submit(execution)
    return {"QueryExecutionId": execution.id}


def _token(request: Json) -> str:
    token: str = request.get("ClientRequestToken", "")
    if not token:
        raise faults.invalid("clientRequestToken is null or empty")
    if len(token.encode()) > MOST_TOKEN_BYTES:
        raise faults.invalid(f"clientRequestToken exceeds maximum allowed length {MOST_TOKEN_BYTES}")
    return token


def _execution(request: Json, call: Call, workgroup: Record, found: Statement, place: Json) -> Execution:
    context: Json = request.get("QueryExecutionContext", {})
    catalog, database = (context.get(name, "").strip().strip('`"') for name in ("Catalog", "Database"))
    configuration: Json = workgroup.body["Configuration"]
    sql: str = request["QueryString"]
    execution = Execution(
        id=str(uuid.uuid4()),
        owner=call.owner,
        workgroup=workgroup.name,
        state=QUEUED,
        sql=sql,
        submitted_at=call.now,
        token=request["ClientRequestToken"],
        fingerprint=_fingerprint(request),
        reuse_key=_reuse_key(request, call, workgroup) if found.subtype == "SELECT" else "",
        statement=found.type,
        substatement=found.subtype,
        request={
            "context": {"Database": database or None, "Catalog": catalog.lower() or None},
            "database": database.lower(),
            "parameters": request.get("ExecutionParameters", []),
            "output": place["OutputLocation"],
            "configuration": place,
            "reuse": request.get("ResultReuseConfiguration", {"ResultReuseByAgeConfiguration": {"Enabled": False}}),
            "seconds": SECONDS[found.type],
            "cutoff": configuration.get("BytesScannedCutoffPerQuery"),
            "enforced": configuration["EnforceWorkGroupConfiguration"],
            "metrics": configuration["PublishCloudWatchMetricsEnabled"],
            "prepared": _prepared(call, workgroup.name, found.prepared),
        },
    )
    if catalog and not catalogs.is_known(call, catalog):
        reason = f"CATALOG_NOT_FOUND: Catalog '{catalog}' not found"
        return _ended(execution, FAILED, call.now, reason=reason, error_code="CATALOG_NOT_FOUND")
    return execution


def _ended(execution: Execution, state: str, now: float, **values: Any) -> Execution:
    """One that is at its end before it began."""
    nothing = {**dataclasses.asdict(Outcome(state)), "columns": [], "milliseconds": {}, "tables": []}
    return dataclasses.replace(
        execution, state=state, started_at=now, completed_at=now, **{"outcome": nothing, **values}
    )


def _prepared(call: Call, workgroup: str, name: str) -> dict[str, str]:
    """The prepared statement that an EXECUTE names, whatever the case of the name."""
    if not name:
        return {}
    known = call.records.of_kind(call.owner, PREPARED, workgroup)
    return {one.name: one.body["QueryStatement"] for one in known if one.name.lower() == name.lower()}


def _reusable(request: Json, call: Call, workgroup: Record, found: Statement) -> Execution | None:
    """The execution whose result is shown again: of the same text and place, young enough, its file still there."""
    wanted: Json = request.get("ResultReuseConfiguration", {}).get("ResultReuseByAgeConfiguration", {})
    if not wanted.get("Enabled") or found.subtype != "SELECT":
        return None
    since = call.now - 60 * wanted.get("MaxAgeInMinutes", 60)
    for one in call.executions.reusable(_reuse_key(request, call, workgroup), since):
        if call.tools.outside.exists(call.owner.account, call.owner.region, one.outcome["location"]):
            return one
    return None


def _reuse_key(request: Json, call: Call, workgroup: Record) -> str:
    context: Json = request.get("QueryExecutionContext", {})
    parts = [
        *(call.owner.account, call.owner.region, workgroup.name, request["QueryString"]),
        *(context.get(name, "").strip('`"').lower() for name in ("Catalog", "Database")),
        request.get("ExecutionParameters", []),
    ]
    return _digest(parts)


def _fingerprint(request: Json) -> str:
    """What must be the same when a token comes again; parameters and workgroup are not among it, as at AWS."""
    context: Json = request.get("QueryExecutionContext", {})
    place = request.get("ResultConfiguration", {}).get("OutputLocation")
    return _digest([request["QueryString"], context.get("Database"), context.get("Catalog"), place])


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
