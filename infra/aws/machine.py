"""The states of infra/aws/forecast.asl.json, made by functions, since each resource is made in the same ten steps.

The file is what AWS and the gateway read; `python -m infra docs` writes it from here, and a test compares. JSONPath
throughout, but for lists that are searched by name (an AutoPredictor's ARN has a part that only the service knows).
"""

import json
from pathlib import Path
from typing import Any

States = dict[str, dict[str, Any]]

FILE = Path(__file__).with_name("forecast.asl.json")
FAILED = "Tell of the failure"
_SDK = "arn:aws:states:::aws-sdk:"
_HELD = ["CREATE_FAILED", "CREATE_STOPPED", "DELETE_FAILED"]
_BUSY = {
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
_AGAIN = {
    "ErrorEquals": ["Lambda.ServiceException", "Lambda.TooManyRequestsException", "Lambda.SdkClientException"],
    "IntervalSeconds": 1,
    "BackoffRate": 2,
    "MaxAttempts": 5,
}
_CAUGHT = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": FAILED}]


def document() -> str:
    """The text of the file."""
    return json.dumps(machine(), indent=2) + "\n"


def machine() -> dict[str, Any]:
    """The whole definition."""
    states: States = {
        "Plan": _step(
            "plan",
            "Is it planned",
            {"input.$": "$$.Execution.Input", "execution.$": "$$.Execution.Name", "execution_arn.$": "$$.Execution.Id"},
            "$.plan",
        ),
        "Is it planned": {
            "Type": "Choice",
            "Choices": [
                _when("$.plan.status", "REFUSED", "Refuse"),
                _when("$.plan.status", "BUSY", "Wait for the run before"),
                _when("$.plan.status", "DONE", "Is it to be loaded"),
            ],
            "Default": "Import",
        },
        "Wait for the run before": {"Type": "Wait", "SecondsPath": "$.plan.poll_seconds", "Next": "Plan"},
        "Refuse": {
            "Type": "Pass",
            "Parameters": {"Error": "Refused", "Cause.$": "$.plan.reason"},
            "ResultPath": "$.error",
            "Next": FAILED,
        },
        "Import": _each("$.plan.datasets", _imports(), "Look for data set", "Check"),
        "Check": _step("check", "Is it enough", {"plan.$": "$.plan", "imported.$": "$.imported"}, "$.checked"),
        "Is it enough": {
            "Type": "Choice",
            "Choices": [_when("$.checked.status", "REFUSED", "Not enough")],
            "Default": "Group",
        },
        "Not enough": {
            "Type": "Pass",
            "Parameters": {"Error": "Refused", "Cause.$": "$.checked.reason"},
            "ResultPath": "$.error",
            "Next": FAILED,
        },
        "Group": {
            "Type": "Task",
            "Resource": f"{_SDK}forecast:createDatasetGroup",
            "InputPath": "$.plan.group",
            "ResultPath": "$.made",
            "Retry": [_BUSY],
            "Catch": [_exists("Train"), *_CAUGHT],
            "Next": "Train",
        },
        "Train": _each("$.plan.predictors", _predictors(), "Look for predictor", "Choose")
        | {"ResultPath": "$.trained"},
        "Choose": _step("choose", "Is it to be approved", {"plan.$": "$.plan", "trained.$": "$.trained"}, "$.best"),
        "Is it to be approved": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.best.needs_approval", "BooleanEquals": True, "Next": "Approve"}],
            "Default": "Forecast",
        },
        "Approve": _approve(),
        "Forecast": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Look for backtest", "States": _backtest()},
                {"StartAt": "Look for forecast", "States": _forecast()},
            ],
            "ResultSelector": {"backtest.$": "$[0]", "forecast.$": "$[1]"},
            "ResultPath": "$.exported",
            "Catch": _CAUGHT,
            "Next": "Record",
        },
        "Record": _step(
            "record",
            "Is it to be loaded",
            {"plan.$": "$.plan", "best.$": "$.best", "exported.$": "$.exported"},
            "$.run",
        ),
        **_loading(),
        "Clean up": _step("clean", "Is it news", {"plan.$": "$.plan"}, "$.cleaned"),
        "Is it news": {
            "Type": "Choice",
            "Choices": [_when("$.plan.status", "NEW", "Tell of the end")],
            "Default": "End",
        },
        "Tell of the end": _publish("Subject", "Forecast is there", "{} has run {}", "$.plan.forecast", "$.plan.run_id")
        | {"Next": "End", "Catch": _CAUGHT},
        "End": {"Type": "Succeed"},
        FAILED: _publish("Subject", "Forecast failed", "{} failed: {}", "$$.Execution.Name", "$.error.Cause")
        | {"Next": "Failed", "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.untold", "Next": "Failed"}]},
        "Failed": {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"},
    }
    return {"Comment": "From gold to a forecast's exports; docs/forecasting.md", "StartAt": "Plan", "States": states}


