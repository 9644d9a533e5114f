"""What is made of a predictor: forecasts, what-if forecasts, and exports of either and of backtests."""

from typing import Any

from forecasting.service import faults
from forecasting.service.creation.draft import Draft
from forecasting.service.rules import places, predictors, whatif
from forecasting.service.sources import data_of
from forecasting.service.store import Json, Resource
from forecasting.service.view import View


def backtest_export(request: Json, view: View) -> Draft:
    places.check_place(request["Destination"]["S3Config"])
    source = view.ready("predictor", request["PredictorArn"])
    return Draft({"Format": "CSV", **request}, parents=(source.arn,), inputs={"source": source.arn})


def forecast(request: Json, view: View) -> Draft:
    predictors.check_types(request.get("ForecastTypes", []))
    found = view.ready("predictor", request["PredictorArn"])
    data = data_of(found.body["DatasetGroupArn"], view)
    if "TimeSeriesSelector" in request:
        whatif.check_selector(request["TimeSeriesSelector"], data.schemas, dimensions_of(found))
    body = {
        "DatasetGroupArn": data.group.arn,
        "CreatedUsingAutoPredictor": found.body["IsAutoPredictor"],
        "ForecastTypes": request.get("ForecastTypes", found.request["ForecastTypes"]),
    }
    return Draft(
        {**request, "ForecastTypes": body["ForecastTypes"]},
        body,
        (found.arn,),
        {"predictor": found.arn, "data": data.inputs},
    )


def dimensions_of(found: Resource) -> list[str]:
    """The ForecastDimensions of a predictor."""
    config: dict[str, Any] = found.request.get("FeaturizationConfig", found.request)
    return list(config.get("ForecastDimensions", []))


def forecast_export(request: Json, view: View) -> Draft:
    places.check_place(request["Destination"]["S3Config"])
    source = view.ready("forecast", request["ForecastArn"])
    return Draft({"Format": "CSV", **request}, parents=(source.arn,), inputs={"source": source.arn})


def what_if_analysis(request: Json, view: View) -> Draft:
    baseline = view.ready("forecast", request["ForecastArn"])
    if not baseline.body["CreatedUsingAutoPredictor"]:
        raise faults.invalid(f"A what-if analysis needs a forecast of an AutoPredictor; {baseline.arn} is of another")
    if "TimeSeriesSelector" in request:
        source = view.get("predictor", baseline.request["PredictorArn"])
        schemas = data_of(baseline.body["DatasetGroupArn"], view, baseline.inputs["data"]).schemas
        whatif.check_selector(request["TimeSeriesSelector"], schemas, dimensions_of(source))
    return Draft(parents=(baseline.arn,), inputs={"forecast": baseline.arn})


def what_if_forecast(request: Json, view: View) -> Draft:
    analysis = view.ready("what-if-analysis", request["WhatIfAnalysisArn"])
    baseline = view.ready("forecast", analysis.request["ForecastArn"])
    source = view.get("predictor", baseline.request["PredictorArn"])
    data = data_of(baseline.body["DatasetGroupArn"], view, baseline.inputs["data"])
    whatif.check_changes(request, data.schemas)
    inputs = {"analysis": analysis.arn, "forecast": baseline.arn, "predictor": source.arn, "data": data.inputs}
    body = {"ForecastTypes": baseline.body["ForecastTypes"]}
    return Draft(body=body, parents=(analysis.arn,), inputs=inputs)


def what_if_export(request: Json, view: View) -> Draft:
    places.check_place(request["Destination"]["S3Config"])
    arns = request["WhatIfForecastArns"]
    if len(set(arns)) != len(arns):
        raise faults.invalid("A what-if forecast is given twice")
    found = [view.ready("what-if-forecast", arn) for arn in arns]
    baselines = {one.inputs["forecast"] for one in found}
    if len(baselines) > 1:
        raise faults.invalid("The what-if forecasts of one export must have the same baseline forecast")
    whatif.check_columns([one.name for one in found])
    inputs = {"forecasts": arns, "baseline": baselines.pop()}
    return Draft({"Format": "CSV", **request}, parents=tuple(arns), inputs=inputs)
