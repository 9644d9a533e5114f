"""The kinds of states that the machine is made of, and what they share: retries, catches, substitutions."""

from typing import Any

States = dict[str, dict[str, Any]]

FAILED = "Tell of the failure"
SDK = "arn:aws:states:::aws-sdk:"
BUSY = {
    "ErrorEquals": [
        "Forecast.LimitExceededException",
        "Forecast.ResourceInUseException",
        "Forecast.ThrottlingException",
        "Forecast.ForecastException",
        "Forecast.SdkClientException",
        "Athena.TooManyRequestsException",
        "Athena.ThrottlingException",
        "Athena.InternalServerException",
        "Athena.SdkClientException",
    ],
    "IntervalSeconds": 2,
    "BackoffRate": 2,
    "MaxDelaySeconds": 300,
    "MaxAttempts": 20,
    "JitterStrategy": "FULL",
}
AGAIN = {
    "ErrorEquals": ["Lambda.ServiceException", "Lambda.TooManyRequestsException", "Lambda.SdkClientException"],
    "IntervalSeconds": 1,
    "BackoffRate": 2,
    "MaxAttempts": 5,
}
CAUGHT = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": FAILED}]
SITE = {
    "bucket": "${Bucket}",
    "role": "${ForecastRole}",
    "topic": "${Topic}",
    "prefix": "${DatabasePrefix}",
    "poll_seconds": "${PollSeconds}",
    "load_seconds": "${LoadSeconds}",
}


def step(name: str, then: str, given: dict[str, Any], path: str) -> dict[str, Any]:
    """What the language of states cannot do: a Lambda function."""
    return {
        "Type": "Task",
        "Resource": "${StepsArn}",
        "Parameters": {"step": name, **given, **SITE},
        "ResultPath": path,
        "Retry": [AGAIN],
        "Catch": CAUGHT,
        "Next": then,
    }


def each(items: str, states: States, start: str, then: str) -> dict[str, Any]:
    """All of a list at the same time, three at most, as the API's quotas have it."""
    return {
        "Type": "Map",
        "ItemsPath": items,
        "MaxConcurrency": 3,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": start, "States": states},
        "ResultPath": "$.imported",
        "Catch": CAUGHT,
        "Next": then,
    }


def publish(key: str, subject: str, words: str, *paths: str) -> dict[str, Any]:
    """A notice of the topic: its words, with a path for each {}."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {
            "TopicArn": "${Topic}",
            key: subject,
            "Message.$": f"States.Format('{words}', {', '.join(paths)})",
        },
        "ResultPath": "$.told",
    }


def call(action: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """An operation of Amazon Forecast, for a Task."""
    return {"Resource": f"{SDK}forecast:{action}", "Parameters": parameters}


def when(variable: str, value: str, then: str) -> dict[str, Any]:
    """A branch of a Choice: the variable is this text."""
    return {"Variable": variable, "StringEquals": value, "Next": then}


def refused(reason: str) -> dict[str, Any]:
    """A person's mistake: the run fails with its one line, at this path."""
    return {
        "Type": "Pass",
        "Parameters": {"Error": "Refused", "Cause.$": reason},
        "ResultPath": "$.error",
        "Next": FAILED,
    }


def exists(then: str) -> dict[str, Any]:
    """What is made already, by this run at an earlier attempt or by another at the same time, is used."""
    return {"ErrorEquals": ["Forecast.ResourceAlreadyExistsException"], "ResultPath": "$.exists", "Next": then}