def _imports() -> States:
    """A data set and the import of this run into it; its rows are unloaded unless a file is imported."""
    name = "$.import.DatasetImportJobName"
    states = _made(
        "import",
        describe=_call("describeDatasetImportJob", {"DatasetImportJobArn.$": "$.import_arn"}),
        delete=_call("deleteDatasetImportJob", {"DatasetImportJobArn.$": "$.import_arn"}),
        create={"Resource": f"{_SDK}forecast:createDatasetImportJob", "InputPath": "$.import"},
        name=name,
        done="Imported",
        make="Is there a query",
    )
    return {
        # A data set has no state worth waiting for: it is there once it is created.
        "Look for data set": {
            "Type": "Task",
            "Resource": f"{_SDK}forecast:createDataset",
            "InputPath": "$.create",
            "ResultPath": "$.made",
            "Retry": [_BUSY],
            "Catch": [_exists("Look for import")],
            "Next": "Look for import",
        },
        **states,
        "Is there a query": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.needs_query", "BooleanEquals": True, "Next": "Unload"}],
            "Default": "Make import",
        },
        "Unload": {
            "Type": "Task",
            "Resource": f"{_SDK}athena:startQueryExecution",
            "InputPath": "$.query",
            "ResultPath": "$.asked",
            "Retry": [_BUSY],
            "Next": "Ask for rows",
        },
        "Wait for rows": {"Type": "Wait", "SecondsPath": "$.poll_seconds", "Next": "Ask for rows"},
        "Ask for rows": {
            "Type": "Task",
            "Resource": f"{_SDK}athena:getQueryExecution",
            "Parameters": {"QueryExecutionId.$": "$.asked.QueryExecutionId"},
            "ResultSelector": {"Status.$": "$.QueryExecution.Status"},
            "ResultPath": "$.rows",
            "Retry": [_BUSY],
            "Next": "Are rows there",
        },
        "Are rows there": {
            "Type": "Choice",
            "Choices": [
                _when("$.rows.Status.State", "SUCCEEDED", "Make import"),
                _when("$.rows.Status.State", "FAILED", "No rows"),
                _when("$.rows.Status.State", "CANCELLED", "Rows were stopped"),
            ],
            "Default": "Wait for rows",
        },
        "No rows": {
            "Type": "Fail",
            "Error": "Athena.Failed",
            "CausePath": f"States.Format('{{}}: {{}}', {name}, $.rows.Status.StateChangeReason)",
        },
        "Rows were stopped": {"Type": "Fail", "Error": "Athena.Cancelled", "Cause": "the query was stopped"},
        "Imported": {"Type": "Pass", "Parameters": {"kind.$": "$.kind", "import.$": "$.found"}, "End": True},
    }


def _predictors() -> States:
    """A predictor and its accuracy."""
    search = _search("listPredictors", "DatasetGroupArn", "group_arn", ("Predictors", "PredictorName", "name"))
    states = _made(
        "predictor",
        describe=search,
        delete=_call("deletePredictor", {"PredictorArn.$": "$.found.PredictorArn"}),
        create={},
        name="$.name",
        done="Measure",
        make="Which kind",
    )
    del states["Make predictor"]
    kinds = {"Make AutoPredictor": "createAutoPredictor", "Make single predictor": "createPredictor"}
    made = {
        name: {
            "Type": "Task",
            "Resource": f"{_SDK}forecast:{action}",
            "InputPath": "$.create",
            "ResultPath": "$.made",
            "Retry": [_BUSY],
            "Catch": [_exists("Ask for predictor")],
            "Next": "Ask for predictor",
        }
        for name, action in kinds.items()
    }
    return {
        **states,
        "Which kind": {
            "Type": "Choice",
            "Choices": [_when("$.kind", "auto", "Make AutoPredictor")],
            "Default": "Make single predictor",
        },
        **made,
        "Measure": {
            "Type": "Task",
            "Resource": f"{_SDK}forecast:getAccuracyMetrics",
            "Parameters": {"PredictorArn.$": "$.found.PredictorArn"},
            "ResultPath": "$.accuracy",
            "Retry": [_BUSY],
            "Next": "Trained",
        },
        "Trained": {
            "Type": "Pass",
            "Parameters": {
                "name.$": "$.name",
                "label.$": "$.label",
                "arn.$": "$.found.PredictorArn",
                "results.$": "$.accuracy.PredictorEvaluationResults",
            },
            "End": True,
        },
    }


