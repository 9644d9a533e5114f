"""The backtest's export; the forecast and its export."""

from typing import Any

from infra.aws.machine.resource import resource, search
from infra.aws.machine.states import SDK, States, call


def backtest() -> States:
    lists = ("PredictorBacktestExportJobs", "PredictorBacktestExportJobName", "plan.backtest.name")
    return {
        **resource(
            "backtest",
            describe=search("listPredictorBacktestExportJobs", "PredictorArn", "best.arn", lists),
            delete=call(
                "deletePredictorBacktestExportJob",
                {"PredictorBacktestExportJobArn.$": "$.found.PredictorBacktestExportJobArn"},
            ),
            create=call(
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


def forecast() -> States:
    arn, name = {"ForecastArn.$": "$.plan.forecast_request.arn"}, "$.plan.forecast_request.name"
    export = {"ForecastExportJobArn.$": "$.plan.export.arn"}
    return {
        **resource(
            "forecast",
            describe=call("describeForecast", arn),
            delete=call("deleteResourceTree", {"ResourceArn.$": "$.plan.forecast_request.arn"}),
            create=call(
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
        **resource(
            "export",
            describe=call("describeForecastExportJob", export),
            delete=call("deleteForecastExportJob", export),
            create={"Resource": f"{SDK}forecast:createForecastExportJob", "InputPath": "$.plan.export.create"},
            name=name,
            done="Forecast exported",
        ),
        "Forecast exported": _exported({"made_at.$": "$.made_at"}),
    }


def _exported(more: dict[str, str]) -> dict[str, Any]:
    """An export that an earlier attempt made lies where that attempt put it."""
    return {"Type": "Pass", "Parameters": {"path.$": "$.found.Destination.S3Config.Path", **more}, "End": True}
