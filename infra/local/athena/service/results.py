"""GetQueryResults: a page of rows with the names and types of the columns, encoded here.

Texts and the order of what is asked: https://github.com/aoyagikouhei/athena-local,
docs/dev/measurements/query-results.md
"""

import json

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
    count = max(0, min(count, outcome["rows"] - first))
    rows = [_header(names) for names in header if start == 0]
    end = start + len(rows) + count
    rows += [_read(call, execution, first, count)] if count else []
    answer: Json = {
        "ResultSet": {
            "Rows": b",".join(rows),
            "ResultSetMetadata": {"ColumnInfo": [column_info(name, kind) for name, kind in outcome["columns"]]},
        },
    }
    if outcome["updated"] is not None or execution.statement != "DDL":
        answer["UpdateCount"] = outcome["updated"] or 0
    if end > start and end < outcome["rows"] + len(header):
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


def encoded(members: Json) -> bytes:
    """The body of an answer of `get`, whose rows are JSON already."""
    found = members["ResultSet"]
    rows, rest = found["Rows"], {name: value for name, value in found.items() if name != "Rows"}
    others = {name: value for name, value in members.items() if name != "ResultSet"}
    text = json.dumps({**others, "ResultSet": {**rest, "Rows": []}}, allow_nan=False).encode()
    # `Rows` stands last: what follows is the end of its list and of two objects.
    return b"".join((text[:-3], rows, text[-3:]))


def _read(call: Call, execution: Execution, first: int, count: int) -> bytes:
    owner = call.owner
    try:
        return call.tools.outside.rows(
            owner.account, owner.region, execution.outcome["location"], start=first, count=count
        )
    except FileNotFoundError as fault:
        raise faults.invalid("Could not find results", "RESULT_NOT_FOUND") from fault


def _header(names: list[str]) -> bytes:
    return json.dumps({"Data": [{"VarCharValue": name} for name in names]}).encode()