def _backtest() -> States:
    lists = ("PredictorBacktestExportJobs", "PredictorBacktestExportJobName", "plan.backtest.name")
    return {
        **_made(
            "backtest",
            describe=_search("listPredictorBacktestExportJobs", "PredictorArn", "best.arn", lists),
            delete=_call(
                "deletePredictorBacktestExportJob",
                {"PredictorBacktestExportJobArn.$": "$.found.PredictorBacktestExportJobArn"},
            ),
            create=_call(
                "createPredictorBacktestExportJob",
                {
                    "PredictorBacktestExportJobName.$": "$.plan.backtest.name",
                    "PredictorArn.$": "$.best.arn",
                    "Destination.$": "$.plan.backtest.destination",
                    "Format": "CSV",
                    "Tags.$": "$.plan.tags",
                },
            ),
            name="$.plan.backtest.name",
            done="Backtest exported",
        ),
        "Backtest exported": _exported({}),
    }


def _forecast() -> States:
    arn, name = {"ForecastArn.$": "$.plan.forecast_request.arn"}, "$.plan.forecast_request.name"
    export = {"ForecastExportJobArn.$": "$.plan.export.arn"}
    return {
        **_made(
            "forecast",
            describe=_call("describeForecast", arn),
            delete=_call("deleteResourceTree", {"ResourceArn.$": "$.plan.forecast_request.arn"}),
            create=_call(
                "createForecast",
                {
                    "ForecastName.$": name,
                    "PredictorArn.$": "$.best.arn",
                    "ForecastTypes.$": "$.plan.forecast_request.types",
                    "Tags.$": "$.plan.tags",
                },
            ),
            name=name,
            done="Note the forecast",
        ),
        "Note the forecast": {
            "Type": "Pass",
            "InputPath": "$.found.CreationTime",
            "ResultPath": "$.made_at",
            "Next": "Look for export",
        },
        **_made(
            "export",
            describe=_call("describeForecastExportJob", export),
            delete=_call("deleteForecastExportJob", export),
            create={"Resource": f"{_SDK}forecast:createForecastExportJob", "InputPath": "$.plan.export.create"},
            name=name,
            done="Forecast exported",
        ),
        "Forecast exported": _exported({"made_at.$": "$.made_at"}),
    }


def _exported(more: dict[str, str]) -> dict[str, Any]:
    """An export that an earlier attempt made lies where that attempt put it."""
    return {"Type": "Pass", "Parameters": {"path.$": "$.found.Destination.S3Config.Path", **more}, "End": True}


