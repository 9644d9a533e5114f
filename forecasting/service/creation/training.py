"""Predictors: legacy ones, AutoPredictors, and AutoPredictors made of earlier predictors."""

from forecasting.service import faults
from forecasting.service.creation.draft import Draft
from forecasting.service.rules import holidays, places, predictors
from forecasting.service.sources import DataOf, data_of, used_imports
from forecasting.service.store import Json, Resource
from forecasting.service.view import View


def predictor(request: Json, view: View) -> Draft:
    config, horizon = request["FeaturizationConfig"], request["ForecastHorizon"]
    types = request.get("ForecastTypes", predictors.DEFAULT_TYPES)
    predictors.check_types(types)
    predictors.check_horizon(horizon)
    predictors.check_algorithm(request)
    evaluation = predictors.check_evaluation(request.get("EvaluationParameters", {}), horizon)
    holidays.check_supplementary(request["InputDataConfig"].get("SupplementaryFeatures", []))
    places.check_encryption(request)
    data = data_of(request["InputDataConfig"]["DatasetGroupArn"], view)
    predictors.check_frequency(config["ForecastFrequency"], data.schemas)
    predictors.check_dimensions(config.get("ForecastDimensions", []), data.schemas)
    predictors.check_attributes(predictors.featurized(config), data.schemas)
    defaults = {
        "PerformAutoML": False,
        "PerformHPO": False,
        "ForecastTypes": types,
        "OptimizationMetric": predictors.DEFAULT_METRIC,
    }
    completed = predictors.completed(config, data.schemas)
    effective = {**defaults, **request, "EvaluationParameters": evaluation, "FeaturizationConfig": completed}
    lane = "automl_predictors_at_once" if effective["PerformAutoML"] else "predictors_at_once"
    return _predictor_draft(effective, data, None, is_auto=False, lane=lane)


def auto_predictor(request: Json, view: View) -> Draft:
    if request.get("ExplainPredictor"):
        raise faults.invalid("The local service does not offer Explainability yet; leave ExplainPredictor out")
    if "MonitorConfig" in request:
        raise faults.invalid("The local service does not offer predictor monitoring yet; leave MonitorConfig out")
    reference = None
    if "ReferencePredictorArn" in request:
        extra = sorted(set(request) - {"PredictorName", "ReferencePredictorArn", "ExplainPredictor"})
        if extra:
            raise faults.invalid(
                f"Specify only ReferencePredictorArn and PredictorName to retrain or upgrade, not {', '.join(extra)}"
            )
        reference = view.ready("predictor", request["ReferencePredictorArn"])
        request = {**_inherited(reference), **request}
    missing = [name for name in ("ForecastHorizon", "ForecastFrequency", "DataConfig") if name not in request]
    if missing:
        raise faults.invalid(f"{', '.join(missing)} must be specified for a new predictor")
    data = _check_auto(request, view)
    defaults = {"ForecastTypes": predictors.DEFAULT_TYPES, "OptimizationMetric": predictors.DEFAULT_METRIC}
    return _predictor_draft({**defaults, **request}, data, reference, is_auto=True, lane="auto_predictors_at_once")


def _check_auto(request: Json, view: View) -> DataOf:
    predictors.check_types(request.get("ForecastTypes", []))
    predictors.check_horizon(request["ForecastHorizon"])
    holidays.check_additional(request["DataConfig"].get("AdditionalDatasets", []))
    places.check_encryption(request)
    data = data_of(request["DataConfig"]["DatasetGroupArn"], view)
    predictors.check_frequency(request["ForecastFrequency"], data.schemas)
    if "TimeAlignmentBoundary" in request:
        predictors.check_boundary(request["TimeAlignmentBoundary"], request["ForecastFrequency"])
    predictors.check_dimensions(request.get("ForecastDimensions", []), data.schemas)
    configs = request["DataConfig"].get("AttributeConfigs", [])
    predictors.check_attributes([(one["AttributeName"], one["Transformations"]) for one in configs], data.schemas)
    return data


def _inherited(reference: Resource) -> Json:
    """The configuration of a predictor as CreateAutoPredictor spells it."""
    found = _some(reference.request, "ForecastHorizon", "ForecastTypes", "OptimizationMetric", "EncryptionConfig")
    if reference.body["IsAutoPredictor"]:
        names = ("ForecastFrequency", "ForecastDimensions", "DataConfig", "TimeAlignmentBoundary")
        return found | _some(reference.request, *names)
    config, given = reference.request["FeaturizationConfig"], reference.request["InputDataConfig"]
    found |= _some(config, "ForecastFrequency", "ForecastDimensions")
    data: Json = {"DatasetGroupArn": given["DatasetGroupArn"]}
    configs = [{"AttributeName": name, "Transformations": rest} for name, rest in predictors.featurized(config) if rest]
    if configs:
        data["AttributeConfigs"] = configs
    additional = [
        {"Name": one["Name"], "Configuration": {"CountryCode": [one["Value"]]}}
        for one in given.get("SupplementaryFeatures", [])
    ]
    if additional:
        data["AdditionalDatasets"] = additional
    return {**found, "DataConfig": data}


def _some(members: Json, *names: str) -> Json:
    return {name: members[name] for name in names if name in members}


def _predictor_draft(request: Json, data: DataOf, reference: Resource | None, *, is_auto: bool, lane: str) -> Draft:
    body = {
        "DatasetGroupArn": data.group.arn,
        "IsAutoPredictor": is_auto,
        "DatasetImportJobArns": used_imports(data.inputs),
        "EncryptionConfig": request.get("EncryptionConfig", {}),
    }
    inputs = {"data": data.inputs, "reference": reference.arn if reference else None}
    return Draft(request, body, (data.group.arn,), inputs, lane, has_ulid=is_auto)
