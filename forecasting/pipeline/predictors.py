"""The predictors of a plan in the words of the API, of either kind, and the tags of all of a plan's requests."""

from typing import Any

from forecasting.definitions.definition import AUTO, Definition, Predictor
from forecasting.pipeline import sql

Request = dict[str, Any]

_ALGORITHM = "arn:aws:forecast:::algorithm/"


def predictor(definition: Definition, one: Predictor, name: str, group_arn: str, run: str) -> Request:
    """One predictor of a run: what it is called, and the request that makes it."""
    make = _automatic if one.algorithm == AUTO else _single
    return {
        "name": name,
        "kind": AUTO if one.algorithm == AUTO else "single",
        "label": "AutoPredictor" if one.algorithm == AUTO else one.algorithm,
        "group_arn": group_arn,
        "create": make(definition, one, name, group_arn) | {"Tags": tags(definition, run)},
    }


def _automatic(definition: Definition, one: Predictor, name: str, group_arn: str) -> Request:
    data: Request = {"DatasetGroupArn": group_arn}
    if definition.holidays:
        data["AdditionalDatasets"] = [{"Name": "holiday", "Configuration": {"CountryCode": [definition.holidays]}}]
    if definition.filling:
        data["AttributeConfigs"] = [{"AttributeName": sql.TARGET, "Transformations": dict(definition.filling)}]
    return _common(definition, name) | {
        "ForecastFrequency": definition.frequency,
        "DataConfig": data,
        **({"ForecastDimensions": list(definition.dimensions)} if definition.dimensions else {}),
    }


def _single(definition: Definition, one: Predictor, name: str, group_arn: str) -> Request:
    features: Request = {"ForecastFrequency": definition.frequency}
    if definition.dimensions:
        features["ForecastDimensions"] = list(definition.dimensions)
    if definition.filling:
        way = {"FeaturizationMethodName": "filling", "FeaturizationMethodParameters": dict(definition.filling)}
        features["Featurizations"] = [{"AttributeName": sql.TARGET, "FeaturizationPipeline": [way]}]
    data: Request = {"DatasetGroupArn": group_arn}
    if definition.holidays:
        data["SupplementaryFeatures"] = [{"Name": "holiday", "Value": definition.holidays}]
    return _common(definition, name) | {
        "AlgorithmArn": f"{_ALGORITHM}{one.algorithm}",
        "EvaluationParameters": {"NumberOfBacktestWindows": one.windows, "BackTestWindowOffset": definition.horizon},
        "InputDataConfig": data,
        "FeaturizationConfig": features,
        **({"TrainingParameters": dict(one.parameters)} if one.parameters else {}),
    }


def _common(definition: Definition, name: str) -> Request:
    return {
        "PredictorName": name,
        "ForecastHorizon": definition.horizon,
        "ForecastTypes": list(definition.quantiles),
        "OptimizationMetric": definition.metric,
    }


def tags(definition: Definition, run: str) -> list[Request]:
    """By which clean-up knows a forecast's resources."""
    found = [{"Key": "saleslake:forecast", "Value": definition.name}]
    return [*found, {"Key": "saleslake:run", "Value": run}] if run else found
