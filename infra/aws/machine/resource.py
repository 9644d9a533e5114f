"""A resource of Amazon Forecast: looked for, made if it is not there or had failed before, and waited for."""

from typing import Any

from infra.aws.machine.states import BUSY, SDK, States, exists, when

_HELD = ["CREATE_FAILED", "CREATE_STOPPED"]


def resource(
    what: str, *, describe: dict[str, Any], delete: dict[str, Any], create: dict[str, Any], name: str, done: str,
    make: str = "",
) -> States:  # fmt: skip
    """A resource that is looked for, made if it is not there or had failed before, and waited for."""
    look, ask, wait, remove, drop = (
        f"{words} {what}" for words in ("Look for", "Ask for", "Wait for", "Wait for the end of", "Delete failed")
    )
    make = make or f"Make {what}"
    seconds = "$.poll_seconds" if "$.plan" not in name else "$.plan.poll_seconds"
    is_search = "QueryLanguage" in describe
    asked = {"Type": "Task", **describe, "Retry": [BUSY]}
    if not is_search:
        asked["ResultPath"] = "$.found"
    absent = {"ErrorEquals": ["Forecast.ResourceNotFoundException"], "ResultPath": "$.absent", "Next": make}
    failed = {"Type": "Fail", "Error": "Forecast.CreateFailed"}
    return {
        look: asked | ({} if is_search else {"Catch": [absent]}) | {"Next": f"Was there {what}"},
        f"Was there {what}": {
            "Type": "Choice",
            "Choices": [
                when("$.found.Status", "NONE", make),
                when("$.found.Status", "ACTIVE", done),
                *(when("$.found.Status", status, drop) for status in _HELD),
                # what cannot be deleted would be tried for ever
                when("$.found.Status", "DELETE_FAILED", f"Stopped {what}"),
                {"Variable": "$.found.Status", "StringMatches": "DELETE_*", "Next": remove},
            ],
            "Default": wait,
        },
        drop: {"Type": "Task", **delete, "ResultPath": "$.deleted", "Retry": [BUSY], "Next": remove},
        remove: {"Type": "Wait", "SecondsPath": seconds, "Next": look},
        f"Make {what}": {
            "Type": "Task",
            **create,
            "ResultPath": "$.made",
            "Retry": [BUSY],
            "Catch": [exists(ask)],
            "Next": ask,
        },
        ask: asked | {"Next": f"Is there {what}"},
        f"Is there {what}": {
            "Type": "Choice",
            "Choices": [
                when("$.found.Status", "ACTIVE", done),
                when("$.found.Status", "CREATE_FAILED", f"Failed {what}"),
                {"Variable": "$.found.Status", "StringMatches": "CREATE_STOP*", "Next": f"Stopped {what}"},
                {"Variable": "$.found.Status", "StringMatches": "DELETE_*", "Next": f"Stopped {what}"},
            ],
            "Default": wait,
        },
        wait: {"Type": "Wait", "SecondsPath": seconds, "Next": ask},
        f"Failed {what}": failed | {"CausePath": f"States.Format('{{}}: {{}}', {name}, $.found.Message)"},
        f"Stopped {what}": failed | {"CausePath": f"States.Format('{{}} is {{}}', {name}, $.found.Status)"},
    }


def search(action: str, key: str, parent: str, lists: tuple[str, str, str]) -> dict[str, Any]:
    """Find a resource by name among the newest 100 of a parent: some ARNs cannot be known from the name."""
    members, name, wanted = lists
    found = f"$states.result.{members}[{name} = $states.input.{wanted}]"
    return {
        "QueryLanguage": "JSONata",
        "Resource": f"{SDK}forecast:{action}",
        "Arguments": {
            "MaxResults": 100,
            "Filters": [{"Key": key, "Condition": "IS", "Value": f"{{% $states.input.{parent} %}}"}],
        },
        "Output": f"{{% ($all := {found}; $merge([$states.input, "
        "{'found': $exists($all) ? $all[0] : {'Status': 'NONE'}}])) %}",
    }
