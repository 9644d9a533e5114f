"""What the machine waits for beside Amazon Forecast: a person's word and the driver, which alone writes tables."""

from typing import Any

from infra.aws.machine.states import AGAIN, CAUGHT, FAILED, SITE, States, step, when


def approval() -> dict[str, Any]:
    """A person is asked, and the execution waits for the word for a week."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {
            "FunctionName": "${StepsFunction}",
            "Payload": {
                "step": "approve",
                "token.$": "$$.Task.Token",
                "plan.$": "$.plan",
                "best.$": "$.best",
                **SITE,
            },
        },
        "TimeoutSeconds": 604800,
        "ResultPath": "$.approved",
        "Retry": [AGAIN],
        "Catch": CAUGHT,
        "Next": "Forecast",
    }


def loading() -> States:
    """The driver alone writes tables: it is waited for, unless nobody is to load."""
    return {
        "Is it to be loaded": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.plan.is_loaded_by_driver", "BooleanEquals": True, "Next": "Note the time"}],
            "Default": "Clean up",
        },
        # Training may have taken longer than the driver is waited for.
        "Note the time": {
            "Type": "Pass",
            "Parameters": {"since.$": "$$.State.EnteredTime"},
            "ResultPath": "$.ready",
            "Next": "Is it loaded",
        },
        "Is it loaded": step(
            "loaded", "Has it been loaded", {"plan.$": "$.plan", "since.$": "$.ready.since"}, "$.loaded"
        ),
        "Has it been loaded": {
            "Type": "Choice",
            "Choices": [
                when("$.loaded.status", "LOADED", "Clean up"),
                when("$.loaded.status", "REFUSED", "Not loaded"),
            ],
            "Default": "Wait for the driver",
        },
        "Wait for the driver": {"Type": "Wait", "SecondsPath": "$.plan.poll_seconds", "Next": "Is it loaded"},
        "Not loaded": {
            "Type": "Pass",
            "Parameters": {"Error": "NotLoaded", "Cause.$": "$.loaded.reason"},
            "ResultPath": "$.error",
            "Next": FAILED,
        },
    }
