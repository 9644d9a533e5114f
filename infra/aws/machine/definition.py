"""The whole machine, from the plan to the notice of its end."""

import json
from pathlib import Path
from typing import Any

from infra.aws.machine.datasets import dataset
from infra.aws.machine.exports import backtest, forecast
from infra.aws.machine.facts import facts, of_a_file
from infra.aws.machine.predictors import predictor
from infra.aws.machine.states import BUSY, CAUGHT, FAILED, SDK, States, each, exists, publish, refused, step, when
from infra.aws.machine.waiting import approval, loading

FILE = Path(__file__).parents[1] / "forecast.asl.json"


def document() -> str:
    """The text of the file."""
    return json.dumps(machine(), indent=2) + "\n"


def machine() -> dict[str, Any]:
    """The whole definition."""
    states: States = {
        "Plan": step(
            "plan",
            "Is it planned",
            {
                "input.$": "$$.Execution.Input",
                "execution.$": "$$.Execution.Name",
                "execution_arn.$": "$$.Execution.Id",
                "since.$": "$$.Execution.StartTime",
            },
            "$.plan",
        ),
        "Is it planned": {
            "Type": "Choice",
            "Choices": [
                when("$.plan.status", "REFUSED", "Refuse"),
                when("$.plan.status", "BUSY", "Wait for the run before"),
                when("$.plan.status", "DONE", "Is it to be loaded"),
            ],
            "Default": "Is there a table",
        },
        "Wait for the run before": {"Type": "Wait", "SecondsPath": "$.plan.poll_seconds", "Next": "Plan"},
        "Refuse": refused("$.plan.reason"),
        **facts("Import"),
        "Import": each("$.plan.datasets", dataset(), "Look for data set", "Was it a file"),
        **of_a_file("Group"),
        "Group": {
            "Type": "Task",
            "Resource": f"{SDK}forecast:createDatasetGroup",
            "InputPath": "$.plan.group",
            "ResultPath": "$.made",
            "Retry": [BUSY],
            "Catch": [exists("Train"), *CAUGHT],
            "Next": "Train",
        },
        "Train": each("$.plan.predictors", predictor(), "Look for predictor", "Choose") | {"ResultPath": "$.trained"},
        "Choose": step("choose", "Is it to be approved", {"plan.$": "$.plan", "trained.$": "$.trained"}, "$.best"),
        "Is it to be approved": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.best.needs_approval", "BooleanEquals": True, "Next": "Approve"}],
            "Default": "Forecast",
        },
        "Approve": approval(),
        "Forecast": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Look for backtest", "States": backtest()},
                {"StartAt": "Look for forecast", "States": forecast()},
            ],
            "ResultSelector": {"backtest.$": "$[0]", "forecast.$": "$[1]"},
            "ResultPath": "$.exported",
            "Catch": CAUGHT,
            "Next": "Record",
        },
        "Record": step(
            "record",
            "Is it to be loaded",
            {"plan.$": "$.plan", "best.$": "$.best", "exported.$": "$.exported"},
            "$.run",
        ),
        **loading(),
        "Clean up": step("clean", "Is it news", {"plan.$": "$.plan"}, "$.cleaned"),
        "Is it news": {
            "Type": "Choice",
            "Choices": [when("$.plan.status", "NEW", "Tell of the end")],
            "Default": "End",
        },
        "Tell of the end": publish("Subject", "Forecast is there", "{} has run {}", "$.plan.forecast", "$.plan.run_id")
        | {"Next": "End", "Catch": CAUGHT},
        "End": {"Type": "Succeed"},
        FAILED: publish("Subject", "Forecast failed", "{} failed: {}", "$$.Execution.Name", "$.error.Cause")
        | {"Next": "Failed", "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.untold", "Next": "Failed"}]},
        "Failed": {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"},
    }
    return {"Comment": "From gold to a forecast's exports; docs/forecasting.md", "StartAt": "Plan", "States": states}
