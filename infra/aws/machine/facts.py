"""What is asked of the rows before anything is made: how many they are, and from when to when.

So a query that cannot be, a table without rows and a horizon too long cost a query alone.
"""

from typing import Any

from infra.aws.machine.queries import query
from infra.aws.machine.states import BUSY, CAUGHT, FAILED, SDK, States, refused, step, when


def facts(then: str) -> States:
    """The states from a table to the word that it is enough; a file's facts are those that its import tells."""
    asked = query("Look at the rows", "facts", given="$.plan.facts", seconds="$.plan.poll_seconds", then="Read facts")
    for state in asked.values():
        if state["Type"] == "Task":
            state["Catch"] = CAUGHT
    return {
        "Is there a table": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.plan.is_upload", "BooleanEquals": False, "Next": "Look at the rows"}],
            "Default": then,
        },
        **asked,
        "No facts": _failed({"Error": "Athena.Failed", "Cause.$": "$.answer.Status.StateChangeReason"}),
        "Stopped facts": _failed({"Error": "Athena.Cancelled", "Cause": "the query was stopped"}),
        "Read facts": {
            "Type": "Task",
            "Resource": f"{SDK}athena:getQueryResults",
            "Parameters": {"QueryExecutionId.$": "$.asked.QueryExecutionId"},
            "ResultSelector": {"rows.$": "$.ResultSet.Rows"},
            "ResultPath": "$.read",
            "Retry": [BUSY],
            "Catch": CAUGHT,
            "Next": "Check",
        },
        "Check": step("check", "Is it enough", {"plan.$": "$.plan", "rows.$": "$.read.rows"}, "$.checked"),
        "Is it enough": _enough(then),
        "Not enough": refused("$.checked.reason"),
    }


def of_a_file(then: str) -> States:
    """The same of an uploaded file, once it is imported."""
    return {
        "Was it a file": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.plan.is_upload", "BooleanEquals": True, "Next": "Check the file"}],
            "Default": then,
        },
        "Check the file": step(
            "check", "Is the file enough", {"plan.$": "$.plan", "imported.$": "$.imported"}, "$.checked"
        ),
        "Is the file enough": _enough(then),
    }


def _enough(then: str) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": [when("$.checked.status", "REFUSED", "Not enough")], "Default": then}


def _failed(error: dict[str, str]) -> dict[str, Any]:
    return {"Type": "Pass", "Parameters": error, "ResultPath": "$.error", "Next": FAILED}
