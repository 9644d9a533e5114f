"""GetQueryResults: a page of rows with the names and types of the columns.

Texts and the order of what is asked: https://github.com/aoyagikouhei/athena-local,
docs/dev/measurements/query-results.md
"""

from infra.local.athena.service import faults, inquiry
from infra.local.athena.service.call import Call
from infra.local.athena.service.columns import column_info
from infra.local.athena.service.executions import CANCELLED, SUCCEEDED, UNFINISHED, Execution, Json
from infra.local.athena.service.listing import place, token

OPERATION = "GetQueryResults"
MOST = 1000
_STATE = "INVALID_QUERY_EXECUTION_STATE"


def get(request: Json, call: Call) -> Json:
    """GetQueryResults.

    Raises:
        ApiError: There is no such execution, or no result of it.
    """
    if request.get("QueryResultType") == "DATA_MANIFEST":
        raise faults.invalid(
            "QueryResultType DATA_MANIFEST is not offered by the local Athena service", "NOT_SUPPORTED"
        )
    execution = inquiry.find(call, request["QueryExecutionId"])
    most = request.get("MaxResults", MOST)
    if most > MOST:
        raise faults.invalid(f"MaxResults is more than maximum allowed length {MOST}")
    _check_state(execution)
    start = place(call, OPERATION, request, default=0, words="Malformed nextPageToken")
    outcome = execution.outcome
    names = [name for name, _ in outcome["columns"]]
    # The header is the first row of a table of rows, and counts; EXPLAIN's plan has one, too.
    is_table = outcome["location"].endswith(".csv") or execution.substatement == "EXPLAIN"
    header = [names] if is_table and outcome["updated"] is None else []
    first = max(0, start - len(header))
    count = most - (len(header) if start == 0 else 0)
    rows: list[Json] = [_row(names) for _ in header if start == 0]
    if count > 0 and first < outcome["rows"]:
        rows += [_row(values) for values in _read(call, execution, first, count)]
    answer: Json = {
        "ResultSet": {
            "Rows": rows,
            "ResultSetMetadata": {"ColumnInfo": [column_info(name, kind) for name, kind in outcome["columns"]]},
        },
    }
    if outcome["updated"] is not None or execution.statement != "DDL":
        answer["UpdateCount"] = outcome["updated"] or 0
    end = start + len(rows)
    if rows and end < outcome["rows"] + len(header):
        answer["NextToken"] = token(call, OPERATION, request, end)
    return answer


def _check_state(execution: Execution) -> None:
    state = execution.state
    if state in UNFINISHED:
        raise faults.invalid(f"Query has not yet finished. Current state: {state}", _STATE)
    if state == CANCELLED:
        raise faults.invalid("Could not find results", "RESULT_NOT_FOUND")
    if state != SUCCEEDED:
        raise faults.invalid(f"Query did not finish successfully. Final query state: {state}", _STATE)


def _read(call: Call, execution: Execution, first: int, count: int) -> list[list[str | None]]:
    owner = call.owner
    try:
        found = call.tools.outside.rows(
            owner.account, owner.region, execution.outcome["location"], start=first, count=count
        )
    except FileNotFoundError as fault:
        raise faults.invalid("Could not find results", "RESULT_NOT_FOUND") from fault
    return [list(values) for values in found]


def _row(values: list[str] | list[str | None]) -> Json:
    return {"Data": [{} if value is None else {"VarCharValue": value} for value in values]}
