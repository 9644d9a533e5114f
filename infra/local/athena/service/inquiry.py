"""What is told of executions: their state and figures, lists of them, and the end that a client asks for."""

from infra.local.athena.service import errors, faults, figures, locations, workgroups
from infra.local.athena.service.call import Call
from infra.local.athena.service.executions import FAILED, UNFINISHED, Execution, Json
from infra.local.athena.service.listing import MOST, place, token

_NEWEST = 2**62


def get(request: Json, call: Call) -> Json:
    """GetQueryExecution."""
    return {"QueryExecution": shown(find(call, request["QueryExecutionId"]), call.now)}


def batch(request: Json, call: Call) -> Json:
    """BatchGetQueryExecution."""
    ids = list(dict.fromkeys(request["QueryExecutionIds"]))
    known = {name: call.executions.get(call.owner, name) for name in ids}
    missing = [
        {
            "QueryExecutionId": name,
            "ErrorCode": "QUERY_EXECUTION_NOT_FOUND",
            "ErrorMessage": f"QueryExecution {name} was not found",
        }
        for name, found in known.items()
        if found is None
    ]
    found = [shown(one, call.now) for one in known.values() if one is not None]
    return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}


def list_all(request: Json, call: Call) -> Json:
    """ListQueryExecutions of a workgroup, the newest first."""
    workgroup = workgroups.find(call, request.get("WorkGroup", workgroups.PRIMARY)).name
    most = request.get("MaxResults") or MOST
    before = place(call, "ListQueryExecutions", request, default=_NEWEST)
    found = call.executions.page(call.owner, workgroup, before, most + 1)
    more = {"NextToken": token(call, "ListQueryExecutions", request, found[most - 1][0])} if len(found) > most else {}
    return {"QueryExecutionIds": [name for _, name in found[:most]], **more}


def stop(request: Json, call: Call) -> Json:
    """StopQueryExecution; one that has come to its end stays as it is."""
    call.tools.runs.cancel(find(call, request["QueryExecutionId"]))
    return {}


def runtime(request: Json, call: Call) -> Json:
    """GetQueryRuntimeStatistics."""
    return {"QueryRuntimeStatistics": figures.runtime(find(call, request["QueryExecutionId"]), call.now)}


def find(call: Call, execution_id: str) -> Execution:
    """An execution of the caller's.

    Raises:
        ApiError: There is none.
    """
    found = call.executions.get(call.owner, execution_id)
    if found is None:
        raise faults.execution_not_found(execution_id)
    return found


def shown(execution: Execution, now: float) -> Json:
    """An execution as GetQueryExecution tells of it."""
    request, outcome = execution.request, execution.outcome
    configuration: Json = request["configuration"]
    file = locations.result_file(request["output"], execution.id, execution.statement, execution.substatement)
    status: Json = {
        "State": execution.state,
        "StateChangeReason": execution.reason or None,
        "SubmissionDateTime": execution.submitted_at,
        "CompletionDateTime": None if execution.state in UNFINISHED else execution.completed_at,
    }
    if execution.state == FAILED:
        status["AthenaError"] = errors.athena_error(execution.error_code, execution.reason)
    return {
        "QueryExecutionId": execution.id,
        "Query": execution.sql,
        "StatementType": execution.statement,
        "SubstatementType": execution.substatement or None,
        "ResultConfiguration": {**configuration, "OutputLocation": outcome.get("location") or file},
        "ResultReuseConfiguration": request["reuse"],
        "QueryExecutionContext": request["context"],
        "Status": status,
        "Statistics": figures.statistics(execution, now),
        "WorkGroup": execution.workgroup,
        "EngineVersion": workgroups.ENGINE,
        "ExecutionParameters": request["parameters"] or None,
    }