def _made(
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
    asked = {"Type": "Task", **describe, "Retry": [_BUSY]}
    if not is_search:
        asked["ResultPath"] = "$.found"
    absent = {"ErrorEquals": ["Forecast.ResourceNotFoundException"], "ResultPath": "$.absent", "Next": make}
    failed = {"Type": "Fail", "Error": "Forecast.CreateFailed"}
    return {
        look: asked | ({} if is_search else {"Catch": [absent]}) | {"Next": f"Was there {what}"},
        f"Was there {what}": {
            "Type": "Choice",
            "Choices": [
                _when("$.found.Status", "NONE", make),
                _when("$.found.Status", "ACTIVE", done),
                *(_when("$.found.Status", status, drop) for status in _HELD),
                {"Variable": "$.found.Status", "StringMatches": "DELETE_*", "Next": remove},
            ],
            "Default": wait,
        },
        drop: {"Type": "Task", **delete, "ResultPath": "$.deleted", "Retry": [_BUSY], "Next": remove},
        remove: {"Type": "Wait", "SecondsPath": seconds, "Next": look},
        f"Make {what}": {
            "Type": "Task",
            **create,
            "ResultPath": "$.made",
            "Retry": [_BUSY],
            "Catch": [_exists(ask)],
            "Next": ask,
        },
        ask: asked | {"Next": f"Is there {what}"},
        f"Is there {what}": {
            "Type": "Choice",
            "Choices": [
                _when("$.found.Status", "ACTIVE", done),
                _when("$.found.Status", "CREATE_FAILED", f"Failed {what}"),
                {"Variable": "$.found.Status", "StringMatches": "CREATE_STOP*", "Next": f"Stopped {what}"},
                {"Variable": "$.found.Status", "StringMatches": "DELETE_*", "Next": f"Stopped {what}"},
            ],
            "Default": wait,
        },
        wait: {"Type": "Wait", "SecondsPath": seconds, "Next": ask},
        f"Failed {what}": failed | {"CausePath": f"States.Format('{{}}: {{}}', {name}, $.found.Message)"},
        f"Stopped {what}": failed | {"CausePath": f"States.Format('{{}} is {{}}', {name}, $.found.Status)"},
    }


def _search(action: str, key: str, parent: str, lists: tuple[str, str, str]) -> dict[str, Any]:
    """Find a resource by name among the newest 100 of a parent: some ARNs cannot be known from the name."""
    members, name, wanted = lists
    found = f"$states.result.{members}[{name} = $states.input.{wanted}]"
    return {
        "QueryLanguage": "JSONata",
        "Resource": f"{_SDK}forecast:{action}",
        "Arguments": {
            "MaxResults": 100,
            "Filters": [{"Key": key, "Condition": "IS", "Value": f"{{% $states.input.{parent} %}}"}],
        },
        "Output": f"{{% ($all := {found}; $merge([$states.input, "
        "{'found': $exists($all) ? $all[0] : {'Status': 'NONE'}}])) %}",
    }


def _approve() -> dict[str, Any]:
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
                **_SITE,
            },
        },
        "TimeoutSeconds": 604800,
        "ResultPath": "$.approved",
        "Catch": _CAUGHT,
        "Next": "Forecast",
    }


def _loading() -> States:
    """The driver alone writes tables: it is waited for, unless nobody is to load."""
    return {
        "Is it to be loaded": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.plan.is_loaded_by_driver", "BooleanEquals": True, "Next": "Is it loaded"}],
            "Default": "Clean up",
        },
        "Is it loaded": _step(
            "loaded", "Has it been loaded", {"plan.$": "$.plan", "since.$": "$$.Execution.StartTime"}, "$.loaded"
        ),
        "Has it been loaded": {
            "Type": "Choice",
            "Choices": [
                _when("$.loaded.status", "LOADED", "Clean up"),
                _when("$.loaded.status", "REFUSED", "Not loaded"),
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


_SITE = {
    "bucket": "${Bucket}",
    "role": "${ForecastRole}",
    "topic": "${Topic}",
    "prefix": "${DatabasePrefix}",
    "poll_seconds": "${PollSeconds}",
    "load_seconds": "${LoadSeconds}",
}


def _step(step: str, then: str, given: dict[str, Any], path: str) -> dict[str, Any]:
    """What the language of states cannot do: a Lambda function."""
    return {
        "Type": "Task",
        "Resource": "${StepsArn}",
        "Parameters": {"step": step, **given, **_SITE},
        "ResultPath": path,
        "Retry": [_AGAIN],
        "Catch": _CAUGHT,
        "Next": then,
    }


def _each(items: str, states: States, start: str, then: str) -> dict[str, Any]:
    """All of a list at the same time, three at most, as the API's quotas have it."""
    return {
        "Type": "Map",
        "ItemsPath": items,
        "MaxConcurrency": 3,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": start, "States": states},
        "ResultPath": "$.imported",
        "Catch": _CAUGHT,
        "Next": then,
    }


def _publish(key: str, subject: str, words: str, *paths: str) -> dict[str, Any]:
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


def _call(action: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"Resource": f"{_SDK}forecast:{action}", "Parameters": parameters}


def _when(variable: str, value: str, then: str) -> dict[str, Any]:
    return {"Variable": variable, "StringEquals": value, "Next": then}


def _exists(then: str) -> dict[str, Any]:
    """What is made already, by this run at an earlier attempt or by another at the same time, is used."""
    return {"ErrorEquals": ["Forecast.ResourceAlreadyExistsException"], "ResultPath": "$.exists", "Next": then}
