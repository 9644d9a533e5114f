"""A query of Athena: asked, and waited for."""

from infra.aws.machine.states import BUSY, SDK, States, when


def query(start: str, noun: str, *, given: str, seconds: str, then: str) -> States:
    """The states of a query, whose execution is at `$.asked` and at the end at `$.answer`.

    Args:
        start: Name of the first.
        noun: What is asked for, in the plural.
        given: Path of StartQueryExecution's request.
        seconds: Path of the pause between two looks.
        then: The state after it; it goes to `No <noun>` if it fails and to `Stopped <noun>` if somebody stops it.
    """
    ask, wait, look = f"Ask for {noun}", f"Wait for {noun}", f"Are {noun} there"
    return {
        start: {
            "Type": "Task",
            "Resource": f"{SDK}athena:startQueryExecution",
            "InputPath": given,
            "ResultPath": "$.asked",
            "Retry": [BUSY],
            "Next": ask,
        },
        wait: {"Type": "Wait", "SecondsPath": seconds, "Next": ask},
        ask: {
            "Type": "Task",
            "Resource": f"{SDK}athena:getQueryExecution",
            "Parameters": {"QueryExecutionId.$": "$.asked.QueryExecutionId"},
            "ResultSelector": {"Status.$": "$.QueryExecution.Status"},
            "ResultPath": "$.answer",
            "Retry": [BUSY],
            "Next": look,
        },
        look: {
            "Type": "Choice",
            "Choices": [
                when("$.answer.Status.State", "SUCCEEDED", then),
                when("$.answer.Status.State", "FAILED", f"No {noun}"),
                when("$.answer.Status.State", "CANCELLED", f"Stopped {noun}"),
            ],
            "Default": wait,
        },
    }
